"""The tables of one process, opened by their names in the configuration."""

import time
from collections.abc import Callable
from pathlib import Path

from services.kernel.runtime.fault import ConfigError
from services.kernel.tables.aliases import AliasTable
from services.kernel.tables.braces import shown, split_items, unbrace
from services.kernel.tables.cidr import CidrTable
from services.kernel.tables.composite import PipeTable, UnionTable
from services.kernel.tables.constant import FailTable, InlineTable, StaticTable
from services.kernel.tables.lookup import Table, TableTrouble
from services.kernel.tables.patterns import PCRE, REGEXP
from services.kernel.tables.pgsql import PGSQL
from services.kernel.tables.rules import RuleTable
from services.kernel.tables.source import Watch
from services.kernel.tables.sql import SqlTable, Surroundings
from services.kernel.tables.sqlite import SQLITE
from services.kernel.tables.text import TextTable
from services.kernel.tables.written import CidrInline, RuleInline

ROOT = Path("/etc/malleposte/tables")
"""Where relative file names start."""

TEXT_TYPES = ("hash", "texthash", "lmdb", "btree", "dbm", "cdb", "sdbm")
"""Postfix makes an indexed file of the source text for most of these; here the source text itself is read."""
ENGINES = {"regexp": REGEXP, "pcre": PCRE}
DATABASES = {"sqlite": SQLITE, "pgsql": PGSQL}
_CONSTANT: dict[str, Callable[[str, str], Table]] = {"static": StaticTable, "inline": InlineTable, "fail": FailTable}
_COMPOSITE: dict[str, Callable[[str, tuple[Table, ...]], Table]] = {"unionmap": UnionTable, "pipemap": PipeTable}
COMPOSITE_TYPES = tuple(_COMPOSITE)
ALIASES = "aliases"
"""Ours: the text types where they hold aliases(5), as `alias_maps` opens them."""
TYPES = (*TEXT_TYPES, *ENGINES, "cidr", ALIASES, *DATABASES, *_CONSTANT, *COMPOSITE_TYPES)
UNSUPPORTED = (
    *("environ", "internal", "ldap", "memcache", "mongodb", "mysql", "netinfo", "nis", "nisplus", "randmap"),
    *("socketmap", "tcp", "unix"),
)
"""Postfix's other types (DATABASE_README)."""


class Tables:
    """Opens each table once, however often it is named. ``is_lenient``: see ``Watch``."""

    def __init__(
        self, on_trouble: Callable[[str], None], root: Path = ROOT, *, is_lenient: bool = False, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._watch = Watch(on_trouble, clock, is_lenient=is_lenient)
        self.root = root
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

    def open_aliases(self, name: str) -> Table:
        """As ``open``, but the files of the text types are in the format of aliases(5)."""
        return self.open(alias_table(name))

    def _make(self, name: str) -> Table:
        kind, rest = split_name(name)
        try:
            if kind in _COMPOSITE:
                return _COMPOSITE[kind](name, tuple(self.open(part) for part in parts_of(rest)))
            if kind in _CONSTANT:
                return _CONSTANT[kind](name, rest)
            if rest.startswith("{") and kind in ENGINES:
                return RuleInline(name, rest, ENGINES[kind], self._watch)
            if rest.startswith("{") and kind == "cidr":
                return CidrInline(name, rest, self._watch)
        except (ValueError, TableTrouble) as error:
            raise ConfigError(f"table {shown(name)!r}: {error}") from None
        return self._follow(kind, name, self.root / rest)

    def _follow(self, kind: str, name: str, path: Path) -> Table:
        if kind in TEXT_TYPES:
            return TextTable(name, path, self._watch)
        if kind in ENGINES:
            return RuleTable(name, path, ENGINES[kind], self._watch)
        if kind == "cidr":
            return CidrTable(name, path, self._watch)
        if kind == ALIASES:
            return AliasTable(name, path, self.root, self._watch)
        if kind in DATABASES:
            return SqlTable(name, path, DATABASES[kind], Surroundings(self._watch, self.root, self.open))
        if kind in UNSUPPORTED:
            raise ConfigError(f"table {shown(name)!r}: Postfix's type {kind} is not supported; there are {', '.join(TYPES)}")
        raise ConfigError(f"table {shown(name)!r}: no such type; there are {', '.join(TYPES)}")


def split_name(name: str) -> tuple[str, str]:
    """``type:rest``, without the ``proxy:`` that Postfix needs for its own processes. Raises ``ConfigError``."""
    kind, colon, rest = name.partition(":")
    if not colon or not rest or "\0" in rest:
        raise ConfigError(f"table {shown(name)!r}: expected type:file")
    return split_name(rest) if kind == "proxy" else (kind, rest)


def alias_table(name: str) -> str:
    """The name of a table of ``alias_maps``: ``aliases:file`` for the text types. Raises ``ConfigError``."""
    kind, rest = split_name(name)
    return f"{ALIASES}:{rest}" if kind in TEXT_TYPES else name


def parts_of(body: str) -> list[str]:
    """The tables inside ``unionmap:`` or ``pipemap:``. Raises ``ValueError``."""
    parts = split_items(unbrace(body))
    if not parts:
        raise ValueError("expected {type:name, ...}")
    return parts
