"""Asking on behalf of one decision: tables and the directory, with a record of each step when it is wanted."""

from dataclasses import dataclass, field

from services.kernel.mail.domainclass import Domain
from services.kernel.routing.decision import Remark, Stage, Step
from services.kernel.routing.lookups import Directory, Mailbox
from services.kernel.routing.notes import Note
from services.kernel.tables.lookup import Found, LookupTrouble, Table


@dataclass(frozen=True, slots=True)
class Hit:
    """What a search found: the key that was there, its value, and where it stands."""

    key: str
    value: str
    place: str

    def trouble(self, words: object) -> LookupTrouble:
        """A fault of the entry, in words that name its place."""
        return LookupTrouble(f"{self.place}: {words}")


@dataclass(slots=True)
class Record:
    """What is kept of a decision that is to be explained."""

    steps: list[Step] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)

    def cut(self) -> Stage:
        """What was kept since the last cut."""
        stage = Stage(tuple(self.steps), tuple(dict.fromkeys(self.remarks)))
        self.steps.clear()
        self.remarks.clear()
        return stage


class Inquiry:
    """``record`` is ``None`` on the hot path. Everything that asks raises ``LookupTrouble``."""

    def __init__(self, directory: Directory, record: Record | None = None) -> None:
        self._directory = directory
        self._record = record

    async def first(self, tables: tuple[Table, ...], keys: tuple[str, ...]) -> Hit | None:
        """The first hit, trying each key in all tables before the next; pattern tables see only the first key."""
        for number, key in enumerate(keys):
            for table in tables:
                if number == 0 or not table.is_pattern:
                    found = await table.lookup(key)
                    if self._record is not None:
                        self._record.steps.append(_table_step(table, key, found))
                    if found is not None:
                        return Hit(key, found.value, f"{found.file}:{found.line}" if found.line else table.name)
        return None

    async def domain(self, name: str) -> Domain | None:
        """A domain of the directory."""
        domain = await self._directory.domain(name)
        self._step("directory domains", name, f"{domain.domain_class} {domain.target}".strip() if domain else None)
        return domain

    async def account(self, address: str) -> Mailbox | None:
        """A mailbox of the directory."""
        account = await self._directory.account(address)
        if self._record is not None:
            self._step("directory accounts", address, _words(account) if account else None)
        return account

    async def alias(self, source: str) -> tuple[str, ...] | None:
        """The targets of an alias of the directory."""
        targets = await self._directory.alias(source)
        self._step("directory aliases", source, ", ".join(targets) if targets else None)
        return targets

    def setting(self, name: str, key: str, value: str) -> None:
        """Record that a list in the settings has this key."""
        self._step(name, key, value)

    def remark(self, about: str, note: Note) -> None:
        """Record why something was not asked or not used."""
        if self._record is not None:
            self._record.remarks.append(Remark(about, note))

    def _step(self, table: str, key: str, hit: str | None) -> None:
        if self._record is not None:
            self._record.steps.append(Step(table, key, hit))


def _words(account: Mailbox) -> str:
    form = "" if account.mailbox_format == "maildir" else f", {account.mailbox_format}"
    return ("enabled" if account.enabled else "disabled") + form


def _table_step(table: Table, key: str, found: Found | None) -> Step:
    return Step(table.name, key, found.value, found.file, found.line) if found else Step(table.name, key, None)
