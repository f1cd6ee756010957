"""Reading a message as it is served."""

import mmap
import os
import re
from functools import partial

Content = bytes | mmap.mmap
"""A message with CRLF line ends; large ones are mapped, not read. A mapping stays whole even when the file is removed."""

READ_BYTES = 256 * 1024
"""Below this a read is cheaper than a mapping."""
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
