"""Message content on its way to the wire: read from the queue file in blocks and dot-stuffed.

Every line that begins with a dot gets another one (RFC 5321 section 4.5.2), counted after each LF: content has no bare LF when it comes
from our smtpd, and where it has one the extra dot keeps a lax receiver from seeing an end of data in it.
"""

import os
from dataclasses import dataclass

BLOCK_BYTES = 131_072
"""Read and written at once. One block holds nearly every message; larger gains nothing over loopback."""


class ContentTrouble(OSError):
    """The content cannot be read to its end. What was sent must not be finished by a dot."""


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


class Stuffing:
    """Encodes the blocks of one message, in order."""

    def __init__(self) -> None:
        self._tail = b"\r\n"

    def encode(self, block: bytes) -> bytes:
        """Dot-stuff one block, whatever the block before it ended with."""
        if not block:
            return b""
        stuffed = block.replace(b"\n.", b"\n..")
        if self._tail[-1:] == b"\n" and block[:1] == b".":
            stuffed = b"." + stuffed
        self._tail = (self._tail + block[-2:])[-2:]
        return stuffed

    def end(self) -> bytes:
        """The end of data, with a line end before it if the content has none."""
        return b".\r\n" if self._tail == b"\r\n" else b"\r\n.\r\n"
