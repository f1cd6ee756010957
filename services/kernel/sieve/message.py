"""The message as scripts see it: header fields that can be edited, parts, and their text."""

import html
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import NamedTuple

from services.kernel.mail.decoding import decode_header, decode_text
from services.kernel.mail.mime import encoding, fields
from services.kernel.mail.mime.structure import Part, scan

MAX_TEXT_BYTES = 1 << 24
"""Of one part, and of the body as it stands; what is beyond is not looked at."""
KEPT_TEXT_BYTES = 1 << 20
"""Of a part whose text is kept for the next test."""
_FOLD = re.compile(rb"\r?\n[ \t]?")
_HIDDEN = re.compile(r"<(script|style)\b[^<>]*>", re.IGNORECASE)
_MARKUP = re.compile(r"<[!/?A-Za-z][^<>]*>")
_TEXT_LIKE = (b"application/xhtml+xml",)


class Field(NamedTuple):
    """A header field: the name in lower case, and all of it as it stands, with its line end."""

    name: bytes
    raw: bytes

    @property
    def value(self) -> bytes:
        """What stands after the colon, on one line: only line ends are taken away (RFC 5322 section 2.2.3)."""
        value = self.raw.partition(b":")[2]
        return _FOLD.sub(b" ", value.rstrip(b" \t\r\n")).replace(b"\r", b"").strip(b" \t")


@dataclass(frozen=True, slots=True)
class Section:
    """The header of a part, or of the whole message."""

    fields: tuple[Field, ...]

    def named(self, name: str) -> list[Field]:
        """The fields of this name, in order, compared without case."""
        wanted = name.lower().encode("utf-8", "replace")
        return [field for field in self.fields if field.name == wanted]


def read_section(header: bytes) -> Section:
    """Cut a header into its fields; lines that are none are left out."""
    return Section(tuple(Field(name, raw) for name, raw in fields.split(header) if name))


class Message:
    """A message and what scripts did to its header. Everything is worked out when first asked for."""

    def __init__(self, content: bytes, spend: Callable[[int], None]) -> None:
        self._content = content
        self._spend = spend
        self._root: Part | None = None
        self._body_start = _body_start(content)
        self._section: Section | None = None
        self._texts: dict[tuple[int, bool], str | None] = {}
        self._body: str | None = None
        self._head: bytes | None = None
        self.is_edited = False

    @property
    def size(self) -> int:
        """Octets of the message as it is now."""
        head = self.head
        return len(self._content) if head is None else len(head) + len(self._content) - self._body_start

    @property
    def section(self) -> Section:
        """The header as it is now."""
        if self._section is None:
            self._spend(1 + (self._body_start >> 8))
            self._section = read_section(self._content[: self._body_start])
        return self._section

    @property
    def original(self) -> Section:
        """The header as it came."""
        self._spend(1 + (self._body_start >> 8))
        return read_section(self._content[: self._body_start])

    @property
    def head(self) -> bytes | None:
        """The edited header with CRLF and its empty line, or ``None``."""
        if self.is_edited and self._head is None:
            self._spend(1 + (self._body_start >> 8))
            self._head = fields.as_crlf(b"".join(field.raw for field in self.section.fields)) + b"\r\n"
        return self._head

    def edit(self, section: Section) -> None:
        """Put another header in place of the present one."""
        self._spend(1 + (len(section.fields) >> 2))
        self._section, self._head, self.is_edited = section, None, True

    @property
    def body(self) -> str | None:
        """What follows the first empty line, undecoded; ``None`` when there is no empty line (RFC 5173 section 4)."""
        if self._body is None and self.has_body:
            self._spend(1 + (min(len(self._content), MAX_TEXT_BYTES) >> 10))
            self._body = self._content[self._body_start : self._body_start + MAX_TEXT_BYTES].decode("utf-8", "replace")
        return self._body

    @property
    def has_body(self) -> bool:
        """There is an empty line that ends the header."""
        return self._body_start < len(self._content) or self._content.endswith((b"\n\n", b"\n\r\n")) or self._content in (b"\n", b"\r\n")

    @property
    def root(self) -> Part:
        """The tree of parts."""
        if self._root is None:
            self._spend(1 + (len(self._content) >> 8))
            self._root = scan(self._content)
        return self._root

    def header_of(self, part: Part) -> Section:
        """The header of a part; that of the message as edited."""
        if part is self._root:
            return self.section
        return read_section(self.header_bytes(part))

    def header_bytes(self, part: Part) -> bytes:
        """The header of a part as it stands, with its empty line."""
        self._spend(1 + ((part.body_start - part.start) >> 8))
        return self._content[part.start : min(part.body_start, part.start + MAX_TEXT_BYTES)]

    def text(self, part: Part, *, plain: bool) -> str | None:
        """The content of a part without transfer encoding and charset, ``None`` when it has another encoding; ``plain``: without markup too."""
        key = (part.start, plain)
        if key in self._texts:
            return self._texts[key]
        size = min(part.end - part.body_start, MAX_TEXT_BYTES)
        self._spend(1 + (size >> 7))
        text = self._text(part, plain)
        if size <= KEPT_TEXT_BYTES:
            self._texts[key] = text
        return text

    def _text(self, part: Part, plain: bool) -> str | None:
        end = min(part.end, part.body_start + MAX_TEXT_BYTES)
        raw = encoding.decode(self._content, part.body_start, end, part.label.encoding or b"")
        if raw is None:
            return None
        text = decode_text(raw, part.media.parameter(b"charset") or b"utf-8") if is_text(part) else raw.decode("utf-8", "replace")
        return without_markup(text) if plain and part.media.subtype.lower() in (b"html", b"xhtml+xml") else text

    def around(self, part: Part) -> list[str]:
        """The prologue and the epilogue of a multipart (RFC 2046 section 5.1.1)."""
        self._spend(1 + ((part.end - part.body_start) >> 8))
        first, last = part.children[0], part.children[-1]
        before = self._content[part.body_start : min(first.start, part.body_start + MAX_TEXT_BYTES)]
        after = self._content[last.end : min(part.end, last.end + MAX_TEXT_BYTES)]
        prologue = before[: max(before.rfind(b"\n--"), 0)] if b"\n--" in before else b"" if before.startswith(b"--") else before
        closing = after.find(b"--")
        epilogue = after[line_end + 1 :] if closing >= 0 and (line_end := after.find(b"\n", closing)) >= 0 else b""
        return [piece.decode("utf-8", "replace") for piece in (prologue, epilogue)]


def _body_start(content: bytes) -> int:
    """Where the body begins."""
    if content.startswith((b"\n", b"\r\n")):
        return content.index(b"\n") + 1
    found = [at + len(end) for end in (b"\n\n", b"\n\r\n") if (at := content.find(end)) >= 0]
    return min(found, default=len(content))


def decoded(field: Field) -> str:
    """A field's value as text."""
    return decode_header(field.value)


def media_of(part: Part, header: bytes) -> str:
    """The type of a part as ``type/subtype`` in lower case; empty for one that is written wrongly, such as ``text/plain/x``."""
    media = part.media
    name = (media.type + b"/" + media.subtype).lower()
    written = next((fields.value(raw) for field, raw in fields.split(header) if field == b"content-type"), b"").lower()
    return "" if written.startswith(name + b"/") else name.decode("utf-8", "replace")


def is_text(part: Part) -> bool:
    """The part is something to read."""
    name = (part.media.type + b"/" + part.media.subtype).lower()
    return part.media.is_a(b"text") or name in _TEXT_LIKE


def leaves(part: Part) -> Iterator[Part]:
    """All parts from this one on, itself first, depth first: those of multiparts and the messages inside messages."""
    waiting = [part]
    while waiting:
        one = waiting.pop()
        yield one
        waiting += reversed(one.children)


def without_markup(text: str) -> str:
    """HTML as text: without tags, scripts and styles."""
    return html.unescape(_MARKUP.sub("", _without_hidden(text)))


def _without_hidden(text: str) -> str:
    pieces: list[str] = []
    at = 0
    while (opening := _HIDDEN.search(text, at)) is not None:
        pieces.append(text[at : opening.start()])
        closing = re.compile(f"</{opening[1]}", re.IGNORECASE).search(text, opening.end())
        if closing is None:
            return "".join(pieces)
        at = closing.start()
    return "".join([*pieces, text[at:]])
