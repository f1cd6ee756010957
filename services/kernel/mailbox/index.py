"""A user's index: one SQLite file, shared by the processes that have the mailbox open.

It is a cache of the Maildir (``sqlitefile``). A restart of the machine is seen by its boot id, and every folder then goes on at its ceilings. An
index that is damaged is put aside and made anew; a process notices by the inode that another has done so.
"""

import os
import secrets
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from services.kernel.mailbox.disk import FILE_MODE
from services.kernel.mailbox.sqlitefile import SqliteFile, connect, remove, transaction
from services.kernel.mailbox.trouble import MailboxTrouble, mapped

NAME = "malleposte.index"
LOCK_NAME = "malleposte.lock"
VERSION = 1
BUSY_SECONDS = 20.0
"""A transaction that moves 100,000 messages takes about this long; the others wait for it."""
CACHE_KIB = 256
"""SQLite's page cache for each open mailbox: the inner pages of an index of 100,000 messages."""
_SCHEMA = f"""
CREATE TABLE meta (boot TEXT NOT NULL, last_uidvalidity INTEGER NOT NULL);
INSERT INTO meta VALUES ('', 0);
CREATE TABLE folder (
    id INTEGER PRIMARY KEY, name TEXT NOT NULL UNIQUE, uidvalidity INTEGER NOT NULL,
    uidnext INTEGER NOT NULL, modseq INTEGER NOT NULL, floor INTEGER NOT NULL, uid_ceiling INTEGER NOT NULL, modseq_ceiling INTEGER NOT NULL,
    new_mtime INTEGER NOT NULL, cur_mtime INTEGER NOT NULL, messages INTEGER NOT NULL, unseen INTEGER NOT NULL, size INTEGER NOT NULL,
    recent_from INTEGER NOT NULL, keywords TEXT NOT NULL);
-- key is folder << 32 | uid: the messages of a folder lie together in the order of their UIDs
CREATE TABLE message (
    key INTEGER PRIMARY KEY, folder INTEGER NOT NULL, modseq INTEGER NOT NULL, flags INTEGER NOT NULL, internaldate INTEGER NOT NULL,
    size INTEGER NOT NULL, served INTEGER NOT NULL, saved INTEGER NOT NULL, stem TEXT NOT NULL, is_new INTEGER NOT NULL);
CREATE INDEX message_by_modseq ON message (folder, modseq);
CREATE TABLE vanished (folder INTEGER NOT NULL, modseq INTEGER NOT NULL, uid INTEGER NOT NULL, PRIMARY KEY (folder, modseq, uid)) WITHOUT ROWID;
CREATE TABLE facts (key INTEGER PRIMARY KEY, facts BLOB NOT NULL);
PRAGMA user_version = {VERSION};
"""


class Index(SqliteFile):
    """The connection of this process to one user's index."""

    damaged_suffix = ".damaged"

    def __init__(self, maildir: Path, boot: str) -> None:
        super().__init__(maildir / NAME, LOCK_NAME)
        self._boot = boot
        self.fill: Callable[[sqlite3.Connection], None] = lambda db: None
        """Called in the first transaction on a new index, to take in what is in the Maildir."""

    @property
    def is_made(self) -> bool:
        """Whether there is an index; one that is made anew is filled first, which takes its time."""
        return self._path.exists()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """One consistent state. Raises ``MailboxTrouble``."""
        with self._connected() as db, transaction(db, "BEGIN"):
            yield db

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """Alone among all processes; committed at the end, undone when an exception leaves. Raises ``MailboxTrouble``."""
        with self._connected() as db, transaction(db):
            yield db

    def renew(self) -> None:
        """Put the index aside, whatever is in it: the next use fills a new one from the Maildir. Raises ``MailboxTrouble``."""
        with self._lock, mapped():
            self._connect()
            self._put_aside()

    def number(self, db: sqlite3.Connection) -> int:
        """A number by which this index is told from one that was here before."""
        found: int
        (found,) = db.execute("PRAGMA application_id").fetchone()
        return found

    def _open(self) -> sqlite3.Connection:
        self._create()
        self._inode = os.stat(self._path).st_ino
        db = _connect(self._path)
        try:
            self._check_version(db)
            self._take_in(db)
        except BaseException:
            db.close()
            raise
        return db

    def _create(self) -> None:
        """Make an empty index under its name in one step, unless there is one."""
        with self._alone():
            if self._path.exists():
                return
            fresh = self._path.with_suffix(".new")
            remove(fresh)
            os.close(os.open(fresh, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE))
            db = _connect(fresh)
            try:
                db.execute("PRAGMA journal_mode = WAL")
                db.executescript(_SCHEMA)
                db.execute(f"PRAGMA application_id = {secrets.randbits(31)}")
            finally:
                db.close()
            remove(self._path)
            fresh.rename(self._path)

    def _check_version(self, db: sqlite3.Connection) -> None:
        (version,) = db.execute("PRAGMA user_version").fetchone()
        if version != VERSION:
            db.close()  # first: at its close SQLite removes a journal by name
            self._put_aside()
            raise MailboxTrouble(f"index of version {version} is put aside")

    def _take_in(self, db: sqlite3.Connection) -> None:
        """After a restart of the machine, or when the index is new: let ``fill`` do its work before anything else."""
        if self._is_of_this_boot(db):
            return
        with transaction(db):
            if not self._is_of_this_boot(db):
                # committed work may be lost: nothing given out since may be given out again, and each directory is read anew
                db.execute("UPDATE folder SET uidnext = uid_ceiling, modseq = modseq_ceiling, new_mtime = 0, cur_mtime = 0")
                self.fill(db)
                db.execute("UPDATE meta SET boot = ?", (self._boot,))

    def _is_of_this_boot(self, db: sqlite3.Connection) -> bool:
        (boot,) = db.execute("SELECT boot FROM meta").fetchone()
        return bool(boot == self._boot)


def _connect(path: Path) -> sqlite3.Connection:
    db = connect(path, BUSY_SECONDS, CACHE_KIB)
    db.execute("PRAGMA temp_store = MEMORY")
    return db
