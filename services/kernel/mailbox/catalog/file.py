"""The catalogue's SQLite file: opened when first needed, begun anew when it is not what it should be."""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from services.kernel.mailbox.catalog.records import FIELDS
from services.kernel.mailbox.disk import FILE_MODE
from services.kernel.mailbox.sqlitefile import SqliteFile, connect, transaction
from services.kernel.mailbox.trouble import MailboxTrouble

NAME = "malleposte.catalog"
LOCK_NAME = "malleposte.catalog.lock"
VERSION = 4
"""Goes up with every change of the tables, and of what callers put into them."""
BUSY_SECONDS = 5.0
"""Others hold the lock for some tens of milliseconds; a cache is not worth more waiting."""
CACHE_KIB = 2_048
"""SQLite's page cache; the system's holds the rest."""
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


class CatalogFile(SqliteFile):
    """The connection of this process to one user's catalogue. It is a cache: one that is damaged is worth nothing."""

    def __init__(self, maildir: Path) -> None:
        super().__init__(maildir / NAME, LOCK_NAME)

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
        with self._connected() as db:
            if not _is_of(db, indexed):
                _begin_anew(db, indexed)
            with transaction(db, begin):
                yield db

    def _open(self) -> sqlite3.Connection:
        with self._alone():
            db = self._open_alone()
        if db.execute("PRAGMA user_version").fetchone() != (VERSION,):
            db.close()
            self._put_aside()
            raise MailboxTrouble("catalogue of another version is begun anew")
        return db

    def _open_alone(self) -> sqlite3.Connection:
        file = os.open(self._path, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        stat = os.fstat(file)
        os.close(file)
        self._inode = stat.st_ino
        db = connect(self._path, BUSY_SECONDS, CACHE_KIB)
        try:
            db.execute("PRAGMA journal_mode = WAL")
            if stat.st_size == 0:
                db.executescript(_SCHEMA)
        except BaseException:
            db.close()
            raise
        return db


def _is_of(db: sqlite3.Connection, indexed: int) -> bool:
    return bool(db.execute("SELECT indexed FROM meta").fetchone() == (indexed,))


def _begin_anew(db: sqlite3.Connection, indexed: int) -> None:
    """Empty the catalogue for an index that is another one than before."""
    with transaction(db):
        if not _is_of(db, indexed):
            for table in ("heading", "field", "words", "shelf"):
                db.execute(f"DELETE FROM {table}")
            db.execute("INSERT INTO trigram (trigram) VALUES ('delete-all')")
            db.execute("UPDATE meta SET indexed = ?", (indexed,))
