"""The directory as services see it: lookups by folded address, from a cache that a change empties."""

from dataclasses import replace
from pathlib import Path
from typing import Protocol

from services.kernel.directory.account import UNLIMITED, Account, MailboxFormat
from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.passwords import Verifier
from services.kernel.directory.queries import (
    ACCOUNT,
    ACCOUNTS,
    ALIAS,
    ALIASES,
    DOMAIN,
    DOMAINS,
    SCRAM,
    SCRAM_SECRET,
    WITHOUT_SCRAM,
    Row,
)
from services.kernel.directory.trouble import DirectoryTrouble
from services.kernel.mail.address import fold, split, split_extension
from services.kernel.mail.domainclass import Domain, DomainClass

SENDER_STEPS = 10
"""Aliases followed from a sender address to its owner; real ones take one or two."""


class Source(Protocol):
    """A database, asked by one of the texts of ``queries``."""

    async def version(self) -> int: ...

    async def rows(self, query: str, key: str) -> list[Row]: ...

    def close(self) -> None: ...


class Directory:
    """One process's view of the directory. Nothing is opened before the first lookup; every lookup raises ``DirectoryTrouble``."""

    def __init__(self, settings: DirectorySettings, recipient_delimiter: str = "+") -> None:
        self._source = _open(settings)
        self._delimiter = recipient_delimiter
        self._verifier = Verifier(settings.login_threads, settings.login_cache_seconds)
        self._cache: dict[tuple[str, str], list[Row]] = {}
        self._cache_entries = settings.cache_entries
        self._cache_version = -1

    async def version(self) -> int:
        """A number that is another one after any change: at once on SQLite, within ``poll_seconds`` on a server."""
        return await self._source.version()

    async def domain(self, name: str) -> Domain | None:
        """The domain of ours with this name, or the one above it that stands with a dot in front; ``None`` for everybody else's."""
        labels = name.lower().split(".")
        for key in (name.lower(), *(f".{'.'.join(labels[place:])}" for place in range(1, len(labels)))):
            if rows := await self._rows(DOMAIN, key):
                return _domain(rows[0])
        return None

    async def domains(self) -> list[Domain]:
        """All domains of ours."""
        return [_domain(row) for row in await self._source.rows(DOMAINS, "")]

    async def recipients(self) -> list[str]:
        """The addresses of all enabled mailboxes and all aliases, ``@domain`` among them."""
        rows = [*await self._source.rows(ACCOUNTS, ""), *await self._source.rows(ALIASES, "")]
        return [str(address) for (address,) in rows]

    async def account(self, address: str) -> Account | None:
        """The mailbox of an address, without its extension unless a mailbox has the whole; disabled ones too."""
        address = fold(address)
        found = await self._exact_account(address)
        if found is None and (bare := self._without_extension(address)) != address:
            return await self._exact_account(bare)
        return found

    async def alias(self, source: str) -> tuple[str, ...] | None:
        """The targets of ``user@domain`` or ``@domain``, in order, exactly as asked for."""
        rows = await self._rows(ALIAS, fold(source))
        return tuple(str(row[0]) for row in rows) or None

    async def authenticate(self, login: str, password: str) -> Account | None:
        """The enabled account of this login if the password is right; unknown, disabled and wrong take the same time."""
        account = await self._exact_account(fold(login))
        fits = await self._verifier.verify(account.password_hash if account else None, password)
        return account if account and fits and account.enabled else None

    async def scram(self, login: str) -> Account | None:
        """The enabled account of this login with its SCRAM keys; ``None`` when either is missing."""
        account = await self._exact_account(fold(login))
        rows = await self._rows(SCRAM, fold(login))
        return replace(account, scram=str(rows[0][0])) if account and rows else None

    async def scram_secret(self) -> bytes:
        """What the salts of unknown users are made from, the same in all processes."""
        rows = await self._rows(SCRAM_SECRET, "")
        if not rows:
            raise DirectoryTrouble("directory: there are no SCRAM keys yet")
        return str(rows[0][0]).encode()

    async def has_scram_for_all(self) -> bool:
        """Whether every enabled account with a password has SCRAM keys, and there is one."""
        return bool(await self._rows(SCRAM_SECRET, "")) and not await self._rows(WITHOUT_SCRAM, "")

    async def may_send_as(self, login: str, sender: str) -> bool:
        """Tell whether mail to ``sender`` reaches ``login`` and nobody else: his address, with any extension, or an alias of his."""
        login, address = fold(login), fold(sender)
        for _ in range(SENDER_STEPS):
            if login in (address, self._without_extension(address)):
                return True
            targets = await self._alias_targets(address)
            if targets is None or len(targets) != 1:
                return False
            address = fold(targets[0])
        return False

    def close(self) -> None:
        """Give the database back."""
        self._source.close()

    async def _alias_targets(self, address: str) -> tuple[str, ...] | None:
        local, name = split(address)
        for key in dict.fromkeys((address, self._without_extension(address))):
            if (targets := await self.alias(key)) is not None:
                return targets
        if await self.account(address) is not None:
            return None
        domain = await self.domain(name)
        if domain and domain.domain_class is DomainClass.ALIAS:
            return (f"{local}@{domain.target}",)
        return await self.alias(f"@{name}")

    def _without_extension(self, address: str) -> str:
        local, name = split(address)
        return f"{split_extension(local, self._delimiter)[0]}@{name}"

    async def _exact_account(self, address: str) -> Account | None:
        rows = await self._rows(ACCOUNT, address)
        if not rows:
            return None
        name, password_hash, quota_bytes, quota_messages, enabled, created, form = rows[0]
        limits = int(quota_bytes or 0), int(quota_messages or 0)
        if 0 in limits and (domain := await self.domain(split(address)[1])) is not None:
            limits = limits[0] or domain.quota_bytes, limits[1] or domain.quota_messages
        size_bytes, messages = (0 if limit == UNLIMITED else limit for limit in limits)
        return Account(str(name), str(password_hash), size_bytes, messages, bool(enabled), float(created or 0), MailboxFormat(str(form)))

    async def _rows(self, query: str, key: str) -> list[Row]:
        version = await self._source.version()
        if version != self._cache_version or len(self._cache) > self._cache_entries:
            self._cache.clear()
            self._cache_version = version
        rows = self._cache.get((query, key))
        if rows is None:
            rows = await self._source.rows(query, key)
            if version == self._cache_version:  # else it changed while we waited, and these rows may be the old ones
                self._cache[query, key] = rows
        return rows


def _domain(row: Row) -> Domain:
    name, word, target, quota_bytes, quota_messages = row
    return Domain(str(name), DomainClass(str(word)), str(target), int(quota_bytes or 0), int(quota_messages or 0))


def _open(settings: DirectorySettings) -> Source:
    if settings.url.startswith("sqlite:///"):
        from services.kernel.directory.sqlite import SqliteSource

        return SqliteSource(Path(settings.url.removeprefix("sqlite:///")), settings.wait_seconds)
    from services.kernel.directory.server import ServerSource

    return ServerSource(settings)
