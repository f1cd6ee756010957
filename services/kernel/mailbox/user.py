"""One user's mailbox: its folders, subscriptions, usage and the POP3 lock."""

import fcntl
import os
import shutil
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from services.kernel.mailbox import arrival, look, names
from services.kernel.mailbox.arrival import Staged
from services.kernel.mailbox.disk import FILE_MODE
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.home import Home
from services.kernel.mailbox.ledger import Ledger, total
from services.kernel.mailbox.records import Appended, FolderInfo, Quota, Status, Usage
from services.kernel.mailbox.trouble import BadFolderName, FolderExists, Locked, NoSuchFolder, mapped

POP3_LOCK_NAME = "malleposte.pop3.lock"


class UserMail:
    """The folders of one user. Names are Unicode with ``.`` between levels; ``INBOX`` in any case is the root. All methods block."""

    def __init__(self, address: str, home: Home, special_folders: Mapping[str, str]) -> None:
        self.address = address
        self._home = home
        self._special_folders = special_folders

    @property
    def notify_path(self) -> Path:
        """Touched at every change of any folder."""
        return self._home.notify_path

    @property
    def home(self) -> Home:
        """What the delivery stages its files in."""
        return self._home

    def folders(self) -> Sequence[FolderInfo]:
        """All folders with INBOX first, missing parents included; the first call ever makes the special folders."""
        with mapped():
            if self._home.subscriptions() is None:
                self._make_special_folders()
            present = self._home.folder_names()
            subscribed = self.subscriptions()
        parents = {parent for name in present for parent in names.parents(name)}
        listed = present + sorted(parents.difference(present))
        return [
            FolderInfo(name, name in present, name in subscribed, name in parents, self._special_folders.get(name, ""))
            for name in sorted(listed, key=lambda name: (name != names.INBOX, name))
        ]

    def _make_special_folders(self) -> None:
        with self._home.index.writing() as db:
            for name in self._special_folders:
                if not self._exists(name):
                    self._create(db, name)
        self._home.write_subscriptions([names.INBOX, *sorted(self._special_folders)])

    def subscriptions(self) -> frozenset[str]:
        """Names subscribed to, which need not exist (RFC 9051 section 6.3.7)."""
        with mapped():
            return frozenset(self._home.subscriptions() or ())

    def folder(self, name: str) -> Folder:
        """Open a folder. Raises ``NoSuchFolder``."""
        name = names.normalize(name)
        with mapped():
            if not self._exists(name):
                raise NoSuchFolder(f"there is no folder {name}")
            with self._home.index.reading() as db:
                ledger = Ledger.load(db, name)
            if ledger is None:
                with self._home.index.writing() as db, look.at_work(db, self._home, name) as ledger:
                    pass
        return Folder(self._home, name, ledger.counters.uidvalidity)

    def _exists(self, name: str) -> bool:
        try:
            return names.check(name) == name and (self._home.directory(name) / "cur").is_dir()
        except BadFolderName:
            return False

    def create(self, name: str) -> int:
        """Make a folder and return its UIDVALIDITY. Raises ``FolderExists``, ``BadFolderName``."""
        name = names.check(name)
        with self._home.index.writing() as db:
            if self._exists(name):
                raise FolderExists(f"there is a folder {name} already")
            return self._create(db, name)

    def _create(self, db: sqlite3.Connection, name: str) -> int:
        look.forget(db, name)
        self._home.make_folder(self._home.directory(name))
        with look.at_work(db, self._home, name) as ledger:
            self._home.disk.sync_directory(self._home.maildir)
            return ledger.counters.uidvalidity

    def delete(self, name: str) -> None:
        """Delete a folder with its messages; folders below stay. Raises ``NoSuchFolder``, ``BadFolderName`` for INBOX."""
        name = names.normalize(name)
        if name == names.INBOX:
            raise BadFolderName("INBOX cannot be deleted")
        grave = self._home.maildir / "tmp" / self._home.tools.unique.make()
        with self._home.index.writing() as db:
            if not self._exists(name):
                raise NoSuchFolder(f"there is no folder {name}")
            look.forget(db, name)
            self._home.disk.rename(str(self._home.directory(name)), str(grave))
        with mapped():
            shutil.rmtree(grave, ignore_errors=True)
        self._home.notify()

    def rename(self, old: str, new: str) -> None:
        """Rename a folder and those below it; INBOX gives its messages to ``new`` and stays (RFC 9051 section 6.3.6).

        Raises ``NoSuchFolder``, ``FolderExists``, ``BadFolderName``.
        """
        old, new = names.normalize(old), names.check(new)
        if old == names.INBOX:
            self.create(new)
            inbox = self.folder(old)
            inbox.move(inbox.uids(), self.folder(new))
            return
        if new.startswith(old + names.SEPARATOR):
            raise BadFolderName("a folder cannot be moved below itself")
        with ExitStack() as undo:
            with self._home.index.writing() as db:
                self._rename_all(db, old, new, undo)
            undo.pop_all()
        with mapped():
            self._home.disk.sync_directory(self._home.maildir)
        self._home.notify()

    def _rename_all(self, db: sqlite3.Connection, old: str, new: str, undo: ExitStack) -> None:
        moved = [name for name in self._home.folder_names() if name == old or name.startswith(old + names.SEPARATOR)]
        if not moved:
            raise NoSuchFolder(f"there is no folder {old}")
        pairs = [(name, names.check(new + name[len(old) :])) for name in moved]
        taken = [target for _, target in pairs if self._exists(target)]
        if taken or self._exists(new):
            raise FolderExists(f"there is a folder {(taken or [new])[0]} already")
        for name, target in pairs:
            source, destination = str(self._home.directory(name)), str(self._home.directory(target))
            self._home.disk.rename(source, destination)
            undo.callback(arrival.put_back, self._home, destination, source)
            look.forget(db, target)
            db.execute("UPDATE folder SET name = ? WHERE name = ?", (target, name))

    def subscribe(self, name: str) -> None:
        """Add a name to the subscriptions. Raises ``BadFolderName``."""
        self._subscribe(names.check(name), wanted=True)

    def unsubscribe(self, name: str) -> None:
        """Take a name from the subscriptions; harmless when it is not there."""
        self._subscribe(names.normalize(name), wanted=False)

    def _subscribe(self, name: str, *, wanted: bool) -> None:
        # the index's lock keeps two processes from losing each other's change of the file
        with self._home.index.writing():
            subscribed = set(self._home.subscriptions() or ())
            if wanted != (name in subscribed):
                self._home.write_subscriptions(sorted(subscribed ^ {name}))

    def status(self, name: str) -> Status:
        """Figures of a folder after a look at its directory. Raises ``NoSuchFolder``."""
        return self.folder(name).status()

    def deposit(self, staged: Sequence[Staged], quota: Quota) -> Sequence[Appended | None]:
        """Take messages that are staged and synced into INBOX; ``None`` for one beyond the quota. The caller syncs ``new_directory``.

        Files of strangers are left for the next look: a delivery does not wait for it.
        """
        with ExitStack() as undo:
            with self._home.index.writing() as db, look.at_work(db, self._home, names.INBOX, looking=False) as ledger:
                uidvalidity = ledger.counters.uidvalidity
                fits = arrival.within(quota, total(db), staged)
                accepted = [message for message, fit in zip(staged, fits, strict=True) if fit]
                numbers = iter(arrival.admit(ledger, self._home, accepted, 0, undo) if accepted else ())
            undo.pop_all()
        self._home.notify()
        return [Appended(uidvalidity, next(numbers)) if fit else None for fit in fits]

    @property
    def new_directory(self) -> Path:
        """Where ``deposit`` puts messages."""
        return self._home.maildir / "new"

    def usage(self) -> Usage:
        """What all folders hold together."""
        with self._home.index.reading() as db:
            return total(db)

    @contextmanager
    def pop3_lock(self) -> Iterator[None]:
        """Hold the lock that keeps a second POP3 session out (RFC 1939 section 4), at once or with ``Locked``; IMAP and delivery go on."""
        with mapped():
            file = os.open(self._home.maildir / POP3_LOCK_NAME, os.O_CREAT | os.O_RDWR | os.O_CLOEXEC, FILE_MODE)
        try:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Locked("another POP3 session has the mailbox") from None
            yield
        finally:
            os.close(file)
