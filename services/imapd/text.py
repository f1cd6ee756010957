"""The words of a message as a person reads them, for SEARCH: charsets, encoded words and transfer encodings undone."""

import binascii
import re
import unicodedata
from collections.abc import Iterator

from services.imapd.grammar.charset import find as find_charset
from services.imapd.sections import header_end
from services.kernel.mail.mime import fields
from services.kernel.mail.mime.structure import Part, scan
from services.kernel.mailbox.served import Content

MAX_DECODED_BYTES = 1 << 24
"""Of one text part; what is beyond is not searched. No one writes 16 MB by hand."""

_ENCODED_WORD = re.compile(rb"=\?([A-Za-z0-9._:+-]{1,40})(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?([^? ]*)\?=(?:[ \t]+(?==\?))?")
"""RFC 2047 section 2; white space between two of them is none (section 6.2)."""
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/]+")


def folded(text: str) -> str:
    """Return the form in which texts are compared: without case, composed characters as one (RFC 5051 in spirit)."""
    return text.casefold() if text.isascii() else unicodedata.normalize("NFC", text.casefold())


def decode_header(value: bytes) -> str:
    """Return an unfolded header value with its encoded words decoded (RFC 2047)."""
    pieces = []
    at = 0
    for found in _ENCODED_WORD.finditer(value):
        pieces.append(_decode(value[at : found.start()], b"utf-8"))
        raw = _from_base64(found[3]) if found[2] in b"Bb" else binascii.a2b_qp(found[3], header=True)
        pieces.append(_decode(raw, found[1]))
        at = found.end()
    pieces.append(_decode(value[at:], b"utf-8"))
    return "".join(pieces)


class Document:
    """A message for searching; each part of the work is done when first asked for."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._header_bytes = content[: header_end(content)]
        self._fields: dict[bytes, list[str]] | None = None
        self._header: str | None = None
        self._body: str | None = None

    def field(self, name: bytes) -> list[str]:
        """The values of a field (in lower case), decoded and folded."""
        if self._fields is None:
            self._fields = {}
            for key, field in fields.split(self._header_bytes):
                self._fields.setdefault(key, []).append(folded(decode_header(fields.value(field))))
        return self._fields.get(name, [])

    @property
    def header(self) -> str:
        """The whole header, decoded and folded."""
        if self._header is None:
            self._header = _header_text(self._header_bytes)
        return self._header

    @property
    def body(self) -> str:
        """All text of the body, with the headers of messages inside, decoded and folded."""
        if self._body is None:
            self._body = "\n".join(_texts(self._content, scan(self._content)))
        return self._body


def _header_text(header: bytes) -> str:
    return folded("\n".join(decode_header(fields.unfold(field)) for _, field in fields.split(header)))


def _texts(content: Content, part: Part) -> Iterator[str]:
    for child in part.children:
        yield _header_text(content[child.start : child.body_start])
        yield from _texts(content, child)
    if not part.children and part.media.is_a(b"text"):
        yield folded(_decode(_body_bytes(content, part), part.media.parameter(b"charset") or b"utf-8"))


def _body_bytes(content: Content, part: Part) -> bytes:
    raw = content[part.body_start : min(part.end, part.body_start + MAX_DECODED_BYTES)]
    encoding = (part.label.encoding or b"").lower()
    if encoding == b"base64":
        return _from_base64(raw)
    return binascii.a2b_qp(raw) if encoding == b"quoted-printable" else raw


def _from_base64(raw: bytes) -> bytes:
    """Decode what there is, whatever stands between and whether or not it is complete."""
    letters = _NOT_BASE64.sub(b"", raw)
    whole = letters[: len(letters) - (len(letters) % 4 == 1)]
    return binascii.a2b_base64(whole + b"=" * (-len(whole) % 4))


def _decode(raw: bytes, charset: bytes) -> str:
    """What says to be ASCII, or says nothing, is often UTF-8, which holds ASCII; what is in no charset we know has at least its ASCII right."""
    name = find_charset(charset) or "latin-1"
    return raw.decode("utf-8" if name == "ascii" else name, "replace")
