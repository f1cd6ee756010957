"""Reading a message as it is served."""

import mmap
import re
from pathlib import Path

Content = bytes | mmap.mmap
"""A message with CRLF line ends; large ones are mapped, not read. A mapping stays whole even when the file is removed."""

READ_BYTES = 256 * 1024
"""Below this a read is cheaper than a mapping."""
_BARE_LF = re.compile(rb"(?<!\r)\n")


def read_served(path: str, *, is_canonical: bool) -> Content:
    """Return a message's content; one that is not canonical gets a carriage return before each bare line feed. Raises ``OSError``."""
    with Path(path).open("rb", buffering=0) as file:
        head = file.read(READ_BYTES)
        if len(head) == READ_BYTES and is_canonical:
            return mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        content = head + file.read() if len(head) == READ_BYTES else head
    return content if is_canonical else _BARE_LF.sub(b"\r\n", content)
