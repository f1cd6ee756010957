"""``cidr:``: networks and addresses, ``192.0.2.0/24 text``, with ``!``, ``if`` and ``endif`` (cidr_table(5)).

The first match counts, yet a table of a million networks is not walked: plain rules that follow each other are one ``Run``, indexed by
prefix length and network, whose answer is the earliest of at most 33 or 129 places.
"""

import re
from bisect import bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

from services.kernel.tables.flaws import NOT_UTF8, ORPHAN, Flaw
from services.kernel.tables.index import MAX_BYTES, LineNumbers, PlaceIndex
from services.kernel.tables.lines import line_at, next_begins_line
from services.kernel.tables.lookup import Found, Table, TableTrouble
from services.kernel.tables.networks import Address, Network, parse_address, parse_network
from services.kernel.tables.source import FollowedFile, Watch
from services.kernel.tables.text import is_utf8

_LINE = re.compile(rb"^[^\S\n]*[^\s#][^\n]*", re.MULTILINE)
_STATEMENT = re.compile(rb"(if|endif)(?![0-9A-Za-z])", re.IGNORECASE)
_NEVER = 1 << 62
_NOT = ord("!")


@dataclass(frozen=True, slots=True)
class Run:
    """Plain rules that follow each other, the first at ``start``, inside the ``if`` steps ``blocks``.

    ``lengths`` are the prefix lengths that occur, by the bits of an address.
    """

    number: int
    start: int
    blocks: tuple[int, ...]
    lengths: dict[int, set[int]] = field(default_factory=lambda: {32: set(), 128: set()})


@dataclass(frozen=True, slots=True)
class Single:
    """A rule with ``!``, or an ``if``, which has no text and skips to the step after its ``endif``."""

    place: int
    network: Network
    is_negated: bool
    has_text: bool
    skip_to: int = _NEVER

    def holds(self, address: Address) -> bool:
        """``!`` says nothing about addresses of the other family."""
        return self.network.bits == address.bits and self.network.holds(address) is not self.is_negated


class Networks:
    """The rules of one text."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._numbers = LineNumbers(data)
        self._index = PlaceIndex(len(data))
        self._steps: list[Run | Single] = []
        self._run: Run | None = None
        self._open_ifs: list[int] = []
        self.flaws: list[Flaw] = []
        if len(data) >= MAX_BYTES:
            self.flaws.append(Flaw(1, "the file is larger than 4 GB"))
            return
        self._read()
        self._index.seal()

    def find(self, address: Address) -> tuple[str, int] | None:
        """The text of the first rule that matches, and its line."""
        position = 0
        while position < len(self._steps):
            step = self._steps[position]
            position += 1
            if isinstance(step, Run):
                place = self._find_in(step, address)
                if place is not None:
                    return self._answer(place)
            elif step.has_text:
                if step.holds(address):
                    return self._answer(step.place)
            elif not step.holds(address):
                position = step.skip_to
        return None

    def covered(self) -> Iterator[Flaw]:
        """A flaw for each plain rule that is never reached, as an earlier one in the same block or around it covers it."""
        runs = [step for step in self._steps if isinstance(step, Run)]
        starts = [run.start for run in runs]
        for place in sorted(self._index.all_places()):
            position, network = bisect_right(starts, place), self._network_at(place)
            blocks = runs[position - 1].blocks
            around = [run for run in runs[:position] if run.blocks == blocks[: len(run.blocks)]]
            outer = next((found for run in around if (found := self._earlier(run, network, place))), None)
            if outer:
                text = f"{network} is never reached: line {self._numbers.at(outer[0])} has {outer[1]}"
                yield Flaw(self._numbers.at(place), text, is_error=False)

    def _earlier(self, run: Run, network: Network, place: int) -> tuple[int, Network] | None:
        for length in sorted(length for length in run.lengths[network.bits] if length <= network.length):
            outer = Network(network.bits, Address(network.bits, network.number).masked(length), length)
            earlier = next(self._places_of(run, outer), place)
            if earlier < place:
                return earlier, outer
        return None

    def _find_in(self, run: Run, address: Address) -> int | None:
        first, (bits, number) = _NEVER, address
        for length in run.lengths[bits]:
            network = Network(bits, number >> bits - length << bits - length, length)
            for place in self._index.places((run.number, *network)):
                if place < first and self._network_at(place) == network:
                    first = place
        return None if first == _NEVER else first

    def _places_of(self, run: Run, network: Network) -> Iterator[int]:
        return (place for place in self._index.places((run.number, *network)) if self._network_at(place) == network)

    def _network_at(self, place: int) -> Network:
        return parse_network(_split(line_at(self._data, place))[1])

    def _answer(self, place: int) -> tuple[str, int]:
        return _split(line_at(self._data, place))[2].decode(), self._numbers.at(place)

    def _read(self) -> None:
        is_first, data = True, self._data
        for match in _LINE.finditer(data):
            place, line = match.start(), match[0]
            try:
                if not line[:1].isspace():
                    is_first = False
                    self._read_line(place, line if next_begins_line(data, match.end()) else line_at(data, place))
                elif is_first:
                    raise ValueError(ORPHAN)
            except ValueError as error:
                self._flaw(place, str(error))
        for position in reversed(self._open_ifs):
            step = self._steps[position]
            if isinstance(step, Single):
                self._flaw(step.place, "if without endif")

    def _read_line(self, place: int, line: bytes) -> None:
        statement = _STATEMENT.match(line) if line[0] in b"iIeE" else None
        if statement is None:
            self._read_rule(place, line)
        elif statement[1].lower() == b"if":
            is_negated, pattern = _strip_negation(line[2:].strip())
            network = parse_network(pattern.decode(errors="replace"))
            self._open_ifs.append(len(self._steps))
            self._add(Single(place, network, is_negated, has_text=False))
        else:
            self._read_endif(line[5:].strip())

    def _read_endif(self, rest: bytes) -> None:
        if rest:
            raise ValueError("garbage after endif")
        if not self._open_ifs:
            raise ValueError("endif without if")
        start = self._open_ifs.pop()
        step = self._steps[start]
        if isinstance(step, Single):
            self._steps[start] = replace(step, skip_to=len(self._steps))
        self._run = None

    def _read_rule(self, place: int, line: bytes) -> None:
        is_negated, pattern, text = _split(line)
        network = parse_network(pattern)
        if not text:
            raise ValueError(f"no value for {pattern!r}")
        if not text.isascii() and not is_utf8(text):
            self._flaw(place, NOT_UTF8)
        if line[0] == _NOT:
            self._add(Single(place, network, is_negated, has_text=True))
            return
        if self._run is None:
            self._run = Run(len(self._steps), place, tuple(self._open_ifs))
            self._steps.append(self._run)
        self._run.lengths[network.bits].add(network.length)
        self._index.add((self._run.number, *network), place)

    def _add(self, step: Single) -> None:
        self._steps.append(step)
        self._run = None

    def _flaw(self, place: int, text: str) -> None:
        self.flaws.append(Flaw(self._numbers.at(place), text))


def _split(line: bytes) -> tuple[bool, str, bytes]:
    """``!`` or not, the pattern and the text."""
    is_negated, line = _strip_negation(line) if line[0] == _NOT else (False, line)
    words = line.split(None, 1)
    if not words:
        raise ValueError("no address pattern")
    return is_negated, words[0].decode(errors="replace"), words[1].rstrip() if len(words) == 2 else b""


def _strip_negation(line: bytes) -> tuple[bool, bytes]:
    is_negated = False
    while line[:1] == b"!":
        is_negated = not is_negated
        line = line[1:].lstrip()
    return is_negated, line


class CidrTable(Table):
    """A file of networks."""

    def __init__(self, name: str, path: Path, watch: Watch) -> None:
        super().__init__(name)
        self._path = path
        self._file = FollowedFile(path, parse_cidr, watch)

    @property
    def is_pattern(self) -> bool:
        """Networks see the whole key only."""
        return True

    async def lookup(self, key: str) -> Found | None:
        """Raises ``TableTrouble``."""
        return find(await self._file.content(), key, str(self._path))

    def version(self) -> int:
        """Grows with each content taken into use."""
        return self._file.version()


def parse_cidr(data: bytes) -> tuple[Networks, list[Flaw]]:
    """Read a whole file."""
    networks = Networks(data)
    return networks, networks.flaws


def find(networks: Networks, key: str, place: str) -> Found | None:
    """Look a key up; one that is no address is in no network. Raises ``TableTrouble`` for a text that is not UTF-8."""
    address = parse_address(key)
    try:
        answer = networks.find(address) if address else None
    except UnicodeDecodeError:
        raise TableTrouble(f"{place}: the value of {key!r} is not UTF-8") from None
    return Found(answer[0], place, answer[1]) if answer else None
