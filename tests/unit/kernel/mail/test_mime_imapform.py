import pytest

from services.kernel.mail.mime.imapform import bodystructure, nstring, string
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
