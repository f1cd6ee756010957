"""Reading a message as it is served."""

import mmap
import os
import re
from collections.abc import Callable
from functools import partial

Content = bytes | mmap.mmap
"""A message with CRLF line ends; large ones are mapped, not read. A mapping stays whole even when the file is removed."""

READ_BYTES = 256 * 1024
"""Below this a read is cheaper than a mapping."""
Reader = Callable[..., Content]
"""``read_served`` or ``read_head``."""
HEAD_BYTES = 16 * 1024
"""Read of a message whose header alone is wanted: nearly all are shorter."""
_BARE_LF = re.compile(rb"(?<!\r)\n")


def read_served(path: str, size: int, *, is_canonical: bool) -> Content:
    """Return the content of a message whose file has so many bytes; one that is not canonical gets a carriage return before each bare line feed.

    Raises ``OSError``.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        if is_canonical and size >= READ_BYTES and os.fstat(file).st_size:
            return mmap.mmap(file, 0, access=mmap.ACCESS_READ)
        content = os.read(file, size + 1)
        if len(content) != size:  # the name lies, or more than one read can take
            content += b"".join(iter(partial(os.read, file, READ_BYTES), b""))
    finally:
        os.close(file)
    return content if is_canonical else _BARE_LF.sub(b"\r\n", content)


def read_head(path: str, size: int, *, is_canonical: bool) -> Content:
    """Return the header of a message, up to the empty line that closes it, as ``read_served`` begins; all of it where there is none.

    Raises ``OSError``.
    """
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        block = os.read(file, HEAD_BYTES)
    finally:
        os.close(file)
    beginning = block if is_canonical else _BARE_LF.sub(b"\r\n", block)
    end = header_end(beginning)
    if _is_closed(beginning, end) or len(block) == size < HEAD_BYTES:
        return beginning[:end]
    content = read_served(path, size, is_canonical=is_canonical)
    end = header_end(content)
    return content[:end] if end < len(content) else content


def _is_closed(content: bytes, end: int) -> bool:
    return content.endswith(b"\r\n\r\n", 0, end) or end == 2


def header_end(content: Content) -> int:
    """Return the offset of the body: behind the empty line, or the end when there is none. ``content`` has CRLF line ends, as it is served."""
    if content[:2] == b"\r\n":
        return 2
    found = content.find(b"\r\n\r\n")
    return found + 4 if found >= 0 else len(content)
