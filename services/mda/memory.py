"""What is remembered for a user's scripts: whom a vacation answered, which messages were seen, what was already sent on.

A small SQLite database in the user's home, durable when a method returns, made by the first thing to be remembered. All methods block and raise
``MailboxTrouble``; a file that is no database any more is put aside, and the past is forgotten.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from enum import StrEnum
from hashlib import sha256
from pathlib import Path

from services.kernel.mailbox.trouble import mapped

NAME = "malleposte.sieve"
MOST = 20_000
"""Things of one kind remembered of one user, some 2 MB; beyond that those go that would be forgotten first. Kinds are apart: strangers, each of whom
is answered and not again for a year, must not make a delivery that is tried again forget what it has sent on."""
BUSY_SECONDS = 5.0
_SCHEMA = "CREATE TABLE IF NOT EXISTS past (kind TEXT, key TEXT, until REAL NOT NULL, PRIMARY KEY (kind, key)) WITHOUT ROWID"
_TIDY = "DELETE FROM past WHERE kind = :kind AND key IN (SELECT key FROM past WHERE kind = :kind ORDER BY until DESC LIMIT -1 OFFSET :most)"


class Past(StrEnum):
    """Kinds of things."""

    ANSWERED = "answered"
    """RFC 5230 section 4.2: handle and recipient."""
    SEEN = "seen"
    """RFC 7352: handle and identity."""
    SENT = "sent"
    """Queue id and address of what a delivery that may be tried again has sent on."""


class Memory:
    """The past of the user whose home this is. Times are seconds since the epoch."""

    def __init__(self, home: Path) -> None:
        self._path = home / NAME

    def knows(self, kind: Past, facts: tuple[str, str], now: float) -> bool:
        """Whether this is remembered and not over."""
        if not self._path.exists():
            return False
        with self._open() as db:
            return _is_known(db, kind, facts, now)

    def remember(self, kind: Past, facts: tuple[str, str], now: float, until: float, *, restarts: bool = False) -> bool:
        """Remember this until a time, and tell whether it is new: of two who do so at once, one hears that.

        What is known already keeps its time, unless it ``restarts``.
        """
        with self._open() as db:
            is_new = not _is_known(db, kind, facts, now)
            db.execute("DELETE FROM past WHERE until <= ?", (now,))
            if is_new or restarts:
                db.execute("INSERT OR REPLACE INTO past VALUES (?, ?, ?)", (kind, _key(facts), until))
            db.execute(_TIDY, {"kind": kind, "most": MOST})
            return is_new

    def forget(self, kind: Past, facts: tuple[str, str]) -> None:
        """As if it had not been."""
        with self._open() as db:
            db.execute("DELETE FROM past WHERE kind = ? AND key = ?", (kind, _key(facts)))

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        """A transaction, alone among all."""
        with mapped():
            try:
                db = self._connect()
            except sqlite3.DatabaseError as error:
                if error.sqlite_errorcode & 0xFF not in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB):
                    raise
                os.replace(self._path, self._path.with_suffix(".damaged"))
                db = self._connect()
            with closing(db):
                yield db
                db.execute("COMMIT")

    def _connect(self) -> sqlite3.Connection:
        db = sqlite3.connect(self._path, timeout=BUSY_SECONDS, isolation_level=None)
        try:
            db.execute("PRAGMA synchronous = FULL")
            db.execute("BEGIN IMMEDIATE")
            db.execute(_SCHEMA)
        except sqlite3.Error:
            db.close()
            raise
        return db


def _is_known(db: sqlite3.Connection, kind: Past, facts: tuple[str, str], now: float) -> bool:
    return db.execute("SELECT 1 FROM past WHERE kind = ? AND key = ? AND until > ?", (kind, _key(facts), now)).fetchone() is not None


def _key(facts: tuple[str, str]) -> str:
    """A digest: what a script takes for an identity may have any length."""
    return sha256("\0".join(facts).encode("utf-8", "surrogateescape")).hexdigest()
