"""The words of a message as a person reads them, for SEARCH: charsets, encoded words and transfer encodings undone."""

import re
from collections.abc import Iterable, Iterator, Sequence

from services.imapd.objectid import email_id
from services.kernel.mail import casemap
from services.kernel.mail.decoding import decode_header, decode_pieces
from services.kernel.mail.mime import addresses, encoding, fields
from services.kernel.mail.mime.structure import Part, scan
from services.kernel.mailbox.served import Content, header_end

MAX_HEADER_BYTES = 1 << 18
"""Of the header, and of those of all parts together; what is beyond is not searched. Postfix cuts a header at 102,400 bytes."""
KEEP_CHARACTERS = 1 << 22
"""Of the body in comparable form that are kept for the next question; a longer one is made anew for each, piece by piece."""

_ADDRESS_FIELDS = frozenset({b"from", b"sender", b"reply-to", b"to", b"cc", b"bcc"})
_IN_PIECES = re.compile(rb'[(]|[\s"]@|@\s')
"""What stands in lists whose addresses may have a comment or white space within."""
_SURROGATES = re.compile(r"[\ud800-\udfff]")
_FOLD_CHARACTERS = 1 << 16
"""Folded at a time: one character can become eighteen."""


def comparable(text: str) -> str:
    """Return the form in which texts are compared: folded, and without NUL and halves of characters, which no index can hold."""
    text = text.replace("\0", " ")
    return casemap.fold(text if text.isascii() else _SURROGATES.sub("\ufffd", text))


def comparable_line(text: str) -> str:
    """The same for what stands on one line, such as the value of a header field."""
    return comparable(_on_one_line(text))


def _on_one_line(text: str) -> str:
    return text.replace("\r", " ").replace("\n", " ")


def comparable_pieces(texts: Iterable[str]) -> Iterator[str]:
    """The same for a long text, in pieces both ways."""
    for text in texts:
        for start in range(0, len(text), _FOLD_CHARACTERS):
            yield comparable(text[start : start + _FOLD_CHARACTERS])


class Document:
    """A message for searching; each part of the work is done when first asked for."""

    def __init__(self, content: Content) -> None:
        self._content = content
        self._header_bytes = content[: min(header_end(content), MAX_HEADER_BYTES)]
        self._fields: dict[bytes, list[bytes]] | None = None
        self._parts: list[Part] | None = None
        self._header: str | None = None
        self._body: list[str] | None = None

    def raw(self, name: bytes) -> Sequence[bytes]:
        """The values of a field (in lower case), unfolded, as they are written."""
        if self._fields is None:
            self._fields = {}
            for key, field in fields.split(self._header_bytes):
                self._fields.setdefault(key, []).append(fields.value(field))
        return self._fields.get(name, ())

    def field(self, name: bytes) -> list[str]:
        """The values of a field (in lower case), decoded and comparable; then addresses that may not be spelled so there."""
        values = self.raw(name)
        more = _respelled(values) if name in _ADDRESS_FIELDS else ()
        return [comparable_line(decode_header(value)) for value in (*values, *more)]

    @property
    def email_id(self) -> bytes:
        """EMAILID."""
        return email_id(self._content)

    @property
    def header(self) -> str:
        """The whole header and those of all parts and of messages inside, decoded and comparable."""
        if self._header is None:
            self._header = "".join(comparable_pieces(["\n".join(_headers(self._content, self._all_parts()))]))
        return self._header

    def has_in_body(self, text: str) -> bool:
        """Whether a text, decoded and comparable, is in the body without headers, however long that is (RFC 9051 section 6.4.4, BODY)."""
        before = ""
        for piece in self._body_pieces():
            seen = before + piece
            if text in seen:
                return True
            before = seen[max(len(seen) - len(text) + 1, 0) :]
        return not text

    def beginnings(self, most: int) -> tuple[str, str]:
        """Header and body; of one that is longer than ``most`` characters at least what shows that it is."""
        pieces: list[str] = []
        size = 0
        for piece in self._body_pieces():
            pieces.append(piece)
            size += len(piece)
            if size > most:
                break
        return self.header, "".join(pieces)

    def _body_pieces(self) -> Iterable[str]:
        return self._body if self._body is not None else self._read_body()

    def _read_body(self) -> Iterator[str]:
        kept: list[str] = []
        size = 0
        for piece in comparable_pieces(_bodies(self._content, self._all_parts())):
            size += len(piece)
            if size <= KEEP_CHARACTERS:
                kept.append(piece)
            yield piece
        if size <= KEEP_CHARACTERS:
            self._body = kept

    def _all_parts(self) -> Sequence[Part]:
        if self._parts is None:
            self._parts = list(_parts(scan(self._content)))
        return self._parts


def _respelled(values: Iterable[bytes]) -> Iterator[bytes]:
    """Addresses as ENVELOPE gives them, which is what FROM is asked of (RFC 3501 section 6.4.4), where they may have a comment within."""
    for value in filter(_IN_PIECES.search, values):
        for entry in addresses.parse(value):
            if entry.mailbox and entry.host:
                yield b"%b@%b" % (entry.mailbox, entry.host)


def _headers(content: Content, parts: Sequence[Part]) -> Iterator[str]:
    left = MAX_HEADER_BYTES
    for part in parts:
        header = content[part.start : min(part.body_start, part.start + left)]
        left -= len(header)
        yield "\n".join(_on_one_line(decode_header(fields.unfold(field))) for _, field in fields.split(header))


def _bodies(content: Content, parts: Sequence[Part]) -> Iterator[str]:
    """The text parts one after the other, each in pieces."""
    is_first = True
    for part in parts:
        if not part.children and part.media.is_a(b"text"):
            if not is_first:
                yield "\n"
            is_first = False
            yield from decode_pieces(_body_bytes(content, part), part.media.parameter(b"charset") or b"utf-8")


def _parts(part: Part) -> Iterator[Part]:
    yield part
    for child in part.children:
        yield from _parts(child)


def _body_bytes(content: Content, part: Part) -> Iterator[bytes]:
    """What is in no encoding that we know is taken as it is."""
    found = encoding.pieces(content, part.body_start, part.end, part.label.encoding or b"")
    return found if found is not None else iter((content[part.body_start : part.end],))
