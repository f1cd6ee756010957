"""From 8-bit to 7-bit: how a message goes to a server that does not offer 8BITMIME (RFC 6152 section 3).

``plan`` says what to send in terms of the original, so that a message of any size is converted while it is read. As in Postfix each part is
encoded for itself and gets a new Content-Transfer-Encoding; parts that are 7-bit stay as they are, byte for byte. Signatures over what is
changed break, which RFC 6376 section 5.3 and RFC 1847 section 2.1 leave to who signs 8-bit content.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum

from services.kernel.mail.mime import fields
from services.kernel.mail.mime.structure import MAX_PARTS, Content, Part, scan


class Encoding(Enum):
    """What is done to the octets of a span."""

    NONE = "none"
    QUOTED_PRINTABLE = "quoted-printable"
    BASE64 = "base64"
    REPAIR = "repair"
    """Quoted-printable that holds 8-bit octets: only these are encoded."""
    MASK = "mask"
    """Text that nobody reads, around and between parts: 8-bit octets become ``?``."""


@dataclass(frozen=True, slots=True)
class Span:
    """The octets ``start`` to ``end`` of the original."""

    start: int
    end: int
    encoding: Encoding = Encoding.NONE


Piece = bytes | Span
"""Octets that take the place of others, or a span of the original."""


class NotConvertible(ValueError):
    """The message cannot be made 7-bit; the words say why."""


_CHUNK_BYTES = 1 << 20
_ENCODING = b"content-transfer-encoding"
_BARE_LINE_END = re.compile(rb"\r(?!\n)|(?<!\r)\n")
_UNENCODED = (b"7bit", b"8bit", b"binary")
_FREE = (b"global", b"global-headers", b"global-delivery-status", b"global-disposition-notification")
"""Kinds of message/* that may be encoded like anything else (RFC 6532 section 3.7, RFC 6533)."""


def plan(content: Content) -> tuple[Piece, ...]:
    """Say how to make ``content`` 7-bit, its header section aside, which is sent as it is. Raises ``NotConvertible``."""
    return tuple(_Planner(content).part(scan(content), is_top=True))


class _Planner:
    def __init__(self, content: Content) -> None:
        self._content = content
        self._parts = 0

    def part(self, part: Part, *, is_top: bool = False) -> Iterator[Piece]:
        self._parts += 1
        if self._parts >= MAX_PARTS:
            raise NotConvertible("it has too many parts")
        if self._is_ascii(part.body_start, part.end):
            yield Span(part.start, part.end)
        elif part.children:
            yield self._header(part, b"7bit", is_top=is_top)
            yield from self._children(part)
        else:
            yield from self._leaf(part, is_top=is_top)

    def _is_ascii(self, start: int, end: int) -> bool:
        return all(self._content[at : min(at + _CHUNK_BYTES, end)].isascii() for at in range(start, end, _CHUNK_BYTES))

    def _children(self, part: Part) -> Iterator[Piece]:
        if part.children[-1].end == part.body_start:
            raise NotConvertible("a multipart has no parts")
        position = part.body_start
        for child in part.children:
            yield Span(position, child.start, Encoding.MASK)
            yield from self.part(child)
            position = child.end
        yield Span(position, part.end, Encoding.MASK)

    def _leaf(self, part: Part, *, is_top: bool) -> Iterator[Piece]:
        encoding = (part.label.encoding or b"7bit").lower()
        if encoding in _UNENCODED:
            chosen = self._choose(part)
            yield self._header(part, chosen.value.encode(), is_top=is_top)
        elif encoding in (b"quoted-printable", b"base64"):
            chosen = Encoding.REPAIR if encoding == b"quoted-printable" else Encoding.MASK
            yield Span(part.start, part.body_start)
        else:
            raise NotConvertible(f"a part has the encoding {encoding.decode('ascii', 'replace')}")
        yield Span(part.body_start, part.end, chosen)

    def _choose(self, part: Part) -> Encoding:
        """Text stays readable, unless its line ends would not survive (RFC 2045 section 6.7)."""
        media = part.media
        if media.is_a(b"multipart") or (media.is_a(b"message") and media.subtype.lower() not in _FREE):
            # RFC 2045 section 6.4: these are never encoded, and RFC 2046 section 5.2.2.1 has message/partial be 7-bit
            raise NotConvertible(f"a part of type {media.type.decode('ascii')}/{media.subtype.decode('ascii')} is 8-bit")
        if not media.is_a(b"text") or self._has_bare_line_end(part.body_start, part.end):
            return Encoding.BASE64
        return Encoding.QUOTED_PRINTABLE

    def _has_bare_line_end(self, start: int, end: int) -> bool:
        for at in range(start, end, _CHUNK_BYTES):
            stop = min(at + _CHUNK_BYTES, end)
            begin = max(at - 1, start)
            if _BARE_LINE_END.search(self._content[begin : min(stop + 1, end)]):
                return True
        return False

    def _header(self, part: Part, encoding: bytes, *, is_top: bool) -> Piece:
        """The header with another encoding; what encloses parts needs none unless it has one that is no longer true."""
        header = self._content[part.start : part.body_start]
        if part.children and part.label.encoding is None:
            return Span(part.start, part.body_start)
        kept = list(fields.split(header))
        names = {name for name, _ in kept}
        lines = b"".join(field for name, field in kept if name != _ENCODING)
        if lines and not lines.endswith(b"\n"):
            lines += b"\r\n"
        if is_top and b"mime-version" not in names:
            lines += b"MIME-Version: 1.0\r\n"
        if is_top and b"content-type" not in names:  # RFC 1428 section 3
            lines += b"Content-Type: text/plain; charset=unknown-8bit\r\n"
        return lines + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n"
