"""``parameters.txt`` and ``restrictions.txt``: what becomes of each name, as data."""

from dataclasses import dataclass
from enum import StrEnum
from fnmatch import fnmatchcase
from functools import lru_cache
from importlib.resources import files


class How(StrEnum):
    """What is done with a value; the words of the data files."""

    TEXT = "text"
    NUMBER = "number"
    FLAG = "flag"
    WORDS = "words"
    SECONDS = "seconds"
    TIME = "time"
    MAPS = "maps"
    DOMAINS = "domains"
    FILE = "file"
    OWN = "own"
    UNNEEDED = "unneeded"
    UNSUPPORTED = "unsupported"


@dataclass(frozen=True, slots=True)
class Row:
    """``rest`` is a setting's path or the reason; ``unit`` that of a time without one."""

    name: str
    how: How
    rest: str
    unit: str = "s"


class Rows:
    """One data file. A name is looked for as it is, then among the patterns, in their order."""

    def __init__(self, file: str) -> None:
        text = files("services.admin.postfix").joinpath(file).read_text(encoding="ascii")
        self.all = [_row(line) for line in text.splitlines() if line and not line.startswith("#")]
        self._exact = {row.name: row for row in self.all if not _is_pattern(row.name)}
        self._patterns = [row for row in self.all if _is_pattern(row.name)]

    def find(self, name: str) -> Row | None:
        """The row of a name."""
        exact = self._exact.get(name)
        if exact is None and name.startswith("lmtp_"):
            exact = self._exact.get("smtp_" + name.removeprefix("lmtp_"))
        return exact or next((row for row in self._patterns if self._fits(row.name, name)), None)

    @staticmethod
    def _fits(pattern: str, name: str) -> bool:
        return fnmatchcase(name, pattern) or (name.startswith("lmtp_") and fnmatchcase("smtp_" + name.removeprefix("lmtp_"), pattern))


@lru_cache(maxsize=1)
def parameter_rows() -> Rows:
    """``parameters.txt``."""
    return Rows("parameters.txt")


@lru_cache(maxsize=1)
def restriction_rows() -> Rows:
    """``restrictions.txt``."""
    return Rows("restrictions.txt")


@lru_cache(maxsize=1)
def transport_rows() -> Rows:
    """``transports.txt``: what follows a transport's name."""
    return Rows("transports.txt")


def _is_pattern(name: str) -> bool:
    return "*" in name or "?" in name


def _row(line: str) -> Row:
    name, how, *rest = line.split(None, 2)
    word, _, unit = how.partition(":")
    return Row(name, How(word), rest[0] if rest else "", unit or "s")
