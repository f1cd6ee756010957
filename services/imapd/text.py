"""The words of a message as a person reads them, for SEARCH: charsets, encoded words and transfer encodings undone."""

import re
from collections.abc import Iterator, Sequence

from services.imapd.objectid import email_id
from services.imapd.sections import header_end
from services.kernel.mail import casemap
from services.kernel.mail.decoding import decode_header, decode_text
from services.kernel.mail.mime import encoding, fields
from services.kernel.mail.mime.structure import Part, scan
from services.kernel.mailbox.served import Content

MAX_DECODED_BYTES = 1 << 21
"""Of the text parts of a message together, as they are transferred; what is beyond is not searched. No one writes 2 MB by hand."""
MAX_HEADER_BYTES = 1 << 18
"""Of the header, and of those of all parts together; what is beyond is not searched. Postfix cuts a header at 102,400 bytes."""
MAX_FOLDED_CHARACTERS = 1 << 22
"""Of either text in comparable form: one character can become eighteen. No language takes more than three."""

_LINE_ENDS = re.compile(r"[\r\n]")
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_FOLD_CHARACTERS = 1 << 16
"""Folded at a time, so that a text that grows is noticed in time."""


def comparable(text: str) -> str:
    """Return the form in which texts are compared: folded, and without NUL and halves of characters, which no index can hold."""
    text = text.replace("\0", " ")
    return casemap.fold(text if text.isascii() else _SURROGATES.sub("\ufffd", text))


def comparable_line(text: str) -> str:
    """The same for what stands on one line, such as the value of a header field."""
    return comparable(_LINE_ENDS.sub(" ", text))


def comparable_beginning(text: str, most: int) -> str:
    """The same for a long text; what is more than ``most`` characters in that form may be missing, but not all of it."""
    pieces: list[str] = []
    size = 0
    for start in range(0, len(text), _FOLD_CHARACTERS):
        pieces.append(comparable(text[start : start + _FOLD_CHARACTERS]))
        size += len(pieces[-1])
        if size > most:
            break
    return "".join(pieces)


class Document:
    """A message for searching; each part of the work is done when first asked for."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._header_bytes = content[: min(header_end(content), MAX_HEADER_BYTES)]
        self._fields: dict[bytes, list[bytes]] | None = None
        self._decoded: tuple[str, str] | None = None
        self._texts: tuple[str, str] | None = None

    def raw(self, name: bytes) -> Sequence[bytes]:
        """The values of a field (in lower case), unfolded, as they are written."""
        if self._fields is None:
            self._fields = {}
            for key, field in fields.split(self._header_bytes):
                self._fields.setdefault(key, []).append(fields.value(field))
        return self._fields.get(name, ())

    def field(self, name: bytes) -> list[str]:
        """The values of a field (in lower case), decoded and comparable."""
        return [comparable_line(decode_header(value)) for value in self.raw(name)]

    @property
    def email_id(self) -> bytes:
        """EMAILID."""
        return email_id(self._content)

    @property
    def header(self) -> str:
        """The whole header and those of all parts and of messages inside, decoded and comparable."""
        return self._all_texts()[0]

    @property
    def body(self) -> str:
        """All text of the body without headers, decoded and comparable (RFC 9051 section 6.4.4, BODY)."""
        return self._all_texts()[1]

    def beginnings(self, most: int) -> tuple[str, str]:
        """Header and body; of one that is longer than ``most`` characters no more need be there than shows that it is."""
        if self._texts is not None:
            return self._texts
        header, body = (comparable_beginning(text, most) for text in self._all_decoded())
        if len(header) <= most and len(body) <= most:
            self._texts = header, body
        return header, body

    def _all_texts(self) -> tuple[str, str]:
        if self._texts is None:
            header, body = (comparable_beginning(text, MAX_FOLDED_CHARACTERS) for text in self._all_decoded())
            self._texts = header, body
        return self._texts

    def _all_decoded(self) -> tuple[str, str]:
        if self._decoded is None:
            parts = list(_parts(scan(self._content)))
            self._decoded = "\n".join(_headers(self._content, parts)), "\n".join(_bodies(self._content, parts))
        return self._decoded


def _headers(content: Content, parts: Sequence[Part]) -> Iterator[str]:
    left = MAX_HEADER_BYTES
    for part in parts:
        header = content[part.start : min(part.body_start, part.start + left)]
        left -= len(header)
        yield "\n".join(_LINE_ENDS.sub(" ", decode_header(fields.unfold(field))) for _, field in fields.split(header))


def _bodies(content: Content, parts: Sequence[Part]) -> Iterator[str]:
    left = MAX_DECODED_BYTES
    for part in parts:
        if not part.children and part.media.is_a(b"text"):
            end = min(part.end, part.body_start + left)
            left -= end - part.body_start
            yield decode_text(_body_bytes(content, part, end), part.media.parameter(b"charset") or b"utf-8")


def _parts(part: Part) -> Iterator[Part]:
    yield part
    for child in part.children:
        yield from _parts(child)


def _body_bytes(content: Content, part: Part, end: int) -> bytes:
    decoded = encoding.decode(content, part.body_start, end, part.label.encoding or b"")
    return decoded if decoded is not None else content[part.body_start : end]
