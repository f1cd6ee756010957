"""Reading SQLite from a mount that may be read-only, in the event loop's own thread.

A lookup is 10 to 20 microseconds of page cache; only when a writer is just committing is it asked again in a thread that waits for it.
"""

import asyncio
import contextlib
import os
import sqlite3
from pathlib import Path
from urllib.parse import quote

from services.kernel.directory.queries import Row
from services.kernel.directory.trouble import DirectoryTrouble

_COUNTER_OFFSET, _COUNTER_BYTES = 24, 4
"""The file change counter, which every transaction in rollback mode adds one to (sqlite.org/fileformat2.html section 1.3.7)."""
_REOPENED = 1 << 32
"""The counter has 32 bits; this many more for each file opened keeps the versions of files apart."""


class SqliteSource:
    """The database file, opened at first use and again when another file has taken its name (a restored backup)."""

    def __init__(self, path: Path, wait_seconds: float) -> None:
        self._path = path
        self._wait_seconds = wait_seconds
        self._connection: sqlite3.Connection | None = None
        self._descriptor = -1
        self._file = (0, 0)
        self._folder = -1
        self._opened = 0

    async def version(self) -> int:
        """Read from the file itself: a microsecond, where ``PRAGMA data_version`` takes ten. Raises ``DirectoryTrouble``."""
        try:
            self._follow()
            return self._opened * _REOPENED + int.from_bytes(os.pread(self._descriptor, _COUNTER_BYTES, _COUNTER_OFFSET), "big")
        except (sqlite3.Error, OSError) as error:
            raise self._trouble(error) from None

    async def rows(self, query: str, key: str) -> list[Row]:
        """Raises ``DirectoryTrouble``."""
        try:
            return self._follow().execute(query, {"key": key}).fetchall()
        except (sqlite3.Error, OSError) as error:
            if not _is_busy(error):
                raise self._trouble(error) from None
        return await asyncio.to_thread(self._rows_patiently, query, key)

    def close(self) -> None:
        """Give the file back; the next lookup opens it again."""
        if self._connection is not None:
            self._connection.close()
            # after SQLite's own: closing any descriptor of a file drops the locks that the process has on it (fcntl(2))
            os.close(self._descriptor)
            self._connection = None
        if self._folder >= 0:
            os.close(self._folder)
            self._folder = -1

    def _follow(self) -> sqlite3.Connection:
        # by the descriptor of its directory, since this comes with every lookup: see ``kernel.runtime.workplace``
        if self._folder < 0:
            self._folder = os.open(self._path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            status = os.stat(self._path.name, dir_fd=self._folder)
        except FileNotFoundError:
            self.close()  # the directory itself may be another one by now
            status = os.stat(self._path)
        file = (status.st_dev, status.st_ino)
        if self._connection is None or file != self._file:
            self.close()
            self._descriptor = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
            self._connection = self._open(0.0)
            self._file = file
            self._opened += 1
        return self._connection

    def _open(self, wait_seconds: float) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", wait_seconds, isolation_level=None, check_same_thread=False, uri=True)

    def _rows_patiently(self, query: str, key: str) -> list[Row]:
        try:
            with contextlib.closing(self._open(self._wait_seconds)) as connection:
                return connection.execute(query, {"key": key}).fetchall()
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _trouble(self, error: Exception) -> DirectoryTrouble:
        return DirectoryTrouble(f"directory {self._path}: {error}")


def _is_busy(error: Exception) -> bool:
    """The low byte is the primary code (sqlite.org/rescode.html); errors of the module itself have none."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
