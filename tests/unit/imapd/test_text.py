"""Text as a person reads it."""

import base64
import sys
from collections.abc import Callable

import pytest

from services.imapd.text import KEEP_CHARACTERS, MAX_HEADER_BYTES, Document
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
    ("header", "content", "text"),
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
def test_body_is_decoded(header: bytes, content: bytes, text: str) -> None:
    assert Document(b"Subject: x\r\n" + header + b"\r\n" + content).beginnings(1000)[1] == fold(text)


def test_fields_are_found_by_name_in_order() -> None:
    document = Document(b"To: A\r\nX: y\r\nto: B\r\n C\r\n\r\n")
    assert document.field(b"to") == ["A", "B C"]
    assert document.field(b"cc") == []
    assert document.header == "TO: A\nX: Y\nTO: B C"


LINE = ("caf\u00e9 " * 10 + "\r\n").encode()
LONG = LINE * ((5 << 18) // len(LINE))


@pytest.mark.parametrize(
    ("fields", "encode"),
    [
        (b"", lambda text: text),
        (b"Content-Transfer-Encoding: base64\r\n", base64.encodebytes),
        (b"Content-Transfer-Encoding: base64\r\n", base64.b64encode),
        (b"Content-Transfer-Encoding: quoted-printable\r\n", lambda text: text.replace(b"\xc3\xa9 ", b"=C3=A9=\r\n=20")),
        (b"Content-Transfer-Encoding: quoted-printable\r\n", lambda text: text.replace(b"\xc3\xa9 \r\n", b"=C3=A9=20=0D=0A")),
        (b"Content-Transfer-Encoding: x-own\r\n", lambda text: text),
    ],
)
def test_text_is_found_however_long_the_message_is(fields: bytes, encode: Callable[[bytes], bytes]) -> None:
    part = b"--b\r\n" + fields + b"\r\n" + encode(LONG + b"needle" + LONG) + b"\r\n"
    document = Document(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part + b"--b\r\n\r\nthe end\r\n--b--\r\n")
    for text in ("CAF", "NEEDLE", fold("café ") * 10 + "\r\nNEEDLE", "\nTHE END"):
        assert document.has_in_body(text)
    for text in ("\ufffd", "NEEDLES", "CAFE ", "=20", "END\r\n\r\n"):
        assert not document.has_in_body(text)


def test_text_is_found_in_more_than_is_kept() -> None:
    document = Document(b"Subject: x\r\n\r\n" + b"x" * KEEP_CHARACTERS + b"needle" + b"y" * KEEP_CHARACTERS)
    assert document.has_in_body("XNEEDLEY") and not document.has_in_body("NEEDLES") and document.has_in_body("NEEDLE")


def test_text_across_pieces_is_found() -> None:
    document = Document(b"\r\n" + b"".join(b"%07d " % number for number in range(300_000)))
    assert all(document.has_in_body(f"{number:07d} {number + 1:07d}") for number in range(0, 299_999, 4095))
    assert not document.has_in_body("0000001 0000003")


def test_headers_of_parts_share_what_is_read_of_a_message() -> None:
    part = b"\r\n--b\r\nX: " + b"y" * (MAX_HEADER_BYTES // 4) + b"\r\n\r\n"
    document = Document(b"Content-Type: multipart/mixed; boundary=b\r\n\r\n" + part * 10)
    assert MAX_HEADER_BYTES * 0.9 < document.header.count("Y") < MAX_HEADER_BYTES


def test_no_more_is_made_comparable_than_is_wanted() -> None:
    content = b"Content-Type: text/plain; charset=utf-8\r\n\r\n" + "\N{ARABIC LIGATURE SALLALLAHOU ALAYHE WASALLAM}".encode() * 700_000
    assert 200_000 < len(Document(content).beginnings(200_000)[1]) < 2_000_000


def test_beginning_of_a_text_shows_whether_it_is_longer() -> None:
    document = Document(b"Subject: x\r\n\r\n" + "ä".encode() * 500_000)
    header, body = document.beginnings(100_000)
    assert header == "SUBJECT: X"
    assert 100_000 < len(body) < 300_000
    assert document.beginnings(sys.maxsize)[1] == fold("ä") * 500_000
