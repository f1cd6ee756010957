"""The room hop: mda says which mailboxes have little room left, so that smtpd can refuse mail for them before it is sent.

One small file in a volume of its own: mailboxes with less room than the largest message would take, and how much. It is replaced as a whole, and
its time is set anew while mda is at work: a file that is older says nothing, since room may have been made. A mailbox that is not in it
has room, or none has looked: mda has the last word in any case.
"""

import os
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

NAME = "room.json"
LOOK_SECONDS = 1.0
"""How often smtpd looks at the file."""
VALID_SECONDS = 60.0
"""How old it may be. mda confirms it every few seconds."""
MODE = 0o640


class Room(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a mailbox can still take; -1 is no limit."""

    size_bytes: int = -1
    messages: int = -1

    def takes(self, size_bytes: int) -> bool:
        """Whether one more message of this size fits; 0 is a size that nobody has said."""
        return self.messages != 0 and (self.size_bytes < 0 or self.size_bytes >= max(size_bytes, 1))


_encoder = msgspec.json.Encoder()
_decoder = msgspec.json.Decoder(dict[str, Room])


def write(directory: Path, rooms: Mapping[str, Room]) -> None:
    """Replace the file. Raises ``OSError``."""
    fresh = directory / f"{NAME}.new"
    file = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, MODE)
    try:
        os.fchmod(file, MODE)
        data = memoryview(_encoder.encode(rooms))
        while data:
            data = data[os.write(file, data) :]
    finally:
        os.close(file)
    os.replace(fresh, directory / NAME)


def confirm(directory: Path) -> None:
    """Say that the file is still true. Raises ``OSError``."""
    os.utime(directory / NAME)


def read(directory: Path) -> dict[str, Room]:
    """What the file says; nothing when it is missing or damaged."""
    try:
        return _decoder.decode((directory / NAME).read_bytes())
    except (OSError, msgspec.DecodeError):
        return {}


class Board:
    """The file as smtpd reads it."""

    def __init__(self, directory: Path, clock: Callable[[], float] = time.time) -> None:
        self._directory = directory
        self._clock = clock
        self._look_at = 0.0
        self._stamp = (0, 0, 0)
        self._rooms: dict[str, Room] = {}
        self._is_valid = False

    def room(self, mailbox: str) -> Room | None:
        """The room of a mailbox, by its folded address; ``None`` when nothing is known of it."""
        now = self._clock()
        if not self._look_at - LOOK_SECONDS <= now < self._look_at:
            self._look_at = now + LOOK_SECONDS
            self._look(now)
        return self._rooms.get(mailbox) if self._is_valid else None

    @property
    def has_any(self) -> bool:
        """Whether the last look found any mailbox with little room."""
        return self._is_valid and bool(self._rooms)

    def _look(self, now: float) -> None:
        try:
            status = os.stat(self._directory / NAME)
        except OSError:
            self._is_valid = False
            return
        self._is_valid = abs(now - status.st_mtime) <= VALID_SECONDS
        stamp = status.st_ino, status.st_size, status.st_mtime_ns
        if stamp != self._stamp:
            self._stamp, self._rooms = stamp, read(self._directory)
