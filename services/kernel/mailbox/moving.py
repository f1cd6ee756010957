"""Mail that moves in: a tree of files as Maildir++ or Dovecot lays them out becomes messages of a mailbox.

The tree lies on the same disk, so a message is renamed, not copied. It keeps the unique part of its file name, and one whose name the folder has
already is passed over: what was interrupted is begun again without harm. A folder that is empty takes over UIDVALIDITY and UIDs of the
tree's ``dovecot-uidlist``, so that clients which know the folder from there find it as they left it.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import NamedTuple

import msgspec

from services.kernel.mailbox import acl, arrival, attributes, filename, flags, look, names, uids
from services.kernel.mailbox.filename import FileName
from services.kernel.mailbox.home import Home
from services.kernel.mailbox.ledger import Ledger, Row
from services.kernel.mailbox.trouble import (
    AnnotationTooLarge,
    BadAcl,
    BadFolderName,
    BadUse,
    TooManyAnnotations,
    TooManyEntries,
    TooManyKeywords,
    mapped,
)
from services.kernel.mailbox.user import UserMail

CHUNK = 1_000
"""Messages in one transaction: others wait for the index a fraction of a second."""


@dataclass(frozen=True, slots=True)
class MovedIn:
    """What became of one folder: messages taken and those it had already, and whether UIDs are those of the tree.

    Where they are, ``renumbered`` of those taken have new ones all the same: the tree had none for them, or they were another message's here.
    ``lost_keywords`` are names for which the folder has no letter left; ``lost_acl`` is why the tree's ACL was left out, if it was.
    """

    folder: str
    uidvalidity: int
    taken: int
    known: int
    keeps_uids: bool
    lost_keywords: tuple[str, ...] = ()
    lost_acl: str = ""
    renumbered: int = 0


@dataclass(frozen=True, slots=True)
class Moved:
    """All folders of a tree; ``passed_over`` are directories whose names no folder can have here, with their mail still in them."""

    folders: tuple[MovedIn, ...]
    passed_over: tuple[str, ...]


class _Coming(NamedTuple):
    """A file of the tree; ``uid`` is 0 where the tree has none for it."""

    path: str
    name: FileName
    uid: int
    is_new: bool


class _Source(NamedTuple):
    """A folder of the tree, read."""

    coming: Sequence[_Coming]
    keywords: tuple[str, ...]
    given: uids.Given | None


def move_in(user: UserMail, tree: Path) -> Moved:
    """Take all messages of ``tree``, and its subscriptions. Blocks. Raises ``MailboxFull``, ``MailboxTrouble``; a second call goes on."""
    home = user.home
    with mapped():
        home.disk.sync_directory(tree, whole=True)
        found = sorted((_name_of(directory.relative_to(tree).parts), directory) for directory in _folders(tree))
    # rights first: what was interrupted finds the folder with its messages, and leaves its rights alone
    lost_acls = {name: _share(user, name, directory / acl.NAME) for name, directory in found if name}
    folders = tuple(replace(_Move(home, name).run(_read(home, directory)), lost_acl=lost_acls[name]) for name, directory in found if name)
    with mapped():
        home.disk.sync_directory(home.maildir, whole=True)
    for name, directory in found:
        if name:
            _annotate(user, name, directory / attributes.NAME)
    user.note_sharing()
    _annotate(user, "", tree / attributes.SERVER_NAME)
    for name in Home(tree, home.tools).subscriptions() or ():
        with suppress(BadFolderName):
            user.subscribe(name)
    home.notify()
    return Moved(folders, tuple(str(directory.relative_to(tree)) for name, directory in found if not name))


def _annotate(user: UserMail, name: str, path: Path) -> None:
    """Attach what the tree has and the folder has not. A use that another folder has here is left out, and so are all where there is no room."""
    with mapped():
        coming = attributes.read(path)
    fresh = {key: value for key, value in coming.items() if key not in user.annotations(name)}
    use = fresh.pop(attributes.SPECIAL_USE, None)
    with suppress(TooManyAnnotations, AnnotationTooLarge):
        user.annotate(name, fresh)
    if use is not None:
        with suppress(BadUse, TooManyAnnotations):
            user.annotate(name, {attributes.SPECIAL_USE: use})


def _share(user: UserMail, name: str, path: Path) -> str:
    """Give a folder that is made by this the ACL of the tree as a whole; return why it was left out, if it was.

    A folder that each mailbox has takes it too while it is empty and never had one. Elsewhere rights that were taken away meanwhile would come back.
    """
    home, directory = user.home, user.home.directory(name)
    try:
        with mapped():
            coming = acl.read(path).of_owner(user.address)
        if not coming.entries:
            return ""
        with home.index.writing() as db:
            is_given = name in user.given_folders or not (directory / "cur").exists()
            home.make_folder(directory)
            with look.at_work(db, home, name) as ledger:
                is_new = is_given and not ledger.counters.messages and not (directory / acl.NAME).exists()
            if is_new:
                home.replace(directory / acl.NAME, coming.text())
            return "" if user.acl(name) == coming else "the folder was here with other rights"
    except (BadAcl, TooManyEntries) as refusal:
        return str(refusal)


def _folders(tree: Path) -> Iterator[Path]:
    """The folders of a tree: of Maildir++ (``.Sent/cur``) or of Dovecot's ``LAYOUT=fs`` (``Archive/2026/cur``). Raises ``OSError``."""
    for path, directories, files in os.walk(tree):
        if {"cur", "new"}.intersection(directories) or uids.DOVECOT_NAME in files:
            yield Path(path)
        directories[:] = [entry for entry in directories if entry not in ("cur", "new", "tmp")]


def _name_of(parts: tuple[str, ...]) -> str:
    """The folder whose place in a tree is ``parts``; empty for one that cannot be a folder here."""
    if not parts:
        return names.INBOX
    if parts[0].startswith("."):
        return (names.from_directory(parts[0]) or "") if len(parts) == 1 else ""
    return names.from_directory("".join(f".{level.replace('.', '_')}" for level in parts)) or ""


def _read(home: Home, directory: Path) -> _Source:
    """Read what is in a folder of the tree."""
    with mapped():
        found = uids.read_dovecot(directory)
        given, hints = found if found else (None, {})
        if given is not None and given.uidvalidity == 0:
            given = None  # no list of Dovecot's: one that only orders
        coming = []
        for part in ("new", "cur"):
            if (directory / part).is_dir():
                for entry in os.listdir(directory / part):
                    name = filename.parse(entry)
                    uid = hints.get(uids.unique(entry), 0) or (name.uid or 0 if given else 0)
                    coming.append(_Coming(f"{directory}/{part}/{entry}", name, uid, part == "new"))
        return _Source(sorted(coming, key=_order), home.read_keywords(directory), given)


def _order(coming: _Coming) -> tuple[int, str]:
    """By UID, and those without one behind, by their names, which begin with the time."""
    return coming.uid or uids.LAST_UID, coming.name.stem


class _Move:
    """The way of one folder's messages into the mailbox."""

    def __init__(self, home: Home, folder: str) -> None:
        self._home = home
        self._folder = folder
        self._directory = home.directory(folder)

    def run(self, source: _Source) -> MovedIn:
        uidvalidity, keeps = self._settle(source.given)
        lost = self._agree(source)
        coming = source.coming if keeps else [one._replace(uid=0) for one in source.coming]
        parts = [self._take(coming[start : start + CHUNK], source.keywords) for start in range(0, len(coming), CHUNK)]
        taken, kept = (sum(counts) for counts in zip((0, 0), *parts, strict=True))
        return MovedIn(self._folder, uidvalidity, taken, len(coming) - taken, keeps, lost, renumbered=taken - kept if keeps else 0)

    def _settle(self, given: uids.Given | None) -> tuple[int, bool]:
        """Make the folder if it is missing; return its UIDVALIDITY and whether it is that of the tree."""
        with self._home.index.writing() as db:
            self._home.make_folder(self._directory)
            with look.at_work(db, self._home, self._folder) as ledger:
                counters = ledger.counters
                if given is not None and counters.uidvalidity == given.uidvalidity:
                    counters.uidnext = max(counters.uidnext, given.uid_ceiling)
            if given is None or counters.uidvalidity == given.uidvalidity:
                return counters.uidvalidity, given is not None
            if counters.messages:
                return counters.uidvalidity, False
            ledger.drop()
            # higher than any modseq of the other server, whose clients then ask for all that changed since
            uids.write(self._directory, replace(given, modseq_ceiling=int(self._home.tools.clock())), self._home.disk)
            with look.at_work(db, self._home, self._folder):
                return given.uidvalidity, True

    def _agree(self, source: _Source) -> tuple[str, ...]:
        """Give the keywords in use letters here; return those for which there is none."""
        used = frozenset[str]().union(*{flags.names(coming.name.bits, source.keywords) for coming in source.coming})
        lost: list[str] = []
        with self._home.index.writing() as db, look.at_work(db, self._home, self._folder) as ledger:
            known = ledger.keywords
            for keyword in sorted(flag for flag in used if not flag.startswith("\\")):
                try:
                    known = flags.add_keywords((keyword,), known)
                except TooManyKeywords:
                    lost.append(keyword)
            if known != ledger.keywords:
                ledger.counters.keywords = " ".join(known)
                self._home.write_keywords(self._directory, known)
        return tuple(lost)

    def _take(self, coming: Sequence[_Coming], keywords: tuple[str, ...]) -> tuple[int, int]:
        """Rename files into the folder and give them rows, in one transaction; return how many are new, and how many have the tree's UID."""
        with ExitStack() as undo:
            with self._home.index.writing() as db, look.at_work(db, self._home, self._folder) as ledger:
                present = {uids.unique(row.stem) for row in ledger.rows()}
                fresh = [one for one in coming if uids.unique(one.name.stem) not in present]
                rows = _number(ledger, fresh, keywords)
                for one, row in zip(fresh, rows, strict=True):
                    path = f"{self._directory}/{row.place}"
                    self._home.disk.rename(one.path, path)
                    undo.callback(arrival.put_back, self._home, path, one.path)
                ledger.insert(rows)
            undo.pop_all()
        return len(fresh), sum(one.uid == row.uid for one, row in zip(fresh, rows, strict=True))


def _number(ledger: Ledger, fresh: Sequence[_Coming], keywords: tuple[str, ...]) -> list[Row]:
    """A row for each file: with its own UID where that was given out here and is free, else a new one."""
    modseq = ledger.take_modseq() if fresh else 0
    taken = ledger.buried() | set(ledger.all_uids())
    rows = []
    for one in fresh:
        uid = one.uid if 0 < one.uid < ledger.counters.uidnext and one.uid not in taken else ledger.take_uids(1)
        taken.add(uid)
        bits = flags.to_bits(flags.names(one.name.bits, keywords), ledger.keywords) | one.name.bits & flags.PASSED
        name = msgspec.structs.replace(one.name, bits=bits)
        rows.append(look.describe(Path(one.path), name, uid, modseq, is_new=one.is_new))
    return rows
