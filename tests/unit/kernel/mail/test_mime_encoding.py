"""Transfer encodings undone."""

import base64
import binascii
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.mime.encoding import decode


@pytest.mark.parametrize(
    ("encoding", "text", "expected"),
    [
        (b"", b"a=b", b"a=b"),
        (b"7BIT", b"a=b", b"a=b"),
        (b"base64", b"aGVs\r\nbG8=\r\n", b"hello"),
        (b"Base64", b"aGVs!bG8", b"hello"),
        (b"base64", b"aGVsbG8=trailer", b"hello"),
        (b"base64", b"a", b""),
        (b"quoted-printable", b"caf=E9 =\r\nau \r\nlait  ", b"caf\xe9 au\r\nlait"),
        (b"x-own", b"a", None),
    ],
)
def test_decoded(encoding: bytes, text: bytes, expected: bytes | None) -> None:
    assert decode(b"head" + text + b"tail", 4, 4 + len(text), encoding) == expected


def test_large_text_is_decoded_whole() -> None:
    octets = bytes(range(256)) * 9_000
    text = base64.encodebytes(octets)
    assert decode(text, 0, len(text), b"base64") == octets


@given(st.lists(st.sampled_from([b" ", b"\t", b"\r", b"\n", b"a", b"="]), max_size=12).map(b"".join))
def test_white_space_at_the_end_of_a_quoted_printable_line_goes(text: bytes) -> None:
    assert decode(text, 0, len(text), b"quoted-printable") == binascii.a2b_qp(re.sub(rb"[ \t]+(?=\r?\n|\Z)", b"", text))


def test_many_blanks_are_no_work() -> None:
    text = b"a" + b" " * 1_000_000 + b"b"
    assert decode(text, 0, len(text), b"quoted-printable") == text
