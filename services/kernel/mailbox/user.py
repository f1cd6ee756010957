"""One user's mailbox: its folders, subscriptions, usage and the POP3 lock."""

import os
import shutil
import sqlite3
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from pathlib import Path

from services.kernel.mailbox import acl, arrival, attributes, flags, look, names, others, pop3_lock
from services.kernel.mailbox.acl import Acl, Change, Rights
from services.kernel.mailbox.arrival import Staged
from services.kernel.mailbox.catalog.shelf import clear
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.home import Home
from services.kernel.mailbox.ledger import Ledger, figures_by_name, total
from services.kernel.mailbox.records import Appended, Figures, FolderInfo, Growth, Place, Quota, Status, Usage
from services.kernel.mailbox.shares import Shares
from services.kernel.mailbox.trouble import (
    BadAcl,
    BadFolderName,
    BadUse,
    FolderExists,
    MailboxTrouble,
    NoSuchFolder,
    NotForAnyone,
    TooManyEntries,
    TooManyKeywords,
    mapped,
)

INBOX = Place()
SPECIAL_USES = frozenset({"\\Archive", "\\Drafts", "\\Junk", "\\Sent", "\\Trash", "\\Important"})
"""What a folder can be made for (RFC 6154 section 2, RFC 8457): real folders all, where ``\\All`` and ``\\Flagged`` are views."""


class UserMail:
    """The folders of one user. Names are Unicode with ``.`` between levels; ``INBOX`` in any case is the root. All methods block."""

    def __init__(self, address: str, home: Home, settings: MailboxSettings, shares: Shares) -> None:
        self.address = address
        self._home = home
        self._special_folders = settings.special_folders
        self._may_share_with_anyone = settings.share_with_anyone
        self._shares = shares

    @property
    def notify_path(self) -> Path:
        """Touched at every change of any folder."""
        return self._home.notify_path

    @property
    def home(self) -> Home:
        """What the delivery stages its files in."""
        return self._home

    @property
    def given_folders(self) -> frozenset[str]:
        """Those that a mailbox has from the beginning."""
        return frozenset((names.INBOX, *self._special_folders))

    def folders(self) -> Sequence[FolderInfo]:
        """All folders with INBOX first, missing parents included; the first call ever makes the special folders."""
        with mapped():
            if self._home.subscriptions() is None:
                self._make_special_folders()
            present = self._home.folder_names()
            subscribed = self.subscriptions()
            uses = self._special_uses(present)
        parents = {parent for name in present for parent in names.parents(name)}
        existing = frozenset(present)
        return [
            FolderInfo(name, name in existing, name in subscribed, name in parents, uses.get(name, ""))
            for name in sorted(existing | parents, key=lambda name: (name != names.INBOX, name))
        ]

    def _special_uses(self, present: Sequence[str]) -> dict[str, str]:
        """What folders are for: as their annotation says, else as the site's settings say of their names, unless another one has that use."""
        said = {name: self._said_use(name) for name in present}
        uses = {name: use for name, use in said.items() if use is not None}
        taken = {word for use in uses.values() for word in use.split()}
        by_name = {name: use for name, use in self._special_folders.items() if said.get(name, "") is None and use not in taken}
        return uses | by_name

    def _said_use(self, name: str) -> str | None:
        path = f"{self._home.maildir}/{names.directory(name)}/{attributes.NAME}"
        if not os.path.exists(path):  # few folders have one, and a list asks for all of them
            return None
        try:
            kept = attributes.read(Path(path))
        except MailboxTrouble:
            return None  # a list of folders does not fail for it; who asks for the annotation hears of it
        return kept[attributes.SPECIAL_USE].decode("ascii", "replace") if attributes.SPECIAL_USE in kept else None

    def _check_uses(self, name: str, words: Sequence[str]) -> str:
        uses = {other: use for other, use in self._special_uses(self._home.folder_names()).items() if other != name}
        if not SPECIAL_USES.issuperset(words) or any(word in use.split() for use in uses.values() for word in words):
            raise BadUse("the use is unknown or another folder has it")
        return " ".join(words)

    def _make_special_folders(self) -> None:
        if self._home.index.is_made:
            with self._home.index.writing() as db:
                for name in self._special_folders:
                    if not self._exists(name):
                        self._create(db, name)
        else:
            # it takes them in with all else when it is filled, and a login need not wait for that
            for name in self._special_folders:
                self._home.make_folder(self._home.directory(name))
            self._home.disk.sync_directory(self._home.maildir)
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

    def create(self, name: str, uses: Sequence[str] = ()) -> Folder:
        """Make a folder, for special uses if any (RFC 6154), and open it. Raises ``FolderExists``, ``BadFolderName``, ``BadUse``."""
        name = names.check(name)
        with self._home.index.writing() as db:
            if self._exists(name):
                raise FolderExists(f"there is a folder {name} already")
            use = self._check_uses(name, uses) if uses else ""
            uidvalidity = self._create(db, name)
            if use:
                self._annotate(name, {attributes.SPECIAL_USE: use.encode()})
        self._home.notify()
        return Folder(self._home, name, uidvalidity)

    def annotations(self, name: str = "") -> Mapping[str, bytes]:
        """What is attached to a folder, or to the mailbox as a whole, by entry (``attributes``); its special use is. Raises ``NoSuchFolder``."""
        name = names.normalize(name)
        with mapped():
            kept = attributes.read(self._annotations_path(name))
            if name in self._special_folders and attributes.SPECIAL_USE not in kept:
                use = self._special_uses(self._home.folder_names()).get(name)
                return {**kept, attributes.SPECIAL_USE: use.encode()} if use else kept
        return kept

    def annotate(self, name: str, changes: Mapping[str, bytes | None]) -> None:
        """Attach values to a folder, or with an empty name to the mailbox as a whole; ``None`` takes one away. All or none.

        Raises ``NoSuchFolder``, ``BadUse``, ``AnnotationTooLarge``, ``TooManyAnnotations``.
        """
        name = names.normalize(name)
        with self._home.index.writing():
            use = changes.get(attributes.SPECIAL_USE)
            if use:
                self._check_uses(name, use.decode("ascii", "replace").split())
            self._annotate(name, changes)
        self._home.notify()

    def _annotate(self, name: str, changes: Mapping[str, bytes | None]) -> None:
        path = self._annotations_path(name)
        after = attributes.changed(attributes.read(path), changes)
        if after or path.exists():
            self._home.replace(path, attributes.form(after))
            self._home.disk.sync_directory(path.parent)

    def _annotations_path(self, name: str) -> Path:
        return self._directory(name) / attributes.NAME if name else self._home.maildir / attributes.SERVER_NAME

    def _directory(self, name: str) -> Path:
        name = names.normalize(name)
        if not self._exists(name):
            raise NoSuchFolder(f"there is no folder {name}")
        return self._home.directory(name)

    def acl(self, name: str) -> Acl:
        """Who may do what in a folder. Raises ``NoSuchFolder``, ``BadAcl``."""
        with mapped():
            return self._read_acl(self._directory(name))

    def _read_acl(self, directory: Path) -> Acl:
        return acl.read(directory / acl.NAME).of_owner(self.address)

    def rights(self, name: str, who: str) -> Rights:
        """What ``who``, a folded address, may do in a folder; where that cannot be read, nothing, unless it is his. Raises ``NoSuchFolder``."""
        try:
            found = self.acl(name)
        except BadAcl:
            found = Acl()
        return found.rights(who, is_owner=who == self.address)

    def change_acl(self, name: str, identifier: str, change: Callable[[Rights], Rights], tell: Callable[[Change], None] = lambda _: None) -> None:
        """Give an identifier other rights in a folder, by those it has; ``tell`` hears of it once they hold, whatever fails behind that.

        Raises ``NoSuchFolder``, ``BadAcl``, ``TooManyEntries``, ``NotForAnyone``.
        """
        with self._home.index.writing():
            directory = self._directory(name)
            before = self._read_acl(directory)
            known = before.given(identifier)
            after = before.changed(identifier, change(known))
            if identifier in (acl.ANYONE, acl.AUTHENTICATED) and not (self._may_share_with_anyone or after.given(identifier) <= known):
                raise NotForAnyone("rights for all users of the site are not allowed here (mailbox.share_with_anyone)")
            if after != before:
                self._home.replace(directory / acl.NAME, after.text())
                if made := Change(identifier, known, after.given(identifier)):
                    tell(made)
                self._home.disk.sync_directory(directory)
        self.note_sharing()
        self._shares.wake(identifier.removeprefix("-").removeprefix(acl.USER))
        self._home.notify()

    def note_sharing(self) -> None:
        """Have the site know with whom this user shares folders, by their files."""
        with self._home.index.writing():
            self._shares.note(self.address)

    def _inherit_acl(self, name: str) -> None:
        """A new folder has the ACL of the one above it, as far as there is one (RFC 4314 leaves it open; Dovecot and Cyrus do so)."""
        above = next((parent for parent in reversed(names.parents(name)) if self._exists(parent)), None)
        if above is not None:
            with suppress(BadAcl, TooManyEntries):
                inherited = acl.read(self._home.directory(above) / acl.NAME)
                if inherited.entries:
                    self._home.replace(self._home.directory(name) / acl.NAME, inherited.text())

    def _create(self, db: sqlite3.Connection, name: str) -> int:
        look.forget(db, name)
        self._home.make_folder(self._home.directory(name))
        self._inherit_acl(name)
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
            is_shared = (grave / acl.NAME).exists()
            shutil.rmtree(grave, ignore_errors=True)
        if is_shared:
            self.note_sharing()
        self._home.notify()

    def rename(self, old: str, new: str) -> None:
        """Rename a folder and those below it; INBOX gives its messages to ``new`` and stays (RFC 9051 section 6.3.6).

        Raises ``NoSuchFolder``, ``FolderExists``, ``BadFolderName``.
        """
        old, new = names.normalize(old), names.check(new)
        if old == names.INBOX:
            target, inbox = self.create(new), self.folder(old)
            inbox.move(inbox.uids(), target)
            return
        if new.startswith(old + names.SEPARATOR):
            raise BadFolderName("a folder cannot be moved below itself")
        with ExitStack() as undo:
            with self._home.index.writing() as db:
                moved = self._rename_all(db, old, new, undo)
            undo.pop_all()
        with mapped():
            self._home.disk.sync_directory(self._home.maildir)
        if any((self._home.directory(name) / acl.NAME).exists() for name in moved):
            self.note_sharing()  # who was reading them meanwhile met neither name
        self._home.notify()

    def _rename_all(self, db: sqlite3.Connection, old: str, new: str, undo: ExitStack) -> list[str]:
        """Return the new names."""
        moved = [name for name in self._home.folder_names() if name == old or name.startswith(old + names.SEPARATOR)]
        if not moved:
            raise NoSuchFolder(f"there is no folder {old}")
        pairs = [(name, names.check(new + name[len(old) :])) for name in moved]
        taken = [target for _, target in pairs if self._exists(target)]
        if taken or self._exists(new):
            raise FolderExists(f"there is a folder {(taken or [new])[0]} already")
        uses = self._special_uses(self._home.folder_names())
        for name, target in pairs:
            if name in uses:
                self._annotate(name, {attributes.SPECIAL_USE: uses[name].encode()})  # the use goes with the folder, not with the name
            source, destination = str(self._home.directory(name)), str(self._home.directory(target))
            self._home.disk.rename(source, destination)
            undo.callback(arrival.put_back, self._home, destination, source)
            look.forget(db, target)
            db.execute("UPDATE folder SET name = ? WHERE name = ?", (target, name))
        return [target for _, target in pairs]

    def subscribe(self, name: str) -> None:
        """Add a name to the subscriptions, perhaps of another user's folder (``others``). Raises ``BadFolderName``."""
        self._subscribe(others.normalize(name) if others.is_other(name) else names.check(name), wanted=True)

    def unsubscribe(self, name: str) -> None:
        """Take a name from the subscriptions; harmless when it is not there."""
        self._subscribe(name if others.is_other(name) else names.normalize(name), wanted=False)

    def _subscribe(self, name: str, *, wanted: bool) -> None:
        # the index's lock keeps two processes from losing each other's change of the file
        with self._home.index.writing():
            subscribed = set(self._home.subscriptions() or ())
            if wanted != (name in subscribed):
                self._home.write_subscriptions(sorted(subscribed ^ {name}))
        self._home.notify()

    def status(self, name: str) -> Status:
        """Figures of a folder after a look at its directory. Raises ``NoSuchFolder``."""
        return self.folder(name).status()

    def deposit(self, staged: Sequence[Staged], quota: Quota, place: Place = INBOX) -> tuple[Sequence[Appended | None], Growth]:
        """Take messages that are staged and synced into a folder; ``None`` for one beyond the quota. The caller syncs ``arrivals(place)``.

        Files of strangers are left for the next look: a delivery does not wait for it. Keywords that the folder has no room for are left out.
        Raises ``NoSuchFolder``.
        """
        with ExitStack() as undo:
            with self._home.index.writing() as db, look.at_work(db, self._home, place.folder, looking=False) as ledger:
                uidvalidity = ledger.counters.uidvalidity
                before = total(db)
                fits = arrival.within(quota, before, staged)
                accepted = [message for message, fit in zip(staged, fits, strict=True) if fit]
                bits = self._bits(ledger, place.flags) if place.flags else 0
                rows = iter(arrival.admit(ledger, self._home, accepted, bits, undo) if accepted else ())
            undo.pop_all()
        self._home.notify()
        after = Usage(before.size_bytes + sum(message.served for message in accepted), before.messages + len(accepted))
        answers = [Appended(uidvalidity, next(rows).uid) if fit else None for fit in fits]
        return answers, Growth(self.address, quota, before, after)

    def _bits(self, ledger: Ledger, wanted: frozenset[str]) -> int:
        try:
            return arrival.use_flags(ledger, self._home, wanted)
        except TooManyKeywords:
            return flags.to_bits(wanted, ledger.keywords)

    def arrivals(self, place: Place = INBOX) -> Sequence[Path]:
        """The directories that ``deposit`` puts messages into: of a message with flags that may be either."""
        directory = self._home.directory(place.folder)
        return (directory / "new", directory / "cur") if place.flags else (directory / "new",)

    def survey(self) -> dict[str, Figures]:
        """Figures of all folders by name, at one moment and without a look at their directories."""
        with self._home.index.reading() as db:
            return figures_by_name(db)

    def survey_for(self, who: str) -> dict[str, tuple[Figures, Rights]]:
        """As ``survey``, with what ``who`` may do in each. What is just being renamed is waited for, so that it is under one name or the other."""
        found = self.survey()
        try:
            return {name: (figures, self.rights(name, who)) for name, figures in found.items()}
        except NoSuchFolder:
            with self._home.index.writing() as db:
                return {name: (figures, self.rights(name, who)) for name, figures in figures_by_name(db).items() if self._exists(name)}

    def usage(self) -> Usage:
        """What all folders hold together."""
        with self._home.index.reading() as db:
            return total(db)

    def tidy_catalog(self, most: int) -> bool:
        """Have the catalogue forget folders that are gone, at most so many messages of them; tell whether that was all."""
        with self._home.index.reading() as db:
            folders = frozenset(db.execute("SELECT id, uidvalidity FROM folder"))
            number = self._home.index.number(db)
        return clear(self._home.catalog, number, folders, most)

    def pop3_lock(self, delay_seconds: float = 0) -> AbstractContextManager[None]:
        """See ``pop3_lock.hold``."""
        return pop3_lock.hold(self._home.maildir, self._home.tools.clock, delay_seconds)
