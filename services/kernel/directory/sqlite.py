"""Reading SQLite from a mount that may be read-only, in the event loop's own thread.

A lookup is 10 to 20 microseconds of page cache; only when a writer is just committing is it asked again in a thread that waits for it.
"""

import asyncio
import contextlib
import sqlite3
from pathlib import Path
from urllib.parse import quote

from services.kernel.directory.queries import Row
from services.kernel.directory.trouble import DirectoryTrouble

_REOPENED = 1 << 32
"""``data_version`` counts from anew in each connection; this many more for each file opened keeps versions apart."""


class SqliteSource:
    """The database file, opened at first use and again when another file has taken its name (a restored backup)."""

    def __init__(self, path: Path, wait_seconds: float) -> None:
        self._path = path
        self._wait_seconds = wait_seconds
        self._connection: sqlite3.Connection | None = None
        self._file = (0, 0)
        self._opened = 0

    async def version(self) -> int:
        """Raises ``DirectoryTrouble``."""
        ((number,),) = await self.rows("PRAGMA data_version", "")
        return self._opened * _REOPENED + int(number or 0)

    async def rows(self, query: str, key: str) -> list[Row]:
        """Raises ``DirectoryTrouble``."""
        try:
            return self._current().execute(query, {"key": key}).fetchall()
        except sqlite3.Error as error:
            if not _is_busy(error):
                raise self._trouble(error) from None
        except OSError as error:
            raise self._trouble(error) from None
        if query.startswith("PRAGMA"):
            # the count of this connection is asked for, and a commit is under way: it is about to change
            await asyncio.to_thread(self._wait_for_writer)
            return await self.rows(query, key)
        return await asyncio.to_thread(self._rows_patiently, query, key)

    def close(self) -> None:
        """Give the file back; the next lookup opens it again."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _current(self) -> sqlite3.Connection:
        status = self._path.stat()
        file = (status.st_dev, status.st_ino)
        if self._connection is None or file != self._file:
            self.close()
            self._connection = self._open(0.0)
            self._file = file
            self._opened += 1
        return self._connection

    def _open(self, wait_seconds: float) -> sqlite3.Connection:
        return sqlite3.connect(f"file:{quote(str(self._path))}?mode=ro", wait_seconds, isolation_level=None, check_same_thread=False, uri=True)

    def _wait_for_writer(self) -> None:
        self._rows_patiently("SELECT count(*) FROM sqlite_master", "")

    def _rows_patiently(self, query: str, key: str) -> list[Row]:
        try:
            with contextlib.closing(self._open(self._wait_seconds)) as connection:
                return connection.execute(query, {"key": key}).fetchall()
        except sqlite3.Error as error:
            raise self._trouble(error) from None

    def _trouble(self, error: Exception) -> DirectoryTrouble:
        return DirectoryTrouble(f"directory {self._path}: {error}")


def _is_busy(error: sqlite3.Error) -> bool:
    """The low byte is the primary code (sqlite.org/rescode.html); errors of the module itself have none."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED)
