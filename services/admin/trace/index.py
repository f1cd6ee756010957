"""The index of events by message."""

import os
import sqlite3
from collections.abc import Iterable
from pathlib import Path

import msgspec

from services.admin.trace.files import Position, event_files, read_on

SCHEMA_VERSION = 1
WAIT_SECONDS = 30.0
"""For the other process that is reading on: a block takes it some 50 ms, a first index of full files seconds."""
FORGET_AT_ONCE = 20_000
"""Events deleted in one transaction, so that nobody waits long for it."""

_SCHEMA = """
CREATE TABLE positions (file TEXT PRIMARY KEY, inode INTEGER, head BLOB, offset INTEGER) WITHOUT ROWID;
CREATE TABLE events (id INTEGER PRIMARY KEY, time REAL, trace TEXT, line BLOB);
CREATE INDEX events_by_trace ON events (trace);
CREATE TABLE keys (key TEXT, trace TEXT, event INTEGER, PRIMARY KEY (key, trace)) WITHOUT ROWID;
"""


class Facts(msgspec.Struct, gc=False):
    """The part of an event that it is found by. Other versions of the vocabulary are read as well."""

    kind: str = ""
    time: float = 0.0
    trace: str = ""
    queue_id: str = ""
    message_id: str = ""
    sender: str | None = None
    recipient: str = ""
    original: str = ""
    caused_by: str = ""

    def keys(self) -> set[str]:
        """All under which a message of this event may be asked for."""
        words = (self.queue_id, self.message_id, self.caused_by, self.sender or "", self.recipient, self.original)
        return {word.lower() for word in words if word}


class Index:
    """The index of one folder of event files. Blocking; for one thread at a time. Raises ``OSError`` when the folder cannot be used."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._decoder = msgspec.json.Decoder(Facts)
        self._connection = self._open()

    def close(self) -> None:
        """Give the file back."""
        self._connection.close()

    def catch_up(self) -> int:
        """Take in everything that was written until now; return the number of lines."""
        return sum(self._catch_up(path) for path in event_files(self._folder))

    def find(self, word: str, limit: int) -> list[list[bytes]]:
        """The event lines of the latest ``limit`` messages that a trace, queue id, message id or address names.

        One list a message, each in order of time, oldest message first; reports on one of them are messages of their own and come as well.
        """
        words = {word, word.lower(), f"<{word.lower()}>"}
        traces = self._traces(words, limit)
        lines = self._lines(traces)
        # events that came without a trace, and reports on the message, are known by its queue id
        queue_ids = {facts.queue_id.lower() for _, facts, _ in lines if facts.queue_id}
        return _group(self._lines(traces | self._traces(queue_ids, -1)))

    def forget(self, before: float) -> int:
        """Delete what is older than ``before`` (seconds since the epoch); return the number of events.

        It deletes from the front, up to the first event that is still wanted: where files were read on at different times, some stay longer.
        """
        row = self._connection.execute("SELECT id FROM events WHERE time >= ? ORDER BY id LIMIT 1", (before,)).fetchone()
        end = row[0] if row else 1 + (self._connection.execute("SELECT max(id) FROM events").fetchone()[0] or 0)
        count = 0
        while True:
            done = self._connection.execute(
                "DELETE FROM events WHERE id IN (SELECT id FROM events WHERE id < ? ORDER BY id LIMIT ?)", (end, FORGET_AT_ONCE)
            ).rowcount
            count += done
            if done < FORGET_AT_ONCE:
                break
        if count:
            self._connection.execute("DELETE FROM keys WHERE event < ?", (end,))
        return count

    def _open(self) -> sqlite3.Connection:
        path = self._folder / "index.sqlite"
        try:
            return _connect(path)
        except sqlite3.DatabaseError as error:
            if getattr(error, "sqlite_errorcode", 0) in (sqlite3.SQLITE_BUSY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY):
                raise OSError(f"trace index {path}: {error}") from None
            for suffix in ("", "-wal", "-shm"):
                Path(f"{path}{suffix}").unlink(missing_ok=True)
            return _connect(path)

    def _catch_up(self, path: Path) -> int:
        count = 0
        while True:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                lines = self._take(path)
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")
            if not lines:
                return count
            count += lines

    def _take(self, path: Path) -> int:
        row = self._connection.execute("SELECT inode, head, offset FROM positions WHERE file = ?", (path.name,)).fetchone()
        before = Position(*row) if row else None
        try:
            lines, position = read_on(path, before)
        except FileNotFoundError:
            return 0  # just being rotated
        if lines:
            self._add(lines)
        if position is not None and position != before:
            values = (path.name, position.inode, position.head, position.offset)
            self._connection.execute("INSERT OR REPLACE INTO positions VALUES (?, ?, ?, ?)", values)
        return len(lines)

    def _add(self, lines: Iterable[bytes]) -> None:
        number = self._connection.execute("SELECT max(id) FROM events").fetchone()[0] or 0
        events: list[tuple[int, float, str, bytes]] = []
        keys: dict[tuple[str, str], int] = {}
        for line in lines:
            try:
                facts = self._decoder.decode(line)
            except msgspec.DecodeError:
                continue  # a line cut off by a full disk
            words = facts.keys()
            if not (facts.trace or words):
                continue
            number += 1
            trace = facts.trace or facts.queue_id or f"event-{number}"
            events.append((number, facts.time, trace, line))
            for word in words:
                keys.setdefault((word, trace), number)
        self._connection.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", events)
        rows = ((word, trace, event) for (word, trace), event in keys.items())
        self._connection.executemany("INSERT OR IGNORE INTO keys VALUES (?, ?, ?)", rows)

    def _traces(self, words: set[str], limit: int) -> set[str]:
        marks = ",".join("?" * len(words))
        query = f"SELECT trace FROM keys WHERE key IN ({marks}) GROUP BY trace ORDER BY max(event) DESC LIMIT ?"
        found = {row[0] for row in self._connection.execute(query, (*words, limit))}
        return found | {row[0] for row in self._connection.execute(f"SELECT DISTINCT trace FROM events WHERE trace IN ({marks})", (*words,))}

    def _lines(self, traces: set[str]) -> list[tuple[str, Facts, bytes]]:
        found: list[tuple[str, Facts, bytes]] = []
        for trace in traces:
            for (line,) in self._connection.execute("SELECT line FROM events WHERE trace = ?", (trace,)):
                found.append((trace, self._decoder.decode(line), line))
        return found


def _group(found: list[tuple[str, Facts, bytes]]) -> list[list[bytes]]:
    """By message: a trace, joined by those that only share its queue id."""
    home = {facts.queue_id: trace for trace, facts, _ in found if facts.trace and facts.queue_id}
    groups: dict[str, list[tuple[float, bytes]]] = {}
    for trace, facts, line in found:
        name = trace if facts.trace else home.get(facts.queue_id, trace)
        groups.setdefault(name, []).append((facts.time, line))
    ordered = sorted((sorted(group, key=lambda event: event[0]) for group in groups.values()), key=lambda group: group[0][0])
    return [[line for _, line in group] for group in ordered]


def _connect(path: Path) -> sqlite3.Connection:
    """Open and make what is missing. The index is a cache, so nothing waits for the disk (``synchronous``)."""
    umask = os.umask(0o027)
    try:
        connection = sqlite3.connect(path, WAIT_SECONDS, isolation_level=None, check_same_thread=False)
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute("PRAGMA synchronous = OFF")
        connection.execute("BEGIN IMMEDIATE")
        (version,) = connection.execute("PRAGMA user_version").fetchone()
        if version != SCHEMA_VERSION:
            for table in ("positions", "events", "keys"):
                connection.execute(f"DROP TABLE IF EXISTS {table}")
            for statement in _SCHEMA.split(";"):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
        connection.execute("COMMIT")
    finally:
        os.umask(umask)
    return connection
