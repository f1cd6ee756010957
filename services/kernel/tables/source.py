"""A followed file: parsed once, and again when it has changed.

Whole or not at all: a file that changes while it is read, or whose last write is just now, is left for the next look; one with an
error leaves the content in use. A large file is read and parsed by a thread, while what is in use goes on answering.
"""

import asyncio
import os
import threading
import time
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Generic, TypeVar

from services.kernel.tables.flaws import Flaw, refuse
from services.kernel.tables.lookup import TableTrouble

LOOK_SECONDS = 0.5
"""With ``SETTLED_SECONDS`` under the second within which a change is promised to be used."""
SETTLED_SECONDS = 0.3
"""An editor that writes in place is done when its last write is this old."""
QUIET_SECONDS = 1.0
"""Who has not looked for longer waits for a large file: what is in use may be older than promised."""
LARGE_BYTES = 1 << 18
"""Below, parsing takes a few milliseconds and is done on the spot."""

Content = TypeVar("Content")
Stamp = tuple[int, int, int]
Parse = Callable[[bytes], tuple[Content, list[Flaw]]]


@dataclass(frozen=True, slots=True)
class Watch:
    """How files are followed: whom to tell of a fault, the two clocks (elapsed time, and the one files are stamped by), and whether lines
    with errors are told of and left out, as Postfix does, rather than the whole file refused."""

    on_trouble: Callable[[str], None]
    clock: Callable[[], float] = time.monotonic
    wall_clock: Callable[[], float] = time.time
    is_lenient: bool = False

    def accept(self, name: str, flaws: list[Flaw]) -> None:
        """Raise ``TableTrouble`` for the first error among ``flaws``, or only tell of all errors."""
        if not self.is_lenient:
            refuse(name, flaws)
        for flaw in flaws:
            if flaw.is_error:
                self.on_trouble(flaw.describe(name))


@dataclass(frozen=True, slots=True)
class _Loaded(Generic[Content]):
    stamp: Stamp
    parsed: tuple[Content, list[Flaw]] | None
    """``None`` when the file changed meanwhile."""


class FollowedFile(Generic[Content]):
    """The parsed content of ``path``."""

    def __init__(self, path: Path, parse: Parse[Content], watch: Watch) -> None:
        self._path = path
        self._parse = parse
        self._watch = watch
        self._content: Content | None = None
        self._stamp: Stamp | None = None
        self._trouble = TableTrouble(f"{path}: not read yet")
        self._looked = float("-inf")
        self._version = 0
        self._loading: Future[_Loaded[Content]] | None = None
        self._must_wait = True

    async def content(self) -> Content:
        """The content in use. Raises ``TableTrouble`` while there has never been one without errors."""
        self._look()
        if self._loading and self._must_wait:
            await asyncio.shield(asyncio.wrap_future(self._loading))
            self._collect()
        if self._content is None:
            raise self._trouble
        return self._content

    def version(self) -> int:
        """Grows with each content taken into use."""
        self._look()
        return self._version

    def _look(self) -> None:
        self._collect()
        now = self._watch.clock()
        if self._loading or now < self._looked + LOOK_SECONDS:
            return
        self._must_wait = self._content is None or now > self._looked + QUIET_SECONDS
        self._looked = now
        try:
            stamp = _stamp(os.stat(self._path))
            if stamp != self._stamp and (self._content is None or self._is_settled(stamp)):
                self._load(stamp)
        except OSError as error:
            self._refuse(None, TableTrouble(f"{self._path}: {error.strerror}"))

    def _is_settled(self, stamp: Stamp) -> bool:
        return not 0 <= self._watch.wall_clock() - stamp[0] / 1e9 < SETTLED_SECONDS

    def _load(self, stamp: Stamp) -> None:
        self._loading = Future()
        if stamp[2] < LARGE_BYTES:
            self._run(stamp, self._loading)
            self._collect()
            return
        if self._must_wait:
            self._version += 1  # so that who keeps derived answers asks, and waits
        threading.Thread(target=self._run, args=(stamp, self._loading), name=f"load {self._path.name}", daemon=True).start()

    def _run(self, stamp: Stamp, loading: "Future[_Loaded[Content]]") -> None:
        try:
            loading.set_result(self._read(stamp))
        except Exception as error:  # noqa: BLE001  this is a task's root: whoever collects raises it
            loading.set_exception(error)

    def _read(self, stamp: Stamp) -> _Loaded[Content]:
        with self._path.open("rb") as file:
            data = file.read()
            if _stamp(os.fstat(file.fileno())) != stamp:
                return _Loaded(stamp, None)
        return _Loaded(stamp, self._parse(data))

    def _collect(self) -> None:
        """Take what has been loaded into use, if it is all right."""
        if not self._loading or not self._loading.done():
            return
        loading, self._loading = self._loading, None
        try:
            loaded = loading.result()
        except OSError as error:
            self._refuse(None, TableTrouble(f"{self._path}: {error.strerror}"))
            return
        if loaded.parsed is None:
            return
        content, flaws = loaded.parsed
        try:
            self._watch.accept(str(self._path), flaws)
        except TableTrouble as trouble:
            self._refuse(loaded.stamp, trouble)
            return
        self._content, self._stamp = content, loaded.stamp
        self._version += 1

    def _refuse(self, stamp: Stamp | None, trouble: TableTrouble) -> None:
        if str(trouble) != str(self._trouble) or stamp != self._stamp:
            self._watch.on_trouble(str(trouble))
        self._trouble = trouble
        self._stamp = stamp


def _stamp(status: os.stat_result) -> Stamp:
    return status.st_mtime_ns, status.st_ino, status.st_size
