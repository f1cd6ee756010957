"""``/pattern/flags``: how regexp_table(5) and pcre_table(5) write a pattern, and the engines behind them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

from services.kernel.tables import pcre2, posix


class Pattern(Protocol):
    """A compiled pattern of one of the engines."""

    groups: int

    def search(self, key: bytes, groups: int) -> list[bytes] | None:
        """The text of groups 0 to ``groups``, or ``None`` for no match. Raises ``ValueError`` when the engine gives up."""


@dataclass(frozen=True, slots=True)
class Engine:
    """One kind of patterns: how it is compiled, which flags there are, and what Postfix switches on until a flag toggles it."""

    kind: str
    compile: Callable[[bytes, int], Pattern]
    letters: Mapping[str, int]
    options: int
    option_without_groups: int = 0
    has_second_pattern: bool = False


REGEXP = Engine(
    "regexp",
    posix.PosixPattern,
    {"i": posix.ICASE, "m": posix.NEWLINE, "x": posix.EXTENDED},
    posix.EXTENDED | posix.ICASE,
    option_without_groups=posix.NOSUB,
    has_second_pattern=True,
)
PCRE = Engine(
    "pcre",
    pcre2.PcrePattern,
    {
        "i": pcre2.CASELESS,
        "m": pcre2.MULTILINE,
        "s": pcre2.DOTALL,
        "x": pcre2.EXTENDED,
        "A": pcre2.ANCHORED,
        "E": pcre2.DOLLAR_ENDONLY,
        "U": pcre2.UNGREEDY,
        "X": 0,  # PCRE2 always does what PCRE_EXTRA asked for
    },
    pcre2.CASELESS | pcre2.DOTALL,
)


@dataclass(frozen=True, slots=True)
class Written:
    """A pattern as it stands in the file."""

    text: bytes
    options: int
    is_negated: bool


@dataclass(frozen=True, slots=True)
class Test:
    """A compiled condition, with ``!`` or without."""

    pattern: Pattern
    is_negated: bool

    def groups_of(self, key: bytes, highest: int) -> list[bytes] | None:
        """The groups, or ``None`` when the condition does not hold. Raises ``ValueError``."""
        found = self.pattern.search(key, highest)
        if self.is_negated:
            return [] if found is None else None
        return found


def cut_pattern(engine: Engine, line: bytes) -> tuple[Written, bytes]:
    """Cut ``[!]/pattern/flags`` off the line. Raises ``ValueError``."""
    is_negated = False
    line = line.lstrip()
    while line.startswith(b"!"):
        is_negated = not is_negated
        line = line[1:].lstrip()
    if not line:
        raise ValueError("no pattern")
    end = _closing(line)
    options, place = engine.options, end + 1
    while place < len(line) and not line[place : place + 1].isspace() and not (engine.has_second_pattern and line[place] == ord("!")):
        letter = chr(line[place])
        if letter not in engine.letters:
            raise ValueError(f"unknown flag {letter!r}")
        options ^= engine.letters[letter]
        place += 1
    return Written(line[1:end], options, is_negated), line[place:]


def _closing(line: bytes) -> int:
    """Where the delimiter that opens the line closes the pattern; one behind a backslash does not."""
    place = 1
    while place < len(line):
        if line[place] == ord("\\"):
            place += 1
        elif line[place] == line[0]:
            return place
        place += 1
    raise ValueError(f"the pattern is not closed by {chr(line[0])}")
