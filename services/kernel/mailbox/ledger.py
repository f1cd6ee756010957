"""A folder's rows in the index: its counters, its messages and its tombstones, within one transaction."""

import json
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path

import msgspec

from services.kernel.mailbox import filename, flags, uids
from services.kernel.mailbox.columns import Columns
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.records import Figures, Message, Status, Usage
from services.kernel.mailbox.trouble import MailboxTrouble

TOMBSTONES = 20_000
"""Kept for each folder at least; with twice as many the oldest go. A client that comes back later compares all UIDs, which takes it no longer."""
_UID_BITS = 32
_FACTS = "SELECT key & 0xffffffff, facts FROM facts WHERE key"
_ROW = "key & 0xffffffff, modseq, flags, internaldate, size, served, saved, stem, is_new"


class Row(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """A message as the index keeps it. ``size`` is bytes on disk; ``is_new`` tells whether the file lies in ``new/``."""

    uid: int
    modseq: int
    flags: int
    internaldate: int
    size: int
    served: int
    saved: int
    stem: str
    is_new: bool

    @property
    def place(self) -> str:
        """The file, relative to the folder's directory."""
        return f"new/{self.stem}" if self.is_new else filename.in_cur(self.stem, self.flags)


@dataclass(slots=True)
class Counters:
    """The columns of a folder's row, in their order."""

    id: int
    name: str
    uidvalidity: int
    uidnext: int
    modseq: int
    floor: int
    """Tombstones are complete after this modseq."""
    uid_ceiling: int
    modseq_ceiling: int
    new_mtime: int
    cur_mtime: int
    messages: int
    unseen: int
    size: int
    recent_from: int
    keywords: str


_COLUMNS = [field.name for field in fields(Counters)]
_LOAD = f"SELECT {', '.join(_COLUMNS)} FROM folder WHERE name = ?"
_SAVE = f"UPDATE folder SET {', '.join(f'{name} = ?' for name in _COLUMNS[1:])} WHERE id = ?"
_ADD = f"INSERT INTO folder ({', '.join(_COLUMNS[1:])}) VALUES ({', '.join('?' * (len(_COLUMNS) - 1))})"


class Ledger:
    """The rows of one folder. Changes take the one modseq of this transaction; ``save`` puts the counters back."""

    def __init__(self, db: sqlite3.Connection, counters: Counters) -> None:
        self.db = db
        self.counters = counters
        self._start = counters.modseq
        self._before = _values(counters)
        self._low = counters.id << _UID_BITS
        self._high = (counters.id + 1) << _UID_BITS

    @staticmethod
    def load(db: sqlite3.Connection, name: str) -> "Ledger | None":
        """The rows of a folder that the index knows."""
        found = db.execute(_LOAD, (name,)).fetchone()
        return Ledger(db, Counters(*found)) if found else None

    @staticmethod
    def add(db: sqlite3.Connection, name: str, given: uids.Given) -> "Ledger":
        """Make the rows of a folder that the index does not know. It begins at the ceilings: all below may have been given out."""
        uidnext, modseq = given.uid_ceiling, given.modseq_ceiling
        blank = Counters(0, name, given.uidvalidity, uidnext, modseq, modseq, uidnext, modseq, 0, 0, 0, 0, 0, uidnext, "")
        db.execute(_ADD, _values(blank)[1:])
        db.execute("UPDATE meta SET last_uidvalidity = max(last_uidvalidity, ?)", (given.uidvalidity,))
        ledger = Ledger.load(db, name)
        assert ledger is not None
        return ledger

    def drop(self) -> None:
        """Forget the folder."""
        self.db.execute("DELETE FROM facts WHERE key >= ? AND key < ?", (self._low, self._high))
        self.db.execute("DELETE FROM message WHERE key >= ? AND key < ?", (self._low, self._high))
        self.db.execute("DELETE FROM vanished WHERE folder = ?", (self.counters.id,))
        self.db.execute("DELETE FROM folder WHERE id = ?", (self.counters.id,))

    def take_modseq(self) -> int:
        """The modseq of what this transaction changes: one more than all before it."""
        self.counters.modseq = self._start + 1
        return self.counters.modseq

    @property
    def has_changed(self) -> bool:
        """Whether a message came, changed or went in this transaction."""
        return self.counters.modseq != self._start

    @property
    def keywords(self) -> tuple[str, ...]:
        """The keywords in the order of their letters."""
        return tuple(self.counters.keywords.split())

    def take_uids(self, count: int) -> int:
        """Reserve ``count`` UIDs and return the first. Raises ``MailboxTrouble`` when there are no more (RFC 9051 section 2.3.1.1)."""
        first = self.counters.uidnext
        if first + count > uids.LAST_UID:
            raise MailboxTrouble(f"folder {self.counters.name} has no UIDs left")
        self.counters.uidnext = first + count
        return first

    def save(self, folder: Path, disk: Disk) -> None:
        """Write the counters back if they changed; raises the ceilings first when they are reached."""
        counters = self.counters
        if counters.uidnext > counters.uid_ceiling or counters.modseq >= counters.modseq_ceiling:
            counters.uid_ceiling = counters.uidnext + uids.UID_STEP
            counters.modseq_ceiling = counters.modseq + uids.MODSEQ_STEP
            uids.write(folder, uids.Given(counters.uidvalidity, counters.uid_ceiling, counters.modseq_ceiling), disk)
        values = _values(counters)
        if values != self._before:
            self.db.execute(_SAVE, (*values[1:], counters.id))

    def status(self) -> Status:
        """The figures of the folder."""
        now = self.counters
        return Status(now.uidvalidity, now.uidnext, now.modseq, now.messages, now.unseen, now.size, now.recent_from)

    def usage_of(self, bits: int) -> Usage:
        """What the messages with one of these flags hold together."""
        query = "SELECT coalesce(sum(served), 0), count(*) FROM message WHERE key >= ? AND key < ? AND flags & ?"
        return Usage(*self.db.execute(query, (self._low, self._high, bits)).fetchone())

    def rows(self, wanted: Iterable[int] | None = None) -> list[Row]:
        """The messages with these UIDs, or all, by UID."""
        return [Row(*found) for found in self._select(_ROW, wanted)]

    def messages(self, wanted: Iterable[int] | None = None) -> list[Message]:
        """As ``rows``, in the form of callers."""
        return self._as_messages(self._select(_MESSAGE, wanted))

    def columns(self) -> Columns:
        """All messages, in the form that takes least."""
        rows = self._select(_MESSAGE, None).fetchall()
        keywords = self.keywords
        return Columns.of_rows(rows, {bits: flags.names(bits, keywords) for bits in {row[2] for row in rows}})

    def changed_since(self, modseq: int) -> list[Message]:
        """New and changed messages after ``modseq``, by UID."""
        if modseq >= self.counters.modseq:
            return []
        query = f"SELECT {_MESSAGE} FROM message WHERE folder = ? AND modseq > ? ORDER BY key"
        return self._as_messages(self.db.execute(query, (self.counters.id, modseq)))

    def _as_messages(self, found: Iterable[tuple[int, ...]]) -> list[Message]:
        keywords = self.keywords
        return [Message(uid, modseq, flags.names(bits, keywords), date, size, saved) for uid, modseq, bits, date, size, saved in found]

    def _select(self, columns: str, wanted: Iterable[int] | None) -> sqlite3.Cursor:
        if wanted is None:
            return self.db.execute(f"SELECT {columns} FROM message WHERE key >= ? AND key < ? ORDER BY key", (self._low, self._high))
        return self.db.execute(f"SELECT {columns} FROM message WHERE key IN (SELECT value FROM json_each(?)) ORDER BY key", (self._keys(wanted),))

    def _keys(self, wanted: Iterable[int]) -> str:
        return json.dumps([self._low | uid for uid in wanted if 0 < uid <= uids.LAST_UID])

    def all_uids(self) -> list[int]:
        """The UIDs of all messages, ascending."""
        return [uid for (uid,) in self._select("key & 0xffffffff", None)]

    def insert(self, rows: Sequence[Row]) -> None:
        """Add messages, with the modseq that ``take_modseq`` gave."""
        self.db.executemany(
            "INSERT INTO message VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            [(self._low | r.uid, self.counters.id, r.modseq, r.flags, r.internaldate, r.size, r.served, r.saved, r.stem, r.is_new) for r in rows],
        )
        self._count(rows, 1)

    def set_flags(self, rows: Sequence[tuple[Row, int]]) -> None:
        """Give each message its new flags; it lies in ``cur/`` from now on."""
        if not rows:
            return
        modseq = self.take_modseq()
        self.db.executemany(
            "UPDATE message SET flags = ?, modseq = ?, is_new = 0 WHERE key = ?", [(bits, modseq, self._low | row.uid) for row, bits in rows]
        )
        self.counters.unseen += sum(bool(row.flags & flags.SEEN) - bool(bits & flags.SEEN) for row, bits in rows)

    def bury(self, rows: Sequence[Row]) -> None:
        """Remove messages and leave a tombstone for each."""
        if not rows:
            return
        modseq = self.take_modseq()
        keys = [(self._low | row.uid,) for row in rows]
        self.db.executemany("DELETE FROM message WHERE key = ?", keys)
        self.db.executemany("DELETE FROM facts WHERE key = ?", keys)
        self.db.executemany("INSERT INTO vanished VALUES (?, ?, ?)", [(self.counters.id, modseq, row.uid) for row in rows])
        self._count(rows, -1)
        self._prune()

    def _count(self, rows: Sequence[Row], sign: int) -> None:
        self.counters.messages += sign * len(rows)
        self.counters.size += sign * sum(row.served for row in rows)
        self.counters.unseen += sign * sum(not row.flags & flags.SEEN for row in rows)

    def _prune(self) -> None:
        query = "SELECT modseq FROM vanished WHERE folder = ? ORDER BY modseq DESC LIMIT 1 OFFSET ?"
        if self.db.execute(query, (self.counters.id, 2 * TOMBSTONES)).fetchone() is None:
            return
        (self.counters.floor,) = self.db.execute(query, (self.counters.id, TOMBSTONES)).fetchone()
        self.db.execute("DELETE FROM vanished WHERE folder = ? AND modseq <= ?", (self.counters.id, self.counters.floor))

    def vanished_since(self, modseq: int) -> list[int] | None:
        """UIDs expunged after ``modseq``, ascending; ``None`` when the tombstones do not reach back so far."""
        if modseq < self.counters.floor:
            return None
        if modseq >= self.counters.modseq:
            return []
        found = self.db.execute("SELECT uid FROM vanished WHERE folder = ? AND modseq > ?", (self.counters.id, modseq))
        return sorted(uid for (uid,) in found)

    def buried(self) -> set[int]:
        """All UIDs that have a tombstone."""
        return {uid for (uid,) in self.db.execute("SELECT uid FROM vanished WHERE folder = ?", (self.counters.id,))}

    def facts(self, wanted: Collection[int]) -> Iterator[tuple[int, bytes]]:
        """Yield what ``remember`` kept, by UID. What lies close together is read in one go."""
        first, last = max(min(wanted, default=1), 1), min(max(wanted, default=0), uids.LAST_UID)
        if last - first < 2 * len(wanted):
            chosen = frozenset(wanted)
            found = self.db.execute(f"{_FACTS} BETWEEN ? AND ?", (self._low | first, self._low | last))
            return ((uid, facts) for uid, facts in found if uid in chosen)
        return self.db.execute(f"{_FACTS} IN (SELECT value FROM json_each(?))", (self._keys(wanted),))

    def remember(self, facts: Iterable[tuple[int, bytes]]) -> None:
        """Keep facts for messages that still exist."""
        self.db.executemany(
            "INSERT OR REPLACE INTO facts SELECT key, ? FROM message WHERE key = ?", [(value, self._low | uid) for uid, value in facts]
        )


def figures_by_name(db: sqlite3.Connection) -> dict[str, Figures]:
    """Figures of all folders."""
    found = db.execute("SELECT name, uidvalidity, uidnext, modseq, messages, unseen FROM folder ORDER BY name")
    return {name: Figures(*figures) for name, *figures in found}


def total(db: sqlite3.Connection) -> Usage:
    """What all folders hold together."""
    return Usage(*db.execute("SELECT coalesce(sum(size), 0), coalesce(sum(messages), 0) FROM folder").fetchone())


_MESSAGE = "key & 0xffffffff, modseq, flags, internaldate, served, saved"


def _values(counters: Counters) -> tuple[int | str, ...]:
    return tuple(getattr(counters, name) for name in _COLUMNS)
