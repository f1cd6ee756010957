"""Message content on its way to the wire: read from the queue file in blocks, and made fit for the protocol.

Every line that begins with a dot gets another one (RFC 5321 section 4.5.2), counted after each LF: content has no bare LF when it comes
from our smtpd, and where it has one the extra dot keeps a lax receiver from seeing an end of data in it.
"""

import os
from dataclasses import dataclass
from typing import Protocol

BLOCK_BYTES = 131_072
"""Read and written at once. One block holds nearly every message; larger gains nothing over loopback."""
SHORTEST_LINE = 64
"""No line is made shorter than this, whatever the limit."""


class ContentTrouble(OSError):
    """The content cannot be read to its end. What was sent must not be finished by a dot."""


class Stream(Protocol):
    """Content being read. ``read`` blocks and raises ``ContentTrouble``; ``has_more`` says whether there is more after what was read."""

    has_more: bool

    def read(self) -> bytes: ...


class Content(Protocol):
    """What can be sent, any number of times."""

    def stream(self) -> Stream: ...


@dataclass(frozen=True, slots=True)
class Extent:
    """Content in an open file: ``size`` bytes from ``offset``."""

    fd: int
    offset: int
    size: int

    def read(self, position: int) -> bytes:
        """The block at ``position``; empty only at the end. Raises ``ContentTrouble``."""
        wanted = min(BLOCK_BYTES, self.size - position)
        try:
            block = os.pread(self.fd, wanted, self.offset + position)
        except OSError as error:
            raise ContentTrouble(error.errno, f"content cannot be read: {error.strerror}") from None
        if not block and wanted:
            raise ContentTrouble(0, f"content ends after {position} of {self.size} bytes")
        return block

    def stream(self) -> Stream:
        """Read it from the beginning."""
        return _ExtentStream(self)


class _ExtentStream:
    __slots__ = ("_extent", "_position", "has_more")

    def __init__(self, extent: Extent) -> None:
        self._extent = extent
        self._position = 0
        self.has_more = True

    def read(self) -> bytes:
        block = self._extent.read(self._position)
        self._position += len(block)
        self.has_more = self._position < self._extent.size
        return block


class Folding:
    """Breaks lines that are longer than a server must take (RFC 5321 section 4.5.3.1.6), as Postfix does: ``CR LF SPACE`` at the limit.

    A UTF-8 character is not torn. The search jumps from limit to limit, so that content without such lines costs next to nothing.
    """

    __slots__ = ("_column", "_limit")

    def __init__(self, limit: int) -> None:
        self._limit = max(limit, SHORTEST_LINE)
        self._column = 0

    def fold(self, block: bytes) -> bytes:
        """Fold the next block."""
        limit, size, find = self._limit, len(block), block.rfind
        line, done = -self._column, 0
        pieces: list[bytes] = []
        while size - line > limit:
            end = find(b"\n", line if line > 0 else 0, line + limit + 2)
            if end >= 0:
                line = end + 1
                continue
            if size - line <= limit + 1 and block.endswith(b"\r"):
                break  # the LF may follow in the next block
            cut = max(_character(block, line + limit), 0)
            pieces += (block[done:cut], b"\r\n ")
            done, line = cut, cut - 1
        end = block.rfind(b"\n", max(line, 0))
        self._column = size - (end + 1 if end >= 0 else line)
        if not pieces:
            return block
        return b"".join([*pieces, block[done:]])


def _character(block: bytes, cut: int) -> int:
    """Where the UTF-8 character that would be torn at ``cut`` begins."""
    for back in range(min(cut, 3) + 1):
        if block[cut - back] & 0xC0 != 0x80:
            return cut - back
    return cut


class Stuffing:
    """Encodes the blocks of one message, in order; with a ``line_limit`` other than 0 long lines are folded."""

    def __init__(self, line_limit: int = 0) -> None:
        self._tail = b"\r\n"
        self._folding = Folding(line_limit) if line_limit else None

    def encode(self, block: bytes) -> bytes:
        """Dot-stuff one block, whatever the block before it ended with."""
        if not block:
            return b""
        if self._folding is not None:
            block = self._folding.fold(block)
        stuffed = block.replace(b"\n.", b"\n..")
        if self._tail[-1:] == b"\n" and block[:1] == b".":
            stuffed = b"." + stuffed
        self._tail = (self._tail + block[-2:])[-2:]
        return stuffed

    def end(self) -> bytes:
        """The end of data, with a line end before it if the content has none."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"


@dataclass(frozen=True, slots=True)
class Conveyance:
    """How content is sent: the longest line (0 for any), and whether in chunks to servers that take them (RFC 3030)."""

    line_limit: int = 0
    chunking: bool = False


class DataOutflow:
    """The wire form of content behind DATA. ``read`` blocks; ``has_more`` as in ``Stream``: the last read brings the final dot."""

    __slots__ = ("_stream", "_stuffing", "has_more")

    def __init__(self, content: Content, line_limit: int) -> None:
        self._stream = content.stream()
        self._stuffing = Stuffing(line_limit)
        self.has_more = True

    def read(self) -> bytes:
        """The next bytes. Raises ``ContentTrouble``."""
        data = self._stuffing.encode(self._stream.read())
        self.has_more = self._stream.has_more
        return data if self.has_more else data + self._stuffing.end()


class ChunkOutflow:
    """The wire form of content in chunks, one a block, the last of which says so (RFC 3030 section 2)."""

    __slots__ = ("_folding", "_stream", "_tail", "has_more")

    def __init__(self, content: Content, line_limit: int) -> None:
        self._stream = content.stream()
        self._folding = Folding(line_limit) if line_limit else None
        self._tail = b""
        self.has_more = True

    def read(self) -> bytes:
        """The next chunk with its command. Raises ``ContentTrouble``."""
        block = self._stream.read()
        if self._folding is not None:
            block = self._folding.fold(block)
        self.has_more = self._stream.has_more
        self._tail = (self._tail + block[-2:])[-2:]
        if self.has_more:
            return b"BDAT %d\r\n%b" % (len(block), block)
        if self._tail != b"\r\n":  # as behind DATA: who stores it as lines wants the last one ended
            block += b"\r\n"
        return b"BDAT %d LAST\r\n%b" % (len(block), block)
