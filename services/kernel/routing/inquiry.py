"""Asking on behalf of one decision: tables and the directory, with a record of each step when it is wanted."""

from services.kernel.mail.domainclass import Domain
from services.kernel.routing.decision import Step
from services.kernel.routing.lookups import Directory, Mailbox
from services.kernel.tables.lookup import Found, Table


class Inquiry:
    """``steps`` is the record, or ``None`` on the hot path. Everything raises ``LookupTrouble``."""

    def __init__(self, directory: Directory, steps: list[Step] | None = None) -> None:
        self._directory = directory
        self._steps = steps

    async def table(self, table: Table, key: str) -> str | None:
        """The value of a key."""
        found = await table.lookup(key)
        if self._steps is not None:
            self._steps.append(_table_step(table, key, found))
        return found.value if found else None

    async def first(self, tables: tuple[Table, ...], keys: tuple[str, ...]) -> tuple[str, str] | None:
        """The first ``(key, value)``, trying each key in all tables before the next; pattern tables see only the first key."""
        for number, key in enumerate(keys):
            for table in tables:
                if number == 0 or not table.is_pattern:
                    value = await self.table(table, key)
                    if value is not None:
                        return key, value
        return None

    async def domain(self, name: str) -> Domain | None:
        """A domain of the directory."""
        domain = await self._directory.domain(name)
        self._note("directory domains", name, f"{domain.domain_class} {domain.target}".strip() if domain else None)
        return domain

    async def account(self, address: str) -> Mailbox | None:
        """A mailbox of the directory."""
        account = await self._directory.account(address)
        self._note("directory accounts", address, None if account is None else "enabled" if account.enabled else "disabled")
        return account

    async def alias(self, source: str) -> tuple[str, ...] | None:
        """The targets of an alias of the directory."""
        targets = await self._directory.alias(source)
        self._note("directory aliases", source, ", ".join(targets) if targets else None)
        return targets

    def _note(self, table: str, key: str, hit: str | None) -> None:
        if self._steps is not None:
            self._steps.append(Step(table, key, hit))


def _table_step(table: Table, key: str, found: Found | None) -> Step:
    return Step(table.name, key, found.value, found.file, found.line) if found else Step(table.name, key, None)
