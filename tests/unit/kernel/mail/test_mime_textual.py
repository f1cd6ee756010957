"""Binary parts become base64, and nothing else changes."""

import email
import email.policy

from hypothesis import given
from hypothesis import strategies as st

from services.kernel.mail.mime.textual import pieces

PICTURE = bytes(range(256)) * 1000


def lines(*parts: bytes) -> bytes:
    return b"\r\n".join((*parts, b""))


MIXED = lines(
    b"Subject: mixed",
    b"MIME-Version: 1.0",
    b"Content-Transfer-Encoding: BINARY",
    b"Content-Type: multipart/mixed; boundary=x",
    b"",
    b"preamble",
    b"--x",
    b"Content-Type: text/plain",
    b"",
    b"text",
    b"--x",
    b"Content-Type: image/png",
    b"Content-Transfer-Encoding: binary",
    b"Content-ID: <1>",
    b"",
    PICTURE,
    b"--x",
    b"",
    b"a\0b",
    b"--x--",
)


def converted(message: bytes) -> bytes:
    return b"".join(pieces(message))


def test_binary_part_is_encoded_and_the_others_stay() -> None:
    found = email.message_from_bytes(converted(MIXED), policy=email.policy.SMTP)
    text, picture, unlabelled = found.iter_parts()
    assert found["Content-Transfer-Encoding"] == "8bit"
    assert text.as_bytes() == b"Content-Type: text/plain\r\n\r\ntext"
    assert (picture["Content-Transfer-Encoding"], picture["Content-ID"]) == ("base64", "<1>")
    assert picture.get_payload(decode=True) == PICTURE
    assert unlabelled.get_payload(decode=True) == b"a\0b"
    assert b"\0" not in converted(MIXED)
    assert converted(MIXED).startswith(b"Subject: mixed\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=x\r\n")


def test_message_that_is_one_binary_part_is_encoded() -> None:
    message = b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n" + PICTURE
    found = email.message_from_bytes(converted(message))
    assert found.get_payload(decode=True) == PICTURE


@given(st.binary(max_size=200).map(lambda body: b"Subject: x\r\n\r\n" + body.replace(b"\0", b"0")))
def test_message_without_binary_is_the_same(message: bytes) -> None:
    assert converted(message) == message


@given(st.binary(max_size=500))
def test_any_bytes_are_taken(message: bytes) -> None:
    converted(message)
