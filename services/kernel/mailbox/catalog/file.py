"""The catalogue's SQLite file: opened when first needed, begun anew when it is not what it should be."""

import fcntl
import os
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.kernel.mailbox.catalog.records import FIELDS
from services.kernel.mailbox.disk import FILE_MODE
from services.kernel.mailbox.trouble import MailboxTrouble, mapped

NAME = "malleposte.catalog"
LOCK_NAME = "malleposte.catalog.lock"
VERSION = 3
"""Goes up with every change of the tables, and of what callers put into them."""
BUSY_SECONDS = 5.0
"""Others hold the lock for some tens of milliseconds; a cache is not worth more waiting."""
CACHE_KIB = 2_048
"""SQLite's page cache; the system's holds the rest."""
_DAMAGED = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
_FIELD_COLUMNS = ", ".join(f'"{name}" TEXT' for name in FIELDS)
_SCHEMA = f"""
BEGIN IMMEDIATE;
CREATE TABLE meta (indexed INTEGER NOT NULL);
INSERT INTO meta VALUES (0);
-- AUTOINCREMENT: a number is never used again, so what another process just read stays away from a new shelf
CREATE TABLE shelf (id INTEGER PRIMARY KEY AUTOINCREMENT, folder INTEGER NOT NULL, uidvalidity INTEGER NOT NULL, UNIQUE (folder, uidvalidity));
-- key is shelf << 32 | uid
CREATE TABLE heading (
    key INTEGER PRIMARY KEY, sent INTEGER, day INTEGER, base TEXT NOT NULL, is_reply INTEGER NOT NULL, from_mailbox TEXT NOT NULL,
    to_mailbox TEXT NOT NULL, cc_mailbox TEXT NOT NULL, display_from TEXT NOT NULL, display_to TEXT NOT NULL, ids BLOB NOT NULL);
CREATE TABLE field (key INTEGER PRIMARY KEY, {_FIELD_COLUMNS});
CREATE TABLE words (key INTEGER PRIMARY KEY, is_whole INTEGER NOT NULL, header BLOB NOT NULL, body BLOB NOT NULL);
CREATE VIRTUAL TABLE trigram USING fts5(header, body, content = '', detail = none, columnsize = 0, tokenize = 'trigram case_sensitive 1');
CREATE VIRTUAL TABLE vocabulary USING fts5vocab('trigram', 'row');
PRAGMA user_version = {VERSION};
COMMIT;
"""


class CatalogFile:
    """The connection of this process to one user's catalogue. One thread at a time uses it."""

    def __init__(self, maildir: Path) -> None:
        self._path = maildir / NAME
        self._db: sqlite3.Connection | None = None
        self._inode = 0
        self._lock = threading.RLock()

    @contextmanager
    def reading(self, indexed: int) -> Iterator[sqlite3.Connection]:
        """One consistent state, of the index with this number. Raises ``MailboxTrouble``."""
        with self._transaction("BEGIN", indexed) as db:
            yield db

    @contextmanager
    def writing(self, indexed: int) -> Iterator[sqlite3.Connection]:
        """Alone among all processes; committed at the end, undone when an exception leaves. Raises ``MailboxTrouble``."""
        with self._transaction("BEGIN IMMEDIATE", indexed) as db:
            yield db

    @contextmanager
    def _transaction(self, begin: str, indexed: int) -> Iterator[sqlite3.Connection]:
        with self._lock, mapped(), self._watch_for_damage():
            db = self._connect()
            try:
                if db.execute("SELECT indexed FROM meta").fetchone() != (indexed,):
                    _begin_anew(db, indexed)
                db.execute(begin)
                yield db
                db.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    db.execute("ROLLBACK")
                raise

    @contextmanager
    def _watch_for_damage(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.DatabaseError as error:
            if error.sqlite_errorcode & 0xFF in _DAMAGED:
                self._remove()
            raise

    def _connect(self) -> sqlite3.Connection:
        """The open connection, or a new one when the file is not, or no longer, the one it was opened on."""
        try:
            inode = os.stat(self._path).st_ino
        except FileNotFoundError:
            inode = 0
        if self._db is None or inode != self._inode:
            self.close()
            with self._alone():
                self._db = self._open()
            if self._db.execute("PRAGMA user_version").fetchone() != (VERSION,):
                self._remove()
                raise MailboxTrouble("catalogue of another version is begun anew")
        return self._db

    def _open(self) -> sqlite3.Connection:
        file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        stat = os.fstat(file)
        os.close(file)
        self._inode = stat.st_ino
        db = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None, check_same_thread=False, cached_statements=64)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            db.execute("PRAGMA synchronous = NORMAL")
            db.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
            if stat.st_size == 0:
                db.executescript(_SCHEMA)
        except BaseException:
            db.close()
            raise
        return db

    def _remove(self) -> None:
        """It is a cache: one that is damaged is worth nothing. What another process has made since stays."""
        with self._alone():
            self.close()
            if self._path.exists() and os.stat(self._path).st_ino == self._inode:
                for suffix in ("", "-wal", "-shm"):
                    self._path.with_name(NAME + suffix).unlink(missing_ok=True)

    @contextmanager
    def _alone(self) -> Iterator[None]:
        file = os.open(self._path.with_name(LOCK_NAME), os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
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


def _begin_anew(db: sqlite3.Connection, indexed: int) -> None:
    """Empty the catalogue for an index that is another one than before."""
    db.execute("BEGIN IMMEDIATE")
    if db.execute("SELECT indexed FROM meta").fetchone() != (indexed,):
        for table in ("heading", "field", "words", "shelf"):
            db.execute(f"DELETE FROM {table}")
        db.execute("INSERT INTO trigram (trigram) VALUES ('delete-all')")
        db.execute("UPDATE meta SET indexed = ?", (indexed,))
    db.execute("COMMIT")
