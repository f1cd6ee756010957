"""A followed file: parsed once, and again when it has changed.

Whole or not at all: a file that changes while it is read, or whose last write is just now, is left for the next look; one that does not parse
leaves the content in use.
"""

import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from services.kernel.tables.lookup import TableTrouble

LOOK_SECONDS = 0.5
"""With ``SETTLED_SECONDS`` under the second within which a change is promised to be used."""
SETTLED_SECONDS = 0.3
"""An editor that writes in place is done when its last write is this old."""

Content = TypeVar("Content")
Stamp = tuple[int, int, int]


@dataclass(frozen=True, slots=True)
class Watch:
    """How files are followed: whom to tell of a fault, and the two clocks (elapsed time, and the one files are stamped by)."""

    on_trouble: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time


class FollowedFile(Generic[Content]):
    """The parsed content of ``path``. ``parse`` takes name and text and raises ``TableTrouble``."""

    def __init__(self, path: Path, parse: Callable[[str, str], Content], watch: Watch) -> None:
        self._path = path
        self._parse = parse
        self._watch = watch
        self._content: Content | None = None
        self._stamp: Stamp | None = None
        self._trouble = TableTrouble(f"{path}: not read yet")
        self._look_at = float("-inf")
        self._version = 0

    def current(self) -> Content:
        """The content in use. Raises ``TableTrouble`` while there has never been one that parsed."""
        self._look()
        if self._content is None:
            raise self._trouble
        return self._content

    def version(self) -> int:
        """Grows with each content taken into use."""
        self._look()
        return self._version

    def _look(self) -> None:
        now = self._watch.clock()
        if now < self._look_at:
            return
        self._look_at = now + LOOK_SECONDS
        try:
            stamp = _stamp(os.stat(self._path))
            if stamp != self._stamp and (self._content is None or self._is_settled(stamp)):
                self._load(stamp)
        except OSError as error:
            self._refuse(None, TableTrouble(f"{self._path}: {error.strerror}"))

    def _is_settled(self, stamp: Stamp) -> bool:
        return not 0 <= self._watch.wall_clock() - stamp[0] / 1e9 < SETTLED_SECONDS

    def _load(self, stamp: Stamp) -> None:
        with self._path.open("rb") as file:
            data = file.read()
            if _stamp(os.fstat(file.fileno())) != stamp:
                return
        try:
            self._content = self._parse(str(self._path), data.decode())
        except TableTrouble as trouble:
            self._refuse(stamp, trouble)
        except UnicodeDecodeError as error:
            line = data.count(b"\n", 0, error.start) + 1
            self._refuse(stamp, TableTrouble(f"{self._path}:{line}: not UTF-8"))
        else:
            self._stamp = stamp
            self._version += 1

    def _refuse(self, stamp: Stamp | None, trouble: TableTrouble) -> None:
        if str(trouble) != str(self._trouble) or stamp != self._stamp:
            self._watch.on_trouble(str(trouble))
        self._trouble = trouble
        self._stamp = stamp


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_ino, status.st_size
