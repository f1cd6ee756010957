"""Key and value, one a line: the source text of ``hash:``, ``lmdb:`` and ``texthash:`` tables, as postmap(1) reads it."""

import asyncio
import re
from collections.abc import Iterator
from pathlib import Path

from services.kernel.tables.flaws import NOT_UTF8, ORPHAN, Flaw
from services.kernel.tables.index import MAX_BYTES, LineNumbers, PlaceIndex
from services.kernel.tables.lines import line_at, logical_lines
from services.kernel.tables.lookup import Found, Table
from services.kernel.tables.source import FollowedFile, Watch

_FIRST_LINE = re.compile(rb"^[^\s#][^\n]*", re.MULTILINE)


class Entries:
    """The entries of one text; of equal keys the first counts."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._index = PlaceIndex(len(data))
        self._numbers = LineNumbers(data)
        self.flaws: list[Flaw] = []
        if len(data) >= MAX_BYTES:
            self.flaws.append(Flaw(1, "the file is larger than 4 GB"))
            return
        self._refuse_orphan()
        self._read()
        self._index.seal()

    def get(self, key: bytes) -> tuple[str, int] | None:
        """The value of a folded key, and its line."""
        for place in self._index.places(key):
            entry = split_entry(line_at(self._data, place))
            if fold_bytes(entry[0]) == key:
                return entry[1].decode(), self._numbers.at(place)
        return None

    def keys(self) -> list[str]:
        """All keys, folded."""
        lines = (line_at(self._data, match.start()) for match in _FIRST_LINE.finditer(self._data))
        return [fold_bytes(split_entry(line)[0]).decode() for line in lines if is_utf8(line)]

    def repeated(self) -> Iterator[Flaw]:
        """A flaw for each entry whose key stands further up already."""
        for places in self._index.crowds():
            first: dict[bytes, int] = {}
            for place in places:
                key = split_entry(line_at(self._data, place))[0]
                known = first.setdefault(fold_bytes(key), place)
                if known != place:
                    text = f"duplicate entry {key.decode()!r}; the one in line {self._numbers.at(known)} counts"
                    yield Flaw(self._numbers.at(place), text, is_error=False)

    def _read(self) -> None:
        is_ascii, add = self._data.isascii(), self._index.add
        for match in _FIRST_LINE.finditer(self._data):
            words = match[0].split(None, 1)
            key = words[0]
            if not is_ascii or len(words) == 1 or b'"' in key or b"\\" in key or key[-1] == 58:
                found = self._read_carefully(match.start())
                if not found:
                    continue
                key = found
            add(key.lower() if key.isascii() else fold_bytes(key), match.start())

    def _read_carefully(self, place: int) -> bytes:
        """The key of the line at ``place``, or nothing when the line has a flaw."""
        line = line_at(self._data, place)
        key, value = split_entry(line)
        flaw = ""
        if not is_utf8(line):
            flaw = NOT_UTF8
        elif not value:
            flaw = 'unbalanced "' if _is_unbalanced(line) else f"no value for {key.decode()!r}"
        if flaw:
            self.flaws.append(Flaw(self._numbers.at(place), flaw))
            return b""
        if key.endswith(b":"):
            self.flaws.append(Flaw(self._numbers.at(place), 'the record is in "key: value" format; is this an alias file?', is_error=False))
        return key

    def _refuse_orphan(self) -> None:
        first = next(logical_lines(self._data[: 1 << 16]), None)
        if first and first[1][:1].isspace():
            self.flaws.append(Flaw(first[0], ORPHAN))


def split_entry(line: bytes) -> tuple[bytes, bytes]:
    """Cut at the first white space outside of double quotes, so that a quoted local part is a key; no value for a line without one."""
    words = line.split(None, 1)
    if b'"' not in words[0] and b"\\" not in words[0]:
        return words[0], words[1].rstrip() if len(words) == 2 else b""
    end, is_balanced = _end_of_key(line)
    return (line[:end], line[end:].strip()) if is_balanced else (line, b"")


def _end_of_key(line: bytes) -> tuple[int, bool]:
    is_quoted, place = False, 0
    while place < len(line):
        character = line[place : place + 1]
        if character == b"\\":
            place += 1
        elif character == b'"':
            is_quoted = not is_quoted
        elif character.isspace() and not is_quoted:
            break
        place += 1
    return place, not is_quoted


def _is_unbalanced(line: bytes) -> bool:
    return not _end_of_key(line)[1]


def is_utf8(text: bytes) -> bool:
    """Can it be decoded?"""
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def fold_bytes(key: bytes) -> bytes:
    """The form in which keys without case are compared: ASCII in lower case, else Unicode's full case folding (Postfix casefold(3))."""
    return key.lower() if key.isascii() else key.decode(errors="surrogateescape").casefold().encode(errors="surrogateescape")


def fold(key: str) -> bytes | None:
    """The folded key, or ``None`` for one that is not UTF-8, which no table holds (Postfix dict_utf8(3))."""
    if key.isascii():
        return key.lower().encode()
    try:
        return key.casefold().encode()
    except UnicodeEncodeError:
        return None


class TextTable(Table):
    """A key-value file. Keys are compared without case, as Postfix does for these types."""

    def __init__(self, name: str, path: Path, watch: Watch) -> None:
        super().__init__(name)
        self._path = path
        self._file = FollowedFile(path, parse_text, watch)

    async def keys(self) -> list[str]:
        """All keys, folded. Raises ``TableTrouble``."""
        entries = await self._file.content()
        return await asyncio.to_thread(entries.keys)

    async def lookup(self, key: str) -> Found | None:
        """Raises ``TableTrouble``."""
        entries = await self._file.content()
        folded = fold(key)
        entry = entries.get(folded) if folded else None
        return Found(entry[0], str(self._path), entry[1]) if entry else None

    def version(self) -> int:
        """Grows with each content taken into use."""
        return self._file.version()


def parse_text(data: bytes) -> tuple[Entries, list[Flaw]]:
    """Read a whole file."""
    entries = Entries(data)
    return entries, entries.flaws
