"""The tables of one process, opened by their names in the configuration."""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from services.kernel.runtime.config import ConfigError
from services.kernel.tables.cidr import parse_network
from services.kernel.tables.constant import InlineTable, StaticTable
from services.kernel.tables.lookup import Table, TableTrouble
from services.kernel.tables.patterns import parse_pattern
from services.kernel.tables.rules import ParseRule, RuleTable
from services.kernel.tables.source import Watch
from services.kernel.tables.text import TextTable

ROOT = Path("/etc/malleposte/tables")
"""Where relative file names start."""

_TEXT_TYPES = ("hash", "texthash", "lmdb")
_RULE_TYPES: dict[str, ParseRule] = {
    "regexp": partial(parse_pattern, "regexp"),
    "pcre": partial(parse_pattern, "pcre"),
    "cidr": parse_network,
}
TYPES = (*_TEXT_TYPES, *_RULE_TYPES, "static", "inline")


class Tables:
    """Opens each table once, however often it is named."""

    def __init__(self, on_trouble: Callable[[str], None], root: Path = ROOT) -> None:
        self._watch = Watch(on_trouble)
        self._root = root
        self._opened: dict[str, Table] = {}

    @property
    def names(self) -> list[str]:
        """The tables opened so far."""
        return list(self._opened)

    def open(self, name: str) -> Table:
        """The table ``type:file``. Raises ``ConfigError`` for a type there is not; a bad file raises only at lookup."""
        table = self._opened.get(name)
        if table is None:
            table = self._opened[name] = self._make(name)
        return table

    def _make(self, name: str) -> Table:
        kind, colon, rest = name.partition(":")
        if not colon or not rest:
            raise ConfigError(f"table {name!r}: expected type:file")
        if kind in _TEXT_TYPES:
            return TextTable(name, self._root / rest, self._watch)
        if kind in _RULE_TYPES:
            return RuleTable(name, self._root / rest, _RULE_TYPES[kind], self._watch)
        if kind == "static":
            return StaticTable(name, rest)
        if kind != "inline":
            raise ConfigError(f"table {name!r}: no such type; there are {', '.join(TYPES)}")
        try:
            return InlineTable(name, rest)
        except TableTrouble as trouble:
            raise ConfigError(str(trouble)) from None
