"""The rows of one shelf, within one transaction."""

import json
import sqlite3
import zlib
from collections.abc import Collection, Iterable, Iterator, Sequence
from typing import Any

import msgspec

from services.kernel.mailbox.catalog import trigrams
from services.kernel.mailbox.catalog.records import FIELDS, MOST_CHARACTERS, Heading, SortFacts, Words

FEW = 2_000
"""Up to so many messages are named to SQLite one by one; of more, all of the folder's are looked at."""
SORT_NAMES = tuple(field.name for field in msgspec.structs.fields(SortFacts))
SORT_COLUMNS = ", ".join(SORT_NAMES)
_COMPRESSION = 1
"""zlib's fastest: text becomes 40 per cent of its size."""
_HEADING_FACTS = [field.name for field in msgspec.structs.fields(Heading) if field.name != "fields"]
_INSERT_HEADING = f"INSERT OR IGNORE INTO heading VALUES ({', '.join('?' * (1 + len(_HEADING_FACTS)))})"
_INSERT_FIELD = f"INSERT OR IGNORE INTO field VALUES ({', '.join('?' * (1 + len(FIELDS)))})"
_UID = "key & 0xffffffff"


class Rows:
    """Queries are templates: ``{uid}`` is the column of the UID, ``{rows}`` the condition for which rows."""

    def __init__(self, db: sqlite3.Connection, shelf: int) -> None:
        self.db = db
        self._low = shelf << 32
        self._high = (shelf + 1) << 32

    def select(self, query: str, values: Sequence[object] = (), among: Collection[int] | None = None) -> Iterable[tuple[Any, ...]]:
        """Yield the rows of ``among`` (of all when ``None``). The UID comes first."""
        if among is not None and len(among) <= FEW:
            keys = json.dumps([self._low | uid for uid in among])
            return self.db.execute(query.format(uid=_UID, rows="key IN (SELECT value FROM json_each(?))"), (*values, keys))
        found = self.db.execute(query.format(uid=_UID, rows="key >= ? AND key < ?"), (*values, self._low, self._high))
        if among is None:
            return found
        chosen = frozenset(among)
        return (row for row in found if row[0] in chosen)

    def uids(self, query: str, values: Sequence[object] = (), among: Collection[int] | None = None) -> frozenset[int]:
        """As ``select``, for queries that give nothing but UIDs."""
        return frozenset(row[0] for row in self.select(query, values, among))

    def some(self, most: int) -> list[int]:
        """Some messages of which anything is known."""
        for table in ("heading", "words"):
            found = self.db.execute(f"SELECT {_UID} FROM {table} WHERE key >= ? AND key < ? LIMIT ?", (self._low, self._high, most)).fetchall()
            if found:
                return [uid for (uid,) in found]
        return []

    def matching(self, match: str) -> frozenset[int]:
        """Messages that fit a MATCH of the index of trigrams."""
        query = "SELECT rowid & 0xffffffff FROM trigram WHERE trigram MATCH ? AND rowid >= ? AND rowid < ?"
        return frozenset(uid for (uid,) in self.db.execute(query, (match, self._low, self._high)))

    def words(self, among: Collection[int]) -> Iterator[tuple[int, bool, Words]]:
        """Yield messages, whether what is kept is all, and what is kept."""
        found = self.select("SELECT {uid}, is_whole, header, body FROM words WHERE {rows}", (), among)
        for uid, is_whole, header, body in found:
            yield uid, bool(is_whole), Words(_unpack(header), _unpack(body))

    def insert_heading(self, uid: int, heading: Heading) -> None:
        """Add a heading, unless it is known."""
        self.db.execute(_INSERT_HEADING, (self._low | uid, *(getattr(heading, name) for name in _HEADING_FACTS)))
        self.db.execute(_INSERT_FIELD, (self._low | uid, *heading.fields))

    def insert_words(self, uid: int, words: Words) -> None:
        """Add words, unless they are known."""
        header, body = words.header[:MOST_CHARACTERS], words.body[:MOST_CHARACTERS]
        row = (self._low | uid, words.is_whole, _pack(header), _pack(body))
        if self.db.execute("INSERT OR IGNORE INTO words VALUES (?, ?, ?, ?)", row).rowcount:
            texts = trigrams.padded(header), trigrams.padded(body)
            self.db.execute("INSERT INTO trigram (rowid, header, body) VALUES (?, ?, ?)", (self._low | uid, *texts))

    def remove(self, uids: Iterable[int]) -> None:
        """Take messages out; the index of trigrams must be told what their words were."""
        gone = list(uids)
        for uid, _, words in list(self.words(gone)):
            old = trigrams.padded(words.header), trigrams.padded(words.body)
            self.db.execute("INSERT INTO trigram (trigram, rowid, header, body) VALUES ('delete', ?, ?, ?)", (self._low | uid, *old))
        for table in ("heading", "field", "words"):
            self.db.executemany(f"DELETE FROM {table} WHERE key = ?", [(self._low | uid,) for uid in gone])


def _pack(text: str) -> bytes:
    return zlib.compress(text.encode(), _COMPRESSION)


def _unpack(packed: bytes) -> str:
    return zlib.decompress(packed).decode()
