"""The cache on disk: one SQLite file, used in one thread.

A cache may be lost and never in the way: a file that cannot be read is put aside and begun anew, and a disk that fails costs the memory of
answers. Each loss is told through ``on_trouble``. Committed without fsync (WAL, ``synchronous=NORMAL``): a power cut forgets the last answers.
"""

import asyncio
import sqlite3
import time
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from services.kernel.mail.reply import Reply
from services.kernel.wire.verdict import Source, State
from services.verify.record import Record

FILE = "cache.sqlite"
SCHEMA_VERSION = 1
"""In the file's ``user_version``; a file of another version is put aside: it is a cache."""
PRUNE_SHARE = 0.05
"""How much is removed at once when the cache is full, so that not each new address pays for it."""
_SCHEMA = """
CREATE TABLE addresses (address TEXT PRIMARY KEY, domain TEXT, state TEXT, source TEXT, code INTEGER, enhanced TEXT, words TEXT,
                        updated REAL, probed REAL, nexthop TEXT, remote TEXT) WITHOUT ROWID;
CREATE INDEX by_domain ON addresses (domain, address);
CREATE INDEX by_age ON addresses (state, updated);
"""
_COLUMNS = "address, state, source, code, enhanced, words, updated, probed, nexthop, remote"
_FIRST_TO_GO = (State.UNKNOWN, State.UNDELIVERABLE, State.DELIVERABLE)

Result = TypeVar("Result")
Row = tuple[str, str, str, int, str, str, float, float, str, str]


class Cache:
    """Keeps at most ``entries`` records in ``directory``. No method raises for what the disk does."""

    def __init__(self, directory: Path, entries: int, on_trouble: Callable[[str], None]) -> None:
        self._path = directory / FILE
        self._entries = entries
        self._on_trouble = on_trouble
        self._thread = ThreadPoolExecutor(1, "cache")
        self._database: sqlite3.Connection | None = None
        self._fault = ""
        self.size = 0
        """Records held, as of the last change."""

    async def open(self) -> None:
        """Open or make the file."""
        self.size = await self._run(_count, 0)

    async def get(self, address: str) -> Record | None:
        """The record of a folded address, however old."""
        return await self._run(lambda database: _select_one(database, address), None)

    async def put(self, records: Sequence[Record]) -> None:
        """Write records over those of the same addresses."""
        self.size = await self._run(lambda database: self._write(database, records), self.size)

    async def page(self, state: str, domain: str, after: str, limit: int) -> list[Record]:
        """Records in the order of addresses, of one state and one domain unless these are empty."""
        return await self._run(lambda database: _select_page(database, (state, domain, after, limit)), [])

    async def remove(self, what: str) -> int:
        """Remove an address, all of a domain, or everything for ``*``; tell how many went."""
        removed, self.size = await self._run(lambda database: _delete(database, what), (0, self.size))
        return removed

    async def forget(self, limits: Iterable[tuple[State, float]]) -> None:
        """Remove what is older than its state's time, given as the time of the update."""
        self.size = await self._run(lambda database: _forget(database, list(limits)), self.size)

    async def close(self) -> None:
        """Finish what is under way and close the file."""
        await asyncio.get_running_loop().run_in_executor(self._thread, self._close)
        self._thread.shutdown()

    async def _run(self, work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> Result:
        result, fault = await asyncio.get_running_loop().run_in_executor(self._thread, self._try, work, otherwise)
        if fault != self._fault:
            self._fault = fault
            if fault:
                self._on_trouble(fault)
        return result

    # In the thread.

    def _try(self, work: Callable[[sqlite3.Connection], Result], otherwise: Result) -> tuple[Result, str]:
        """Do ``work``; a damaged file is replaced and the work done on the new one. Returns also what went wrong."""
        fault = ""
        for _ in range(2):
            try:
                if self._database is None:
                    self._database = _connect(self._path)
                return work(self._database), fault
            except sqlite3.OperationalError as error:  # the disk, not the file: full, read-only, gone
                self._close()
                return otherwise, f"cache: {error}"
            except (sqlite3.DatabaseError, ValueError) as error:  # a word that no enumeration has is damage, too
                fault = self._begin_anew(error)
            except OSError as error:
                return otherwise, f"cache: {error}"
        return otherwise, fault

    def _begin_anew(self, error: Exception) -> str:
        """What to tell of a damaged file. When the disk lets it not be put aside, the next try meets it again."""
        try:
            return f"cache: {error}; begun anew, the old one is {self._put_aside()}"
        except OSError as trouble:
            return f"cache: {error}; it cannot be put aside: {trouble.strerror}"

    def _put_aside(self) -> str:
        self._close()
        aside = self._path.with_name(f"{FILE}.corrupt-{int(time.time())}")
        self._path.replace(aside)
        for suffix in ("-wal", "-shm"):
            self._path.with_name(FILE + suffix).unlink(missing_ok=True)
        return aside.name

    def _close(self) -> None:
        if self._database is not None:
            self._database.close()
            self._database = None

    def _write(self, database: sqlite3.Connection, records: Sequence[Record]) -> int:
        size = self.size
        with database:
            for record in records:
                size += database.execute("SELECT 1 FROM addresses WHERE address = ?", (record.address,)).fetchone() is None
                database.execute(f"REPLACE INTO addresses (domain, {_COLUMNS}) VALUES (?,?,?,?,?,?,?,?,?,?,?)", _to_row(record))
            if size > self._entries:
                _prune(database, size - self._entries + int(self._entries * PRUNE_SHARE))
                size = _count(database)
        return size


def _connect(path: Path) -> sqlite3.Connection:
    database = sqlite3.connect(path, timeout=5.0, check_same_thread=False)
    try:
        (version,) = database.execute("PRAGMA user_version").fetchone()
        (tables,) = database.execute("SELECT count(*) FROM sqlite_master").fetchone()
        if tables and version != SCHEMA_VERSION:
            raise sqlite3.DatabaseError(f"made by another version ({version})")
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("PRAGMA synchronous=NORMAL")
        if not tables:
            database.executescript(f"BEGIN;{_SCHEMA}PRAGMA user_version={SCHEMA_VERSION};COMMIT;")
    except BaseException:
        database.close()
        raise
    return database


def _to_row(record: Record) -> tuple[object, ...]:
    reply = record.reply
    domain = record.address.rpartition("@")[2]
    facts = (record.state.value, record.source.value, reply.code, reply.enhanced, reply.text, record.updated, record.probed)
    return (domain, record.address, *facts, record.nexthop, record.remote)


def _to_record(row: Row) -> Record:
    address, state, source, code, enhanced, words, updated, probed, nexthop, remote = row
    return Record(address, State(state), Source(source), Reply(code, enhanced, words), updated, probed, nexthop, remote)


def _select_one(database: sqlite3.Connection, address: str) -> Record | None:
    row = database.execute(f"SELECT {_COLUMNS} FROM addresses WHERE address = ?", (address,)).fetchone()
    return _to_record(row) if row else None


def _select_page(database: sqlite3.Connection, wanted: tuple[str, str, str, int]) -> list[Record]:
    state, domain, after, limit = wanted
    conditions = "address > :after" + (" AND domain = :domain" if domain else "") + (" AND state = :state" if state else "")
    facts = {"after": after, "domain": domain, "state": state, "limit": limit}
    rows = database.execute(f"SELECT {_COLUMNS} FROM addresses WHERE {conditions} ORDER BY address LIMIT :limit", facts)
    return [_to_record(row) for row in rows]


def _delete(database: sqlite3.Connection, what: str) -> tuple[int, int]:
    where = "1" if what == "*" else "address = :what" if "@" in what else "domain = :what"
    with database:
        removed = database.execute(f"DELETE FROM addresses WHERE {where}", {"what": what} if what != "*" else {}).rowcount
    return removed, _count(database)


def _forget(database: sqlite3.Connection, limits: list[tuple[State, float]]) -> int:
    with database:
        for state, before in limits:
            database.execute("DELETE FROM addresses WHERE state = ? AND updated < ?", (state.value, before))
    return _count(database)


def _prune(database: sqlite3.Connection, excess: int) -> None:
    for state in _FIRST_TO_GO:
        query = "DELETE FROM addresses WHERE address IN (SELECT address FROM addresses WHERE state = ? ORDER BY updated LIMIT ?)"
        excess -= database.execute(query, (state.value, excess)).rowcount
        if excess <= 0:
            return


def _count(database: sqlite3.Connection) -> int:
    (count,) = database.execute("SELECT count(*) FROM addresses").fetchone()
    return int(count)
