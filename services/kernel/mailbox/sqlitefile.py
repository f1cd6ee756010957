"""An SQLite file beside a Maildir: a cache that several processes share, and that any of them may replace by a new one.

``synchronous=NORMAL`` suffices for it: a commit may be lost in a power cut and is then found again in the Maildir.
"""

import fcntl
import os
import sqlite3
import threading
from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.kernel.mailbox.disk import FILE_MODE
from services.kernel.mailbox.trouble import mapped


class SqliteFile(ABC):
    """The connection of this process to one file. One thread at a time uses it; the others wait."""

    damaged_suffix = ""
    """What a damaged file is kept with; it is removed when this is empty."""

    def __init__(self, path: Path, lock_name: str) -> None:
        self._path = path
        self._lock_path = path.with_name(lock_name)
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._lock = threading.RLock()

    @abstractmethod
    def _open(self) -> sqlite3.Connection:
        """Open the file, made when it is missing, and note its ``_inode``. Raises ``MailboxTrouble`` when it is of another version."""

    @contextmanager
    def _connected(self) -> Iterator[sqlite3.Connection]:
        """Have the file alone in this process; damage that shows takes it away. Raises ``MailboxTrouble``."""
        with self._lock, mapped():
            try:
                yield self._connect()
            except sqlite3.DatabaseError as error:
                if is_damage(error):
                    self._put_aside()
                raise

    def _connect(self) -> sqlite3.Connection:
        """The open connection, or a new one when the file is not, or no longer, the one it was opened on."""
        try:
            inode = os.stat(self._path).st_ino
        except FileNotFoundError:
            inode = 0
        if self._db is None or inode != self._inode:
            self.close()
            self._db = self._open()
        return self._db

    def _put_aside(self) -> None:
        """Take the file away. What another process has made since stays."""
        with self._alone():
            self.close()
            if self._path.exists() and os.stat(self._path).st_ino == self._inode:
                if self.damaged_suffix:
                    self._path.replace(self._path.with_suffix(self.damaged_suffix))
                remove(self._path)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """No other process makes the file or takes it away."""
        file = os.open(self._lock_path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        try:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield
        finally:
            os.close(file)

    def close(self) -> None:
        """Close the connection; the next use opens it again."""
        with self._lock:
            if self._db is not None:
                with suppress(sqlite3.Error):
                    self._db.close()
                self._db = None


def connect(path: Path, busy_seconds: float, cache_kib: int) -> sqlite3.Connection:
    """Open a file as all of this kind are."""
    db = sqlite3.connect(path, timeout=busy_seconds, isolation_level=None, check_same_thread=False, cached_statements=64)
    try:
        db.execute("PRAGMA synchronous = NORMAL")
        db.execute(f"PRAGMA cache_size = -{cache_kib}")
    except BaseException:
        db.close()
        raise
    return db


def remove(path: Path) -> None:
    """Remove a file with its journal: one that is left behind would be played into the next."""
    for suffix in ("", "-wal", "-shm"):
        path.with_name(path.name + suffix).unlink(missing_ok=True)


def is_damage(error: sqlite3.DatabaseError) -> bool:
    """Tell a damaged file from other trouble. Errors of the module itself have no code."""
    return (getattr(error, "sqlite_errorcode", 0) & 0xFF) in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


@contextmanager
def transaction(db: sqlite3.Connection, begin: str = "BEGIN IMMEDIATE") -> Iterator[None]:
    """Commit at the end, and undo when an exception leaves."""
    db.execute(begin)
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            db.execute("ROLLBACK")
        raise
