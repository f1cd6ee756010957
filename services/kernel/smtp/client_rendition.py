"""Content that is sent otherwise than it lies in the queue file: a plan of ``kernel.mail.conversion`` carried out while it is read.

Memory holds a block or two, whatever the size of the message.
"""

import base64
import binascii
import mmap
import os
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from services.kernel.mail.conversion import Encoding, Piece, Span
from services.kernel.smtp.client_content import BLOCK_BYTES, ContentTrouble, Extent, Stream

_BASE64_LINE = 57
"""Octets that make 76 characters, the longest line (RFC 2045 section 6.8)."""
_MASK = bytes(octet if octet < 128 else ord("?") for octet in range(256))
_HIGH = re.compile(rb"[\x80-\xff]")


@dataclass(frozen=True, slots=True)
class Rendition:
    """``pieces`` of the content in ``extent``."""

    extent: Extent
    pieces: tuple[Piece, ...]

    def stream(self) -> Stream:
        """Read it from the beginning."""
        return _RenditionStream(_gather(_render(self.extent, self.pieces)))


class _RenditionStream:
    """Looks one block ahead."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._next: bytes | None = None
        self.has_more = True

    def read(self) -> bytes:
        block = next(self._blocks, b"") if self._next is None else self._next
        self._next = next(self._blocks, None)
        self.has_more = self._next is not None
        return block


class Mapped:
    """The content of an extent as ``kernel.mail.mime`` reads it, without having it all in memory. Close it after use."""

    def __init__(self, extent: Extent) -> None:
        """Raise ``ContentTrouble``."""
        self._offset = extent.offset
        self._end = extent.offset + extent.size
        try:
            whole = os.fstat(extent.fd).st_size
            if whole < self._end:
                raise ContentTrouble(0, "content is shorter than it should be")
            self._map = mmap.mmap(extent.fd, self._end, access=mmap.ACCESS_READ)
        except (OSError, ValueError) as error:
            raise ContentTrouble(0, f"content cannot be read: {error}") from None

    def __len__(self) -> int:
        return self._end - self._offset

    def __getitem__(self, index: slice, /) -> bytes:
        start, stop, _ = index.indices(len(self))
        return self._map[self._offset + start : self._offset + max(stop, start)]

    def find(self, sub: bytes, start: int = 0, end: int | None = None, /) -> int:
        stop = len(self) if end is None else min(end, len(self))
        return max(self._map.find(sub, self._offset + start, self._offset + stop) - self._offset, -1)

    def head_end(self) -> int:
        """Where the header section ends, before its empty line; the end of all when there is no such line."""
        if self[0:2] == b"\r\n":
            return 0
        position = self.find(b"\r\n\r\n")
        return position + 2 if position >= 0 else len(self)

    def close(self) -> None:
        """Give the memory back."""
        self._map.close()


def _render(extent: Extent, pieces: Iterable[Piece]) -> Iterator[bytes]:
    for piece in pieces:
        if isinstance(piece, bytes):
            yield piece
        else:
            yield from _encode(piece.encoding, _blocks(extent, piece))


def _blocks(extent: Extent, span: Span) -> Iterator[bytes]:
    part = Extent(extent.fd, extent.offset + span.start, span.end - span.start)
    position = 0
    while position < part.size:
        block = part.read(position)
        position += len(block)
        yield block


def _encode(encoding: Encoding, blocks: Iterator[bytes]) -> Iterator[bytes]:
    match encoding:
        case Encoding.NONE:
            return blocks
        case Encoding.QUOTED_PRINTABLE:
            return _quote(blocks)
        case Encoding.BASE64:
            return _base64(blocks)
        case Encoding.REPAIR:
            return (_HIGH.sub(lambda octet: b"=%02X" % octet[0][0], block) for block in blocks)
        case Encoding.MASK:
            return (block.translate(_MASK) for block in blocks)


def _quote(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Whole lines at a time; one that fills a block is broken softly, which means nothing (RFC 2045 section 6.7)."""
    rest = b""
    for block in blocks:
        lines, rest = rest + block, b""
        end = lines.rfind(b"\r\n") + 2
        if end > 1:
            lines, rest = lines[:end], lines[end:]
            yield _quote_lines(lines)
        elif len(lines) < BLOCK_BYTES:
            rest = lines
        else:
            keep = lines.endswith(b"\r")
            lines, rest = (lines[:-1], lines[-1:]) if keep else (lines, b"")
            yield _quote_lines(lines) + b"=\r\n"
    if rest:
        yield _quote_lines(rest)


def _quote_lines(lines: bytes) -> bytes:
    quoted = binascii.b2a_qp(lines, istext=True)
    return quoted if b"\n" in lines else quoted.replace(b"=\n", b"=\r\n")  # it takes the line end from the text


def _base64(blocks: Iterator[bytes]) -> Iterator[bytes]:
    rest = b""
    for block in blocks:
        data = rest + block
        whole = len(data) - len(data) % _BASE64_LINE
        data, rest = data[:whole], data[whole:]
        yield base64.encodebytes(data).replace(b"\n", b"\r\n")
    if rest:
        yield base64.encodebytes(rest).replace(b"\n", b"\r\n")


def _gather(blocks: Iterator[bytes]) -> Iterator[bytes]:
    """Small blocks together, so that the wire sees few writes."""
    waiting: list[bytes] = []
    count = 0
    for block in blocks:
        waiting.append(block)
        count += len(block)
        if count >= BLOCK_BYTES:
            yield b"".join(waiting)
            waiting, count = [], 0
    if waiting:
        yield b"".join(waiting)



