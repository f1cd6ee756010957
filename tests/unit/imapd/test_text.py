"""Text as a person reads it."""

import pytest

from services.imapd.text import MAX_DECODED_BYTES, MAX_FOLDED_CHARACTERS, MAX_HEADER_BYTES, Document
from services.kernel.mail.casemap import fold
from services.kernel.mail.decoding import decode_header


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (b"plain", "plain"),
        (b"=?utf-8?Q?caf=C3=A9_au_lait?=", "café au lait"),
        (b"=?ISO-8859-1?b?Y2Fm6Q==?= and more", "café and more"),
        (b"=?utf-8?q?a?= =?utf-8?q?b?=", "ab"),
        (b"=?utf-8?q?a?= b =?utf-8?q?c?=", "a b c"),
        (b"=?utf-8*en?q?a?=", "a"),
        (b"=?x-none?q?a=E9?=", "aé"),
        (b"=?utf-8?b?!!!?=", ""),
        (b"=?utf-8?q?broken", "=?utf-8?q?broken"),
        ("rösti".encode(), "rösti"),
        (b"r\xf6sti", "r\ufffdsti"),
    ],
)
def test_header_is_decoded(value: bytes, text: str) -> None:
    assert decode_header(value) == text


@pytest.mark.parametrize(
    ("header", "body", "text"),
    [
        (b"", b"Hello", "hello"),
        (b"Content-Type: text/plain; charset=iso-8859-1\r\n", b"caf\xe9", "café"),
        (b"Content-Transfer-Encoding: quoted-printable\r\n", b"caf=C3=\r\n=A9", "café"),
        (b"Content-Transfer-Encoding: base64\r\n", b"Y2Fm\r\nw6k=\r\n", "café"),
        (b"Content-Transfer-Encoding: base64\r\n", b"Y2Fmw", "caf"),
        (b"Content-Type: text/plain; charset=utf-16\r\n", b"a\0b\0c", "ab\ufffd"),
        (b"Content-Type: text/plain; charset=idna\r\n", b"abc", "abc"),
        (b"Content-Type: image/png\r\n", b"abc", ""),
    ],
)
def test_body_is_decoded(header: bytes, body: bytes, text: str) -> None:
    assert Document(b"Subject: x\r\n" + header + b"\r\n" + body).body == fold(text)


def test_fields_are_found_by_name_in_order() -> None:
    document = Document(b"To: A\r\nX: y\r\nto: B\r\n C\r\n\r\n")
    assert document.field(b"to") == ["A", "B C"]
    assert document.field(b"cc") == []
    assert document.header == "TO: A\nX: Y\nTO: B C"


def test_text_parts_share_what_is_decoded_of_a_message() -> None:
    part = b"\r\n--b\r\n\r\n" + b"x" * (MAX_DECODED_BYTES // 4)
    document = Document(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 10)
    assert document.body.count("X") == MAX_DECODED_BYTES


def test_headers_of_parts_share_what_is_read_of_a_message() -> None:
    part = b"\r\n--b\r\nX: " + b"y" * (MAX_HEADER_BYTES // 4) + b"\r\n\r\n"
    document = Document(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 10)
    assert MAX_HEADER_BYTES * 0.9 < document.header.count("Y") < MAX_HEADER_BYTES


def test_text_that_grows_when_it_is_made_comparable_is_bounded() -> None:
    grown = Document(b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}".encode() * 700_000).body
    assert MAX_FOLDED_CHARACTERS < len(grown) < 2 * MAX_FOLDED_CHARACTERS


def test_beginning_of_a_text_shows_whether_it_is_longer() -> None:
    document = Document(b"Subject: x\r\n\r\n" + "ä".encode() * 500_000)
    header, body = document.beginnings(100_000)
    assert header == "SUBJECT: X"
    assert 100_000 < len(body) < 300_000
    assert document.body.startswith(body)
