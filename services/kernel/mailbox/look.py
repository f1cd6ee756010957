"""A look at a folder's directory: what came, went or was renamed without the index knowing becomes rows.

That is how a crash between a rename and a commit is mended, how files that a stranger dropped in get their UIDs, and how a lost
index is filled again.
"""

import os
import shutil
import sqlite3
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from services.kernel.mailbox import filename, identity, uids
from services.kernel.mailbox.draft import count_bare_lf
from services.kernel.mailbox.filename import FileName
from services.kernel.mailbox.home import Home
from services.kernel.mailbox.ledger import Ledger, Row
from services.kernel.mailbox.trouble import NoSuchFolder

READ_BYTES = 1 << 20
"""A stranger's file is read in blocks of this size to count its line ends."""
LITTER_SECONDS = 36 * 3600
"""maildir(5): what is in tmp/ for 36 hours will never be delivered."""
TREE_PREFIX = "moving-"
"""Of directories in tmp/ with mail that is to move in; their time is set anew whenever more comes."""


class _Found(msgspec.Struct, frozen=True, gc=False):
    name: FileName
    place: str


def times(directory: Path) -> tuple[int, int]:
    """When ``new`` and ``cur`` last got or lost a name, in nanoseconds. Raises ``NoSuchFolder``."""
    try:
        return os.stat(f"{directory}/new").st_mtime_ns, os.stat(f"{directory}/cur").st_mtime_ns
    except FileNotFoundError:
        raise NoSuchFolder("the folder does not exist") from None


def is_current(ledger: Ledger, now: tuple[int, int]) -> bool:
    """Tell whether the index knows the directory as it is."""
    return (ledger.counters.new_mtime, ledger.counters.cur_mtime) == now


@contextmanager
def at_work(db: sqlite3.Connection, home: Home, name: str, *, looking: bool = True) -> Iterator[Ledger]:
    """The rows of a folder for a change within the transaction of ``db``; the counters are saved at the end. Raises ``NoSuchFolder``.

    Without ``looking`` the directory is not read, however much it changed: a delivery need not wait for that.
    """
    directory = home.directory(name)
    now = times(directory)
    ledger = Ledger.load(db, name)
    if ledger is None or (looking and not is_current(ledger, now)):
        ledger = _look(db, home, name)
        # the times from before: what came while the directory was read, or was renamed then, is for the next look
        ledger.counters.new_mtime, ledger.counters.cur_mtime = now
        now = times(directory)
    current = is_current(ledger, now)
    yield ledger
    if current:
        ledger.counters.new_mtime, ledger.counters.cur_mtime = times(directory)
    ledger.save(directory, home.disk)


def take_in(db: sqlite3.Connection, home: Home) -> None:
    """Fill an index: rows for every folder there is, and none for those that are gone. Raises ``OSError``."""
    present = home.folder_names()
    for (name,) in db.execute("SELECT name FROM folder").fetchall():
        if name not in present:
            forget(db, name)
    for name in present:
        with at_work(db, home, name):
            pass


def forget(db: sqlite3.Connection, name: str) -> None:
    """Drop the rows of a folder if there are any."""
    ledger = Ledger.load(db, name)
    if ledger is not None:
        ledger.drop()


def new_uidvalidity(db: sqlite3.Connection, home: Home) -> int:
    """A UIDVALIDITY that no folder of this user ever had (RFC 9051 section 2.3.1.1): the time, or one more than the last."""
    last: int
    (last,) = db.execute("SELECT last_uidvalidity FROM meta").fetchone()
    return max(int(home.tools.clock()), last + 1)


def _look(db: sqlite3.Connection, home: Home, name: str) -> Ledger:
    directory = home.directory(name)
    given = uids.read(directory)
    ledger = Ledger.load(db, name)
    hints: Mapping[str, int] = {}
    if ledger is not None and given is not None and given.uidvalidity != ledger.counters.uidvalidity:
        # another folder was put in this one's place
        ledger.drop()
        ledger = None
    if ledger is None:
        ledger, hints = _add(db, home, name)
    elif given is None:
        ledger.counters.modseq_ceiling = 0  # the file was lost: written again when the counters are saved
    _Look(ledger, home, directory).run(hints)
    return ledger


def _add(db: sqlite3.Connection, home: Home, name: str) -> tuple[Ledger, Mapping[str, int]]:
    """Rows for a folder that is new to the index: one that was here before goes on at its ceilings, one of Dovecot's at its next UID."""
    directory = home.directory(name)
    hints: Mapping[str, int] = {}
    given = uids.read(directory)
    dovecot = uids.read_dovecot(directory) if given is None else None
    if dovecot is not None:
        given, hints = dovecot
    if given is None:
        given = uids.Given(new_uidvalidity(db, home), 1, 1)
    ledger = Ledger.add(db, name, given)
    identity.tell_apart(db, home, name, given.uidvalidity)
    ledger.counters.keywords = " ".join(home.read_keywords(directory))
    return ledger, hints


class _Look:
    """One comparison of a directory with the rows."""

    def __init__(self, ledger: Ledger, home: Home, directory: Path) -> None:
        self._ledger = ledger
        self._home = home
        self._directory = directory

    def run(self, hints: Mapping[str, int]) -> None:
        self._sweep()
        missing = {row.stem: row for row in self._ledger.rows()}
        renamed: list[tuple[Row, int]] = []
        strange: list[_Found] = []
        for found in self._listing():
            row = missing.pop(found.name.stem, None)
            if row is None:
                strange.append(found)
            elif row.place != found.place:
                renamed.append((row, found.name.bits))
                self._rename(found.place, filename.in_cur(row.stem, found.name.bits))
        self._ledger.set_flags(renamed)
        self._ledger.bury(list(missing.values()))
        self._adopt(strange, hints)

    def _listing(self) -> Iterator[_Found]:
        for part in ("new", "cur"):
            for entry in os.listdir(self._directory / part):
                if not entry.startswith("."):
                    yield _Found(filename.parse(entry), f"{part}/{entry}")

    def _rename(self, old: str, new: str) -> None:
        if old != new:
            self._home.disk.rename(f"{self._directory}/{old}", f"{self._directory}/{new}")

    def _adopt(self, strange: list[_Found], hints: Mapping[str, int]) -> None:
        """Give each file its row: under the UID in its name or in Dovecot's list if that was given out here and is free, else a new one."""
        if not strange:
            return
        strange.sort(key=lambda found: (found.name.uid or hints.get(uids.unique(found.name.stem), uids.LAST_UID), found.name.stem))
        taken = self._ledger.buried() | set(self._ledger.all_uids())
        ceiling = self._ledger.counters.uid_ceiling
        known: list[tuple[_Found, int]] = []
        unknown: list[_Found] = []
        for found in strange:
            uid = found.name.uid or hints.get(uids.unique(found.name.stem), 0)
            if 0 < uid < ceiling and uid not in taken:
                taken.add(uid)
                known.append((found, uid))
            else:
                unknown.append(found)
        counters = self._ledger.counters
        counters.uidnext = max(counters.uidnext, known[-1][1] + 1 if known else 0)
        first = self._ledger.take_uids(len(unknown))
        self._keep(known + [(found, first + number) for number, found in enumerate(unknown)])

    def _keep(self, numbered: list[tuple[_Found, int]]) -> None:
        modseq = self._ledger.take_modseq()
        rows: list[Row] = []
        for found, uid in numbered:
            # it may have gone since the directory was read
            with suppress(FileNotFoundError):
                row = self._describe(found, uid, modseq)
                self._rename(found.place, row.place)
                rows.append(row)
        self._ledger.insert(rows)

    def _describe(self, found: _Found, uid: int, modseq: int) -> Row:
        return describe(f"{self._directory}/{found.place}", found.name, uid, modseq, is_new=found.place.startswith("new/"))

    def _sweep(self) -> None:
        """Remove what a crash left in ``tmp/``; a file may come with an old time of its own, so it is as young as its inode too."""
        oldest = time.time() - LITTER_SECONDS  # file times are the machine's, whatever clock the store was given
        with os.scandir(self._directory / "tmp") as entries:
            for entry in entries:
                with suppress(FileNotFoundError, IsADirectoryError):
                    stat = entry.stat(follow_symlinks=False)
                    if max(stat.st_mtime, stat.st_ctime) >= oldest:
                        continue
                    if entry.name.startswith(TREE_PREFIX) and entry.is_dir(follow_symlinks=False):
                        shutil.rmtree(entry.path, ignore_errors=True)
                    else:
                        self._home.disk.unlink(entry.path)


def describe(path: Path | str, name: FileName, uid: int, modseq: int, *, is_new: bool) -> Row:
    """The row of a file that a stranger brought, under this UID. Raises ``OSError``."""
    stat = os.stat(path)
    size, served = stat.st_size, name.served
    if served is None or name.size != size:
        served = size + _count_bare_lf(path, size)
    stem = filename.adopt(name, size, served, uid)
    return Row(uid, modseq, name.bits, int(stat.st_mtime), size, served, int(stat.st_ctime), stem, is_new and not name.bits)


def _count_bare_lf(path: Path | str, size: int) -> int:
    count, left = 0, size
    ends_in_cr = False
    file = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        while left > 0 and (block := os.read(file, min(left, READ_BYTES))):
            count += count_bare_lf(block) - (ends_in_cr and block.startswith(b"\n"))
            ends_in_cr = block.endswith(b"\r")
            left -= len(block)
    finally:
        os.close(file)
    return count
