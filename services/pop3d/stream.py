"""A message on the wire: dots doubled at the start of lines, closed by a line with one dot (RFC 1939 section 3)."""

from collections.abc import Iterator
from typing import Protocol

PIECE_BYTES = 1 << 16
END = b".\r\n"


class Content(Protocol):
    """A message as served: ``bytes`` or an ``mmap``."""

    def __len__(self) -> int: ...
    def __getitem__(self, index: slice, /) -> bytes: ...
    def find(self, sub: bytes, start: int = ..., end: int = ..., /) -> int: ...


def pieces(content: Content, end: int) -> Iterator[bytes]:
    """Yield ``content[:end]`` ready to send, the final dot included, in pieces of about ``PIECE_BYTES``."""
    tail = b"\r\n"
    for start in range(0, end, PIECE_BYTES):
        piece = content[start : min(start + PIECE_BYTES, end)]
        stuffed = (tail + piece).replace(b"\r\n.", b"\r\n..")
        yield stuffed[len(tail) :]
        tail = (tail + piece)[-2:]
    yield END if tail == b"\r\n" else b"\r\n" + END


def end_of_top(content: Content, lines: int) -> int:
    """Return where TOP stops: after the header, the empty line and ``lines`` lines of the body (RFC 1939 section 7)."""
    if content[0:2] == b"\r\n":
        at = 2
    else:
        blank = content.find(b"\r\n\r\n", 0, len(content))
        at = blank + 4 if blank >= 0 else len(content)
    for _ in range(lines):
        line_end = content.find(b"\r\n", at, len(content))
        if line_end < 0:
            return len(content)
        at = line_end + 2
    return at
