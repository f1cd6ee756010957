"""Content made 7-bit on its way: whoever decodes it gets what was sent. The reader is Python's own, not ours."""

import os
from collections.abc import Iterator
from email import message_from_bytes, policy
from email.message import Message
from pathlib import Path
from typing import cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.kernel.mail import conversion
from services.kernel.mail.conversion import NotConvertible
from services.kernel.smtp.client_content import BLOCK_BYTES, Extent
from services.kernel.smtp.client_rendition import Mapped, Rendition

TEXT = "Grüße aus München.  \r\n.\r\n=A0 bleibt\t\r\n" + "ä" * 300 + "\r\n"
HEAD = b"From: a@b.test\r\nSubject: x\r\n"
PLAIN = b"MIME-Version: 1.0\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"


class Convert:
    def __init__(self, path: Path) -> None:
        self._path = path

    def __call__(self, content: bytes) -> bytes:
        self._path.write_bytes(b"head" + content + b"tail")
        fd = os.open(self._path, os.O_RDONLY)
        extent = Extent(fd, 4, len(content))
        mapped = Mapped(extent)
        try:
            stream = Rendition(extent, conversion.plan(mapped)).stream()
            blocks = []
            while stream.has_more:
                blocks.append(stream.read())
            return b"".join(blocks)
        finally:
            mapped.close()
            os.close(fd)


@pytest.fixture
def convert(tmp_path: Path) -> Convert:
    return Convert(tmp_path / "message")


def read(content: bytes) -> Message:
    assert content.isascii()
    assert max(map(len, content.split(b"\r\n"))) <= 998
    assert content.count(b"\n") == content.count(b"\r") == content.count(b"\r\n")
    return message_from_bytes(content, policy=policy.compat32)


def leaves(message: Message) -> Iterator[bytes]:
    return (cast(bytes, part.get_payload(decode=True)) for part in message.walk() if not part.is_multipart())


def multipart(*parts: bytes, kind: bytes = b"mixed", encoding: bytes = b"8bit") -> bytes:
    fields = b"MIME-Version: 1.0\r\nContent-Type: multipart/" + kind + b'; boundary="=b="\r\nContent-Transfer-Encoding: ' + encoding
    head = HEAD + fields + b"\r\n\r\n"
    return head + b"preamble\r\n" + b"".join(b"--=b=\r\n" + part + b"\r\n" for part in parts) + b"--=b=--\r\n"


def test_text_becomes_quoted_printable(convert: Convert) -> None:
    made = read(convert(HEAD + PLAIN + TEXT.encode()))
    assert (made["Content-Transfer-Encoding"], made["Subject"], made.get_all("MIME-Version")) == ("quoted-printable", "x", ["1.0"])
    assert list(leaves(made)) == [TEXT.encode()]


def test_text_that_is_no_mime_becomes_it(convert: Convert) -> None:
    made = read(convert(HEAD + b"\r\n" + TEXT.encode()))
    assert (made["MIME-Version"], made["Content-Type"]) == ("1.0", "text/plain; charset=unknown-8bit")
    assert list(leaves(made)) == [TEXT.encode()]


def test_what_is_no_text_becomes_base64(convert: Convert) -> None:
    octets = bytes(range(256)) * 300
    made = read(convert(HEAD + PLAIN.replace(b"text/plain", b"application/octet-stream") + octets))
    assert made["Content-Transfer-Encoding"] == "base64"
    assert list(leaves(made)) == [octets]


def test_text_with_bare_line_ends_becomes_base64(convert: Convert) -> None:
    made = read(convert(HEAD + PLAIN + b"\xe4 bare\rreturn\r\n"))
    assert list(leaves(made)) == [b"\xe4 bare\rreturn\r\n"]


def test_only_the_parts_that_are_8_bit_change(convert: Convert) -> None:
    seven = b"Content-Type: text/plain\r\nX-Odd:   spaces \r\n\r\nseven\r\n"
    made = convert(multipart(seven, PLAIN + "ä".encode()))
    assert seven in made
    message = read(made)
    assert message["Content-Transfer-Encoding"] == "7bit"
    assert list(leaves(message)) == [b"seven\r\n", "ä".encode()]
    assert [part["Content-Transfer-Encoding"] for part in message.walk()] == ["7bit", None, "quoted-printable"]


def test_message_within_a_message_is_converted(convert: Convert) -> None:
    inner = multipart(b"Content-Type: message/rfc822\r\nContent-Transfer-Encoding: 8bit\r\n\r\n" + HEAD + PLAIN + TEXT.encode())
    made = read(convert(inner))
    assert list(leaves(made)) == [TEXT.encode()]
    assert [part["Content-Transfer-Encoding"] for part in made.walk()] == ["7bit", "7bit", "quoted-printable"]


def test_text_that_nobody_reads_is_masked(convert: Convert) -> None:
    made = convert(multipart(PLAIN + b"\xe4").replace(b"preamble", b"pr\xc3\xa4ambel") + b"\xe4pilog\r\n")
    assert b"pr??ambel\r\n--=b=\r\n" in made
    assert list(leaves(read(made))) == [b"\xe4"]


def test_seven_bit_message_stays_as_it_is(convert: Convert) -> None:
    content = multipart(b"Content-Transfer-Encoding: 8bit\r\n\r\nseven")
    assert convert(content) == content


def test_header_that_is_not_ascii_is_left_alone(convert: Convert) -> None:
    made = convert("Subject: Grüße\r\n".encode() + PLAIN + "ä".encode())
    assert made.startswith("Subject: Grüße\r\n".encode())
    assert made.endswith(b"\r\n\r\n=C3=A4")


def test_quoted_printable_that_is_8_bit_is_repaired(convert: Convert) -> None:
    made = read(convert(HEAD + PLAIN.replace(b"8bit", b"quoted-printable") + b"=C3=A4 \xc3\xbc\r\n"))
    assert list(leaves(made)) == ["ä ü\r\n".encode()]


@pytest.mark.parametrize(
    "content",
    [
        HEAD + b"Content-Type: message/partial; id=1; number=1\r\n\r\n\xe4",
        HEAD + b"Content-Type: message/delivery-status\r\n\r\n\xe4",
        HEAD + b"Content-Type: multipart/mixed\r\n\r\n\xe4",
        HEAD + b"Content-Type: text/plain\r\nContent-Transfer-Encoding: x-uuencode\r\n\r\n\xe4",
    ],
)
def test_what_may_not_be_encoded_is_refused(convert: Convert, content: bytes) -> None:
    with pytest.raises(NotConvertible):
        convert(content)


@pytest.mark.parametrize("line", [b"\xe4" * 997 + b"\r\n", b"\xe4" * BLOCK_BYTES + b"\r\n", b"\xe4" * (3 * BLOCK_BYTES + 1), b"\xe4\r\n" * 99_999])
@pytest.mark.parametrize("kind", [b"text/plain", b"application/octet-stream"])
def test_large_content_is_converted_in_blocks(convert: Convert, line: bytes, kind: bytes) -> None:
    made = read(convert(HEAD + PLAIN.replace(b"text/plain", kind) + line))
    assert list(leaves(made)) == [line]


@settings(max_examples=200)
@given(st.lists(st.sampled_from([b"\r\n", b"\xe4", b"=", b" ", b"\t", b".", b"x" * 80, b"\x00", b"--=b=", "ü".encode()]), max_size=40))
def test_any_text_comes_out_as_it_went_in(tmp_path_factory: pytest.TempPathFactory, words: list[bytes]) -> None:
    text = b"\xe4" + b"".join(words)
    made = message_from_bytes(Convert(tmp_path_factory.getbasetemp() / "any")(HEAD + PLAIN + text), policy=policy.compat32)
    assert list(leaves(made)) == [text]
