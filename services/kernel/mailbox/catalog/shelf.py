"""The part of the catalogue that is about one folder. UIDs go in and come out; what is not known is in no answer."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, NamedTuple

from services.kernel.mailbox.catalog import trigrams
from services.kernel.mailbox.catalog.file import CatalogFile
from services.kernel.mailbox.catalog.records import FIELDS, Heading, SortFacts, Words
from services.kernel.mailbox.catalog.rows import FEW, SORT_COLUMNS, SORT_NAMES, Rows

_KNOWN_HEADINGS = "SELECT {uid} FROM heading WHERE {rows}"
_KNOWN_WORDS = "SELECT {uid} FROM words WHERE {rows}"


class Hits(NamedTuple):
    """Messages that fit, and all of which the catalogue knows whether they do, both of one moment."""

    fitting: frozenset[int] = frozenset()
    known: frozenset[int] = frozenset()


class Candidates(NamedTuple):
    """Messages whose words may hold a text, and all whose words are known, both of one moment."""

    fitting: frozenset[int] = frozenset()
    known: frozenset[int] = frozenset()


class Shelf:
    """What is known of one folder's messages. All methods block and raise ``MailboxTrouble``."""

    def __init__(self, file: CatalogFile, indexed: int, folder: int, uidvalidity: int) -> None:
        self._file = file
        self._indexed = indexed
        self._folder = (folder, uidvalidity)

    @contextmanager
    def _reading(self) -> Iterator[Rows | None]:
        """The rows, or nothing when there are none."""
        with self._file.reading(self._indexed) as db:
            found = db.execute("SELECT id FROM shelf WHERE folder = ? AND uidvalidity = ?", self._folder).fetchone()
            yield Rows(db, found[0]) if found else None

    @contextmanager
    def _writing(self) -> Iterator[Rows]:
        with self._file.writing(self._indexed) as db:
            db.execute("INSERT OR IGNORE INTO shelf (folder, uidvalidity) VALUES (?, ?)", self._folder)
            (shelf,) = db.execute("SELECT id FROM shelf WHERE folder = ? AND uidvalidity = ?", self._folder).fetchone()
            yield Rows(db, shelf)

    # What is known.

    def headings(self) -> frozenset[int]:
        """Messages whose heading is known."""
        with self._reading() as rows:
            return rows.uids(_KNOWN_HEADINGS) if rows else frozenset()

    def words(self) -> frozenset[int]:
        """Messages whose words are known."""
        with self._reading() as rows:
            return rows.uids(_KNOWN_WORDS) if rows else frozenset()

    def with_field(self, name: str, text: str, among: Collection[int]) -> Hits:
        """Those of ``among`` that have a field, one of ``FIELDS``, that holds ``text``."""
        assert name in FIELDS, name
        wanted, values = (f'instr("{name}", ?)', (text,)) if text else (f'"{name}" IS NOT NULL', ())
        with self._reading() as rows:
            if rows is None:
                return Hits()
            fitting = rows.uids(f"SELECT {{uid}} FROM field WHERE {wanted} AND {{rows}}", values, among)
            return Hits(fitting, rows.uids(_KNOWN_HEADINGS, (), among))

    def sent_between(self, first: int, last: int, among: Collection[int]) -> Hits:
        """Those of ``among`` that were sent on a day from ``first`` to ``last``, as their headers say."""
        with self._reading() as rows:
            if rows is None:
                return Hits()
            fitting = rows.uids("SELECT {uid} FROM heading WHERE day BETWEEN ? AND ? AND {rows}", (first, last), among)
            return Hits(fitting, rows.uids(_KNOWN_HEADINGS, (), among))

    def sort_facts(self, among: Collection[int]) -> dict[int, SortFacts]:
        """What matters for the order of those of ``among`` that are known."""
        with self._reading() as rows:
            found = rows.select(f"SELECT {{uid}}, {SORT_COLUMNS} FROM heading WHERE {{rows}}", (), among) if rows else ()
            return {uid: SortFacts(*facts) for uid, *facts in found}

    def columns(self, names: Sequence[str], among: Collection[int]) -> dict[str, dict[int, Any]]:
        """The values of some fields of ``SortFacts``, each by UID: those of ``among`` that are known, and perhaps of others."""
        assert set(names) <= set(SORT_NAMES), names
        with self._reading() as rows:
            if rows is None:
                return {name: {} for name in names}
            few = among if len(among) <= FEW else None
            return {name: dict(rows.select(f"SELECT {{uid}}, {name} FROM heading WHERE {{rows}}", (), few)) for name in names}

    def candidates(self, text: str, among: Collection[int]) -> Candidates:
        """Those of ``among`` whose words may hold ``text``."""
        with self._reading() as rows:
            if rows is None:
                return Candidates()
            known = rows.uids(_KNOWN_WORDS, (), among)
            match = trigrams.query(rows.db, text)
            if match is None:
                return Candidates(known, known)
            cut = rows.uids("SELECT {uid} FROM words WHERE NOT is_whole AND {rows}", (), among)
            return Candidates((rows.matching(match) & known) | cut, known)

    def confirm(self, text: str, among: Collection[int], *, in_header: bool, in_body: bool) -> Hits:
        """Look for ``text`` in the words of these messages; for some hundred at a time."""
        fitting, known = set(), set()
        with self._reading() as rows:
            for uid, is_whole, words in rows.words(among) if rows else ():
                if (in_header and text in words.header) or (in_body and text in words.body):
                    fitting.add(uid)
                elif is_whole:
                    known.add(uid)
        return Hits(frozenset(fitting), frozenset(fitting | known))

    # What becomes known.

    def keep(self, headings: Mapping[int, Heading], words: Mapping[int, Words]) -> None:
        """Remember what messages hold; what is known already stays. For some tens at a time."""
        with self._writing() as rows:
            for uid, heading in headings.items():
                if heading.is_complete:
                    rows.insert_heading(uid, heading)
            for uid, one in words.items():
                rows.insert_words(uid, one)

    def forget(self, uids: Iterable[int]) -> None:
        """Forget messages that are gone; for some tens at a time."""
        with self._writing() as rows:
            rows.remove(uids)


def clear(file: CatalogFile, indexed: int, folders: Collection[tuple[int, int]], most: int) -> bool:
    """Forget folders that are not among ``folders`` (number and UIDVALIDITY), at most so many messages; tell whether that was all."""
    with file.reading(indexed) as db:
        gone = [shelf for shelf, *folder in db.execute("SELECT id, folder, uidvalidity FROM shelf") if tuple(folder) not in folders]
    if not gone:
        return True
    with file.writing(indexed) as db:
        rows = Rows(db, gone[0])
        uids = rows.some(most)
        rows.remove(uids)
        if not uids:
            db.execute("DELETE FROM shelf WHERE id = ?", (gone[0],))
    return False
