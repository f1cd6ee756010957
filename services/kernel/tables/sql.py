"""``sqlite:`` and ``pgsql:``: what both have in common (sqlite_table(5), pgsql_table(5)).

A database is asked in threads of its own, so many at a time as there are connections. An SQL table tells nobody that it changed: what was
derived from it may be kept for a second, and then asks again.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from services.kernel.tables.lookup import Found, Table, TableTrouble
from services.kernel.tables.source import FollowedFile, Watch
from services.kernel.tables.sqlsettings import SqlSettings, parser
from services.kernel.tables.sqltemplate import Quote
from services.kernel.tables.text import fold

CONNECTIONS = 4
"""To one database, for each table and process. Postfix has one a process, and some hundred processes."""
ANSWER_SECONDS = 10.0
"""A database that takes longer is trouble: the client at the other end waits too (RFC 5321 section 4.5.3.2.3)."""


class Database(Protocol):
    """A database of one kind. Its methods are called in threads."""

    def ask(self, make_query: Callable[[Quote], str]) -> list[str]:
        """The values of all rows, an empty one for NULL. ``make_query`` takes what quotes text for this database. Raises ``TableTrouble``."""

    def close(self) -> None:
        """Give back what can be given back at once."""


@dataclass(frozen=True, slots=True)
class SqlKind:
    """A kind of database. ``connect`` makes the one that settings name; it takes them, the folder of tables, and the table's file."""

    name: str
    connect: Callable[[SqlSettings, Path, str], Database]


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What an SQL table needs of the other tables."""

    watch: Watch
    root: Path
    open: Callable[[str], Table]


class SqlTable(Table):
    """A table whose file says how a database is asked."""

    def __init__(self, name: str, path: Path, kind: SqlKind, surroundings: Surroundings) -> None:
        super().__init__(name)
        self._path = path
        self._kind = kind
        self._surroundings = surroundings
        self._file = FollowedFile(path, parser(kind.name), surroundings.watch)
        self._settings: SqlSettings | None = None
        self._database: Database | None = None
        self._workers = ThreadPoolExecutor(CONNECTIONS, thread_name_prefix=name)

    def version(self) -> int:
        """Grows with each content of the file, and once a second."""
        return self._file.version() + int(self._surroundings.watch.clock())

    async def lookup(self, key: str) -> Found | None:
        """Rows are joined by commas. Raises ``TableTrouble``, also when there are more of them than ``expansion_limit``."""
        settings = await self._file.content()
        folded = (fold(key) or b"").decode()
        if not await self._is_in_domain(settings, folded) or settings.templates.expand_query(folded, str) is None:
            return None
        values = await self._ask(settings, folded)
        found = [result for value in values if (result := settings.templates.expand_result(value, folded)) is not None]
        if 0 < settings.expansion_limit < len(found):
            raise TableTrouble(f"{self._path}: more than {settings.expansion_limit} results for {key!r}")
        joined = ",".join(found)
        return Found(joined, str(self._path)) if joined else None

    async def _ask(self, settings: SqlSettings, key: str) -> list[str]:
        def make_query(quote: Quote) -> str:
            return settings.templates.expand_query(key, quote) or ""

        ask = partial(self._database_of(settings).ask, make_query)
        try:
            async with asyncio.timeout(ANSWER_SECONDS):
                return await asyncio.get_running_loop().run_in_executor(self._workers, ask)
        except TimeoutError:
            raise TableTrouble(f"{self._path}: no answer within {ANSWER_SECONDS:.0f} s") from None

    def _database_of(self, settings: SqlSettings) -> Database:
        if self._database is None or settings is not self._settings:
            if self._database:
                self._database.close()
            self._database, self._settings = self._kind.connect(settings, self._surroundings.root, str(self._path)), settings
        return self._database

    async def _is_in_domain(self, settings: SqlSettings, key: str) -> bool:
        """With ``domain``, only full addresses in those domains are looked up: names, ``type:table`` and ``!`` before either."""
        if not settings.domain:
            return True
        user, _, domain = key.rpartition("@")
        for item in settings.domain if user and domain else ():
            pattern = item.lstrip("!")
            if await self._surroundings.open(pattern).lookup(domain) if ":" in pattern else pattern.lower() == domain:
                return (len(item) - len(pattern)) % 2 == 0
        return False
