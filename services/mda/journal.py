"""The file in which a user finds why a script of his failed, as Pigeonhole writes it: ``.dovecot.sieve.log`` in his home."""

import os
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

from services.kernel.mailbox.disk import FILE_MODE

NAME = ".dovecot.sieve.log"
MOST_CHARACTERS = 2000
"""Of one entry."""


def note(home: Path, words: str, now: float, most_bytes: int) -> None:
    """Add an entry. A full file becomes ``.dovecot.sieve.log.0``; trouble is passed over, since the message matters more. Blocks."""
    time = datetime.fromtimestamp(now, UTC).isoformat(" ", "seconds")
    line = f"{time}: {words[:MOST_CHARACTERS].strip()}\n".encode("utf-8", "replace")
    with suppress(OSError):
        file = os.open(home / NAME, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, FILE_MODE)
        try:
            os.write(file, line)
            size = os.fstat(file).st_size
        finally:
            os.close(file)
        if size >= most_bytes:
            os.replace(home / NAME, home / f"{NAME}.0")
