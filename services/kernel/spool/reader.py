"""Relay's side of the queue: the content of a message that is being delivered."""

from pathlib import Path
from typing import NamedTuple

from services.kernel.mail.queueid import is_queue_id
from services.kernel.spool.disk import Disk
from services.kernel.spool.format import HEAD_BYTES, Corrupt, Unfinished, parse_layout


class OpenContent(NamedTuple):
    """Content as a part of an open file: ``size`` bytes from ``offset``. The receiver closes ``fd``."""

    fd: int
    offset: int
    size: int


def open_content(root: Path, queue_id: str) -> OpenContent:
    """Open the content of an active message for reading. Raises ``OSError`` (``FileNotFoundError``: no longer active) and ``Corrupt``."""
    if not is_queue_id(queue_id):
        raise Corrupt(f"{queue_id!r} is no queue id")
    disk = Disk()
    file = disk.open(f"{root}/active/{queue_id}")
    try:
        layout = parse_layout(disk.read(file, HEAD_BYTES, 0))
        if layout.content_bytes < 0 or disk.size(file) != layout.file_bytes:
            raise Corrupt("not as long as its version line says")
    except Unfinished:
        disk.close(file)
        raise Corrupt("unfinished") from None
    except (OSError, Corrupt):
        disk.close(file)
        raise
    return OpenContent(file, layout.content_offset, layout.content_bytes)
