import pytest

from services.kernel.mail.mime.envelope import envelope
from services.kernel.mail.mime.imapform import body, bodystructure, envelope_form, nstring, string
from services.kernel.mail.mime.structure import scan


@pytest.mark.parametrize(
    ("text", "form"),
    [
        (b"", b'""'),
        (b"plain text", b'"plain text"'),
        (b'a"b\\c', b'"a\\"b\\\\c"'),
        (b"\xc3\xa4", b"{2}\r\n\xc3\xa4"),
        (b"a\r\nb", b"{4}\r\na\r\nb"),
        (b"a\0b", b"{5}\r\na\xef\xbf\xbdb"),
    ],
)
def test_text_is_quoted_or_a_literal(text: bytes, form: bytes) -> None:
    assert string(text) == form


def test_none_is_nil() -> None:
    assert nstring(None) == b"NIL"


def test_message_inside_has_its_type_in_small_letters() -> None:
    content = b"Content-Type: Message/RFC822\r\n\r\nSubject: x\r\n\r\n"
    assert bodystructure(content, scan(content)).startswith(b'("message" "rfc822" ')


def test_envelope_of_many_addresses_is_limited() -> None:
    assert len(envelope_form(envelope(b"From:" + b"a," * 500_000))) < 1 << 20


def test_envelopes_inside_are_nil_where_too_many_are_too_long() -> None:
    letter = b"--b\nContent-Type: message/rfc822\n\nFrom: " + b"a@b," * 5_000 + b"\n\nx\n"
    content = b"Content-Type: multipart/mixed; boundary=b\n\n" + letter * 100
    for form in (body(content, scan(content)), bodystructure(content, scan(content))):
        assert len(form) < 18_000_000
        assert form.count(b'"message" "rfc822"') == 100
        assert 0 < form.count(b" (NIL NIL NIL NIL NIL NIL NIL NIL NIL NIL) ") < 100


def test_envelopes_of_a_digest_as_large_as_can_be_are_all_told() -> None:
    letter = b"--b\n\nDate: Mon, 7 Sep 2026 10:00:00 +0000\nFrom: Ann B <ann@b.example>\nTo: list@b.example\nSubject: %b\n\nx\n" % (b"x" * 1_000)
    content = b"Content-Type: multipart/digest; boundary=b\n\n" + letter * 4_000
    assert body(content, scan(content)).count(b'"Ann B"') == 3 * 4_000
