"""The contract of every table: a key gives a value with its place, or nothing, or trouble."""

from abc import ABC, abstractmethod
from dataclasses import dataclass


class LookupTrouble(Exception):
    """A lookup could not be done now. Temporary: the caller defers or answers 4xx, and never takes it for "not found"."""


class TableTrouble(LookupTrouble):
    """A table cannot be read or does not parse. The message names the file and the line."""


@dataclass(frozen=True, slots=True)
class Found:
    """A value and where it stands; ``line`` 0 when the table has no lines."""

    value: str
    file: str
    line: int = 0


class Table(ABC):
    """One table, named as in the configuration (``hash:virtual``)."""

    def __init__(self, name: str) -> None:
        self.name = name

    @property
    def is_pattern(self) -> bool:
        """Pattern tables see the whole address only, never its parts (Postfix regexp_table(5), "TABLE SEARCH ORDER")."""
        return False

    @property
    def folds_keys(self) -> bool:
        """Are keys compared without case? Then a composite table that begins with this one folds them for all (Postfix DICT_FLAG_FIXED)."""
        return not self.is_pattern

    async def keys(self) -> list[str] | None:
        """All keys, folded; ``None`` where they cannot be listed, as those of patterns and queries. Raises ``TableTrouble``."""
        return None

    @abstractmethod
    async def lookup(self, key: str) -> Found | None:
        """Look ``key`` up. Raises ``TableTrouble``."""

    @abstractmethod
    def version(self) -> int:
        """A number that changes when the content may have changed, for caches of what was derived from it."""
