"""Who shares something with whom, so that a list of folders opens no mailbox without need: one SQLite file for all mailboxes of the site.

It is a cache of the ``dovecot-acl`` files, and grants nothing: rights are read from the file of the folder each time. Missing or damaged it is made
anew from all Maildirs, by whoever asks first, while the others wait. What is noted of a user is read from his files while his index is locked, so
the last word is always that of the files. A file that someone else put there counts after ``malle mailbox check``.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from itertools import islice
from pathlib import Path

from services.kernel.mailbox import acl, names, volume
from services.kernel.mailbox.disk import FILE_MODE
from services.kernel.mailbox.home import NOTIFY_NAME
from services.kernel.mailbox.sqlitefile import is_damage, transaction
from services.kernel.mailbox.trouble import BadAcl, mapped

NAME = ".malleposte.shares"
"""No domain's directory begins with a dot."""
VERSION = 1
WAIT_SECONDS = 20.0
"""To read the Maildirs of 100,000 users takes some seconds."""
_SCHEMA = (
    "DROP TABLE IF EXISTS share",
    "CREATE TABLE share (owner TEXT NOT NULL, grantee TEXT NOT NULL, PRIMARY KEY (owner, grantee)) WITHOUT ROWID",
    "CREATE INDEX share_by_grantee ON share (grantee)",
)


class Shares:
    """The cache of one site. All methods block and raise ``MailboxTrouble``; addresses are folded."""

    def __init__(self, root: Path, most_folders: int) -> None:
        self._root = root
        self._most_folders = most_folders
        self._path = root / NAME

    def owners(self, who: str) -> list[str]:
        """Those who share something with ``who``, himself left out, by address."""
        with self._open() as db:
            found = db.execute("SELECT DISTINCT owner FROM share WHERE grantee IN (?, ?) AND owner <> ? ORDER BY owner", (who, acl.ANYONE, who))
            return [owner for (owner,) in found]

    def has(self, owner: str, who: str) -> bool:
        """Tell whether ``owner`` shares something with ``who``."""
        with self._open() as db:
            found = db.execute("SELECT 1 FROM share WHERE owner = ? AND grantee IN (?, ?)", (owner, who, acl.ANYONE))
            return found.fetchone() is not None

    def visible(self, owner: str, who: str) -> list[str]:
        """The folders of ``owner`` that ``who`` may know of, as their files say now; ``mailbox.shared_folders`` that have lines are looked at."""
        with mapped():
            with_lines = ((name, lines) for name, lines in _acls(volume.maildir(self._root, owner)) if lines.entries)
            found = [name for name, lines in islice(with_lines, self._most_folders) if acl.Right.LOOKUP in lines.rights(who, is_owner=False)]
        return sorted(found, key=lambda name: (name != names.INBOX, name))

    def note(self, owner: str) -> None:
        """Read the files of a user's folders again, while the caller keeps all from changing them. Others wait only for what is new."""
        with mapped():
            after = self._given(owner)
        with self._open() as db:
            before = {grantee for (grantee,) in db.execute("SELECT grantee FROM share WHERE owner = ?", (owner,))}
            if before == after:
                return
            with transaction(db):
                db.executemany("DELETE FROM share WHERE owner = ? AND grantee = ?", [(owner, one) for one in sorted(before - after)])
                self._insert(db, owner, after)
        for one in before ^ after:
            self.wake(one)

    def wake(self, who: str) -> None:
        """Have the sessions of ``who``, if there is one, look again at what is shared with him."""
        with suppress(OSError):
            os.utime(volume.maildir(self._root, who) / NOTIFY_NAME)

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with mapped():
            try:
                db = self._connect()
            except sqlite3.DatabaseError as error:
                if not self._put_away(error):
                    raise
                db = self._connect()
            with closing(db):
                try:
                    yield db
                except sqlite3.DatabaseError as error:
                    self._put_away(error)
                    raise

    def _put_away(self, error: sqlite3.DatabaseError) -> bool:
        """Remove a damaged file: whoever asks next makes another. Tell whether it was that."""
        damaged = is_damage(error)
        if damaged:
            self._path.unlink(missing_ok=True)
        return damaged

    def _connect(self) -> sqlite3.Connection:
        if not self._path.exists():
            os.close(os.open(self._path, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, FILE_MODE))
        db = sqlite3.connect(self._path, timeout=WAIT_SECONDS, isolation_level=None)
        try:
            if not _is_made(db):
                with transaction(db):
                    self._make(db)
        except BaseException:
            db.close()
            raise
        return db

    def _make(self, db: sqlite3.Connection) -> None:
        if _is_made(db):
            return  # another process was faster
        for statement in _SCHEMA:
            db.execute(statement)
        for owner in volume.present(self._root):
            self._insert(db, owner, self._given(owner))
        db.execute(f"PRAGMA user_version = {VERSION}")

    def _given(self, owner: str) -> frozenset[str]:
        """With whom a user shares folders, as their files say. Raises ``OSError``."""
        return frozenset[str]().union(*(lines.grantees() for _, lines in _acls(volume.maildir(self._root, owner)))) - {owner}

    def _insert(self, db: sqlite3.Connection, owner: str, given: frozenset[str]) -> None:
        db.executemany("INSERT OR IGNORE INTO share VALUES (?, ?)", [(owner, one) for one in sorted(given)])


def _acls(maildir: Path) -> Iterator[tuple[str, acl.Acl]]:
    """The folders of a Maildir with their lines, by directory. A file or directory that cannot be read gives nobody a right. Raises ``OSError``."""
    with suppress(*volume.NOT_OURS):
        for entry in (".", *sorted(os.listdir(maildir))):
            name = names.INBOX if entry == "." else names.from_directory(entry)
            if name is not None and os.path.isdir(f"{maildir}/{entry}/cur"):
                with suppress(BadAcl, *volume.NOT_OURS):
                    yield name, acl.read(maildir / entry / acl.NAME)


def _is_made(db: sqlite3.Connection) -> bool:
    (version,) = db.execute("PRAGMA user_version").fetchone()
    return bool(version == VERSION)
