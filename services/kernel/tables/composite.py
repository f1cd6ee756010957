"""Tables made of tables: ``unionmap:{type:name, ...}`` and ``pipemap:{type:name, ...}`` (DATABASE_README)."""

from services.kernel.tables.lookup import Found, Table
from services.kernel.tables.text import fold


class CompositeTable(Table):
    """The first table says whether keys are folded and whether parts of an address are asked for, as in Postfix (dict_union(3), dict_pipe(3))."""

    def __init__(self, name: str, tables: tuple[Table, ...]) -> None:
        super().__init__(name)
        self._tables = tables

    @property
    def is_pattern(self) -> bool:
        """As the first table."""
        return self._tables[0].is_pattern

    @property
    def folds_keys(self) -> bool:
        """As the first table."""
        return self._tables[0].folds_keys

    def version(self) -> int:
        """Grows with each table."""
        return sum(table.version() for table in self._tables)

    def _prepare(self, key: str) -> str | None:
        folded = fold(key)
        return folded.decode() if folded is not None and self.folds_keys else key if folded is not None else None


class UnionTable(CompositeTable):
    """Asks every table and joins what they find with commas."""

    async def lookup(self, key: str) -> Found | None:
        """Raises ``LookupTrouble`` as soon as one table does."""
        prepared = self._prepare(key)
        if prepared is None:
            return None
        found = [value for table in self._tables if (value := await table.lookup(prepared))]
        if not found:
            return None
        return found[0] if len(found) == 1 else Found(",".join(value.value for value in found), found[0].file, found[0].line)


class PipeTable(CompositeTable):
    """Asks the first table for the key and each further one for what the one before has found."""

    async def lookup(self, key: str) -> Found | None:
        """Raises ``LookupTrouble``."""
        prepared = self._prepare(key)
        found = None
        for table in self._tables:
            if prepared is None:
                return None
            found = await table.lookup(prepared)
            prepared = found.value if found else None
        return found
