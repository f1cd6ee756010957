"""The mailboxes of a stack, seen as files. Delivered is what is in ``new``, and when is the time of its last change of name (ctime)."""

import os
import time
from collections.abc import Iterator

SECONDS = 600.0
POLL_SECONDS = 0.2
"""Looking is not free; the time of a delivery is taken from the file."""


class Deliveries:
    """What is delivered from now on below ``root``."""

    def __init__(self, root: str = "/mail") -> None:
        self._root = root
        self._before = set(self._paths())

    def _paths(self) -> Iterator[str]:
        for domain in _folders(self._root):
            for user in _folders(domain):
                new = f"{user}/Maildir/new"
                if os.path.isdir(new):
                    yield from (f"{new}/{name}" for name in os.listdir(new))

    def paths(self) -> set[str]:
        return set(self._paths()) - self._before

    def wait(self, count: int, poll_seconds: float = POLL_SECONDS) -> set[str]:
        """The files, as soon as there are ``count``. Raises ``TimeoutError``."""
        deadline = time.monotonic() + SECONDS
        while len(found := self.paths()) < count:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(found)} of {count} messages delivered")
            time.sleep(poll_seconds)
        return found


def _folders(path: str) -> list[str]:
    return [entry.path for entry in os.scandir(path) if entry.is_dir()]


def delivered_at(path: str) -> float:
    """Seconds since the epoch."""
    return os.stat(path).st_ctime_ns / 1e9
