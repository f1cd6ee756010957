"""Text as a person reads it."""

import pytest

from services.imapd.text import Document, decode_header, folded


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
    assert Document(b"Subject: x\r\n" + header + b"\r\n" + body).body == text


def test_comparison_forgets_case_and_composition() -> None:
    assert folded("CAFE\u0301 Straße") == folded("café STRASSE")


def test_fields_are_found_by_name_in_order() -> None:
    document = Document(b"To: A\r\nX: y\r\nto: B\r\n C\r\n\r\n")
    assert document.field(b"to") == ["a", "b c"]
    assert document.field(b"cc") == []
    assert document.header == "to: a\nx: y\nto: b c"
