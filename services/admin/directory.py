"""Writing the directory: the only module that does.

Each change is one transaction that also adds one to ``meta.generation``, by which readers of a server see that they must ask again.
"""

import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, delete, insert, inspect, select, text, update
from sqlalchemy.exc import IntegrityError, SQLAlchemyError
from sqlalchemy.schema import CreateColumn

from services.admin.names import check_address, check_domain, check_source, check_target
from services.admin.trouble import DirectoryError
from services.kernel.directory import Account, DirectorySettings, DirectoryTrouble, MailboxFormat
from services.kernel.directory.engine import connect
from services.kernel.directory.schema import ADDED_SINCE, SCHEMA_VERSION, accounts, aliases, domains, meta, metadata, scram
from services.kernel.mail.address import split
from services.kernel.mail.domainclass import Domain, DomainClass

SECRET_BYTES = 32
"""As long as the hash that it keys (RFC 2104 section 3)."""
Alias = tuple[str, tuple[str, ...]]


class DirectoryWriter:
    """The directory as the operator changes it. Raises ``DirectoryError`` for what cannot be, ``DirectoryTrouble`` for what cannot be done now."""

    def __init__(self, settings: DirectorySettings, delimiter: str = "+", clock: Callable[[], float] = time.time) -> None:
        self._engine = connect(settings)
        self._delimiter = delimiter
        self._clock = clock

    def close(self) -> None:
        """Give the database back."""
        self._engine.dispose()

    def prepare(self) -> bool:
        """Make the tables if they are missing; return whether they were. Brings an older schema up to date and refuses a newer one."""
        with self._transaction() as connection:
            is_new = not inspect(connection).has_table(meta.name)
            if is_new:
                metadata.create_all(connection)
                connection.execute(insert(meta).values(one=1, schema_version=SCHEMA_VERSION, generation=1))
            version = connection.execute(select(meta.c.schema_version)).scalar_one()
            if version in ADDED_SINCE:
                version = _bring_up_to_date(connection, version)
        if version != SCHEMA_VERSION:
            raise DirectoryError(f"the directory has schema {version}; this program knows {SCHEMA_VERSION}")
        if self._engine.url.database and self._engine.dialect.name == "sqlite":
            Path(self._engine.url.database).chmod(0o640)  # the group `directory` reads it
        return is_new

    def domains(self) -> list[Domain]:
        """All domains, by name."""
        with self._transaction() as connection:
            rows = connection.execute(select(domains).order_by(domains.c.name)).all()
        return [Domain(row.name, DomainClass(row[1]), row.target, row.quota_bytes, row.quota_messages) for row in rows]

    def add_domain(self, domain: Domain) -> None:
        """Add a domain or change its class and target; its quotas stay."""
        domain = check_domain(domain)
        with self._change() as connection:
            old = connection.execute(select(domains.c.quota_bytes, domains.c.quota_messages).where(domains.c.name == domain.name)).first()
            _put_domain(connection, replace(domain, quota_bytes=old[0], quota_messages=old[1]) if old else domain)

    def change_domain(self, name: str, **values: int) -> None:
        """Change columns of a domain: ``quota_bytes``, ``quota_messages``."""
        with self._change() as connection:
            done = connection.execute(update(domains).where(domains.c.name == name.lower()).values(**values))
            _demand(done.rowcount, f"there is no domain {name}")

    def delete_domain(self, name: str) -> None:
        """Forget a domain without mailboxes; its aliases go with it."""
        name = name.lower()
        with self._change() as connection:
            box = connection.execute(select(accounts.c.address).where(accounts.c.address.endswith(f"@{name}", autoescape=True))).first()
            if box is not None:
                raise DirectoryError(f"{name} still has mailboxes: {box.address}")
            _demand(connection.execute(delete(domains).where(domains.c.name == name)).rowcount, f"there is no domain {name}")
            connection.execute(delete(aliases).where(aliases.c.source.endswith(f"@{name}", autoescape=True)))

    def accounts(self) -> list[Account]:
        """All mailboxes, by address."""
        with self._transaction() as connection:
            rows = connection.execute(select(accounts).order_by(accounts.c.address)).all()
            keys = _keys(connection)
        return [replace(_account(row), scram=keys.get((row.address, row.password_hash), "")) for row in rows]

    def account(self, address: str) -> Account:
        """One mailbox."""
        with self._transaction() as connection:
            row = connection.execute(select(accounts).where(accounts.c.address == address.lower())).first()
        if row is None:
            raise DirectoryError(f"there is no account {address}")
        return _account(row)

    def add_account(self, address: str, password_hash: str, quota_bytes: int = 0, quota_messages: int = 0, **values: str) -> bool:
        """Make a mailbox, with other columns if given. A domain that is missing is made, hosted; return whether it was."""
        address = check_address(address, self._delimiter)
        name = split(address)[1]
        quotas = {"quota_bytes": quota_bytes, "quota_messages": quota_messages}
        with self._change() as connection:
            found = connection.execute(select(domains).where(domains.c.name == name)).first()
            if found is None:
                _put_domain(connection, Domain(name, DomainClass.HOSTED))
            elif found[1] != DomainClass.HOSTED:
                raise DirectoryError(f"{name} is of class {found[1]}: it has no mailboxes here")
            try:
                connection.execute(insert(accounts).values(address=address, password_hash=password_hash, created=self._clock(), **quotas, **values))
            except IntegrityError:
                raise DirectoryError(f"there is an account {address} already") from None
        return found is None

    def change_account(self, address: str, **values: str | int | bool) -> None:
        """Change columns of a mailbox: ``password_hash``, ``quota_bytes``, ``quota_messages``, ``enabled``, ``mailbox_format``."""
        with self._change() as connection:
            done = connection.execute(update(accounts).where(accounts.c.address == address.lower()).values(**values))
            _demand(done.rowcount, f"there is no account {address}")

    def set_scram(self, address: str, keys: str) -> None:
        """Keep the SCRAM keys of the password that a mailbox has now."""
        address = address.lower()
        with self._change() as connection:
            found = connection.execute(select(accounts.c.password_hash).where(accounts.c.address == address)).first()
            if found is None:
                raise DirectoryError(f"there is no account {address}")
            _put_keys(connection, address, found[0], keys)

    def delete_account(self, address: str) -> None:
        """Forget a mailbox; its mail stays on the disk."""
        with self._change() as connection:
            done = connection.execute(delete(accounts).where(accounts.c.address == address.lower()))
            _demand(done.rowcount, f"there is no account {address}")
            if inspect(connection).has_table(scram.name):
                connection.execute(delete(scram).where(scram.c.address == address.lower()))

    def aliases(self) -> list[Alias]:
        """All aliases, by source."""
        found: dict[str, tuple[str, ...]] = {}
        with self._transaction() as connection:
            for row in connection.execute(select(aliases).order_by(aliases.c.source, aliases.c.position)):
                found[row.source] = (*found.get(row.source, ()), row.target)
        return list(found.items())

    def set_alias(self, source: str, targets: tuple[str, ...]) -> bool:
        """Make an alias, or give it new targets; its domain must be ours. Return whether it was there before."""
        source = check_source(source)
        targets = tuple(dict.fromkeys(check_target(target) for target in targets))
        name = split(source)[1]
        with self._change() as connection:
            if connection.execute(select(domains.c.name).where(domains.c.name == name)).first() is None:
                raise DirectoryError(f"{name} is no domain of ours: add it first")
            return _put_alias(connection, source, targets)

    def delete_alias(self, source: str) -> None:
        """Forget an alias."""
        with self._change() as connection:
            done = connection.execute(delete(aliases).where(aliases.c.source == source.lower()))
            _demand(done.rowcount, f"there is no alias {source}")

    def load(self, content: tuple[list[Domain], list[Account], list[Alias]], *, replaces: bool) -> None:
        """Put a whole content in, in one transaction: added to what is there, or instead of it."""
        new_domains, new_accounts, new_aliases = content
        with self._change() as connection:
            for table in (domains, accounts, aliases) if replaces else ():
                connection.execute(delete(table))
            for domain in new_domains:
                _put_domain(connection, check_domain(domain))
            for account in new_accounts:
                _put_account(connection, account, check_address(account.address, self._delimiter))
            for source, targets in new_aliases:
                _put_alias(connection, check_source(source), tuple(check_target(target) for target in targets))

    @contextmanager
    def _transaction(self) -> Iterator[Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise DirectoryTrouble(f"directory: {' '.join(str(cause).split())}") from None

    @contextmanager
    def _change(self) -> Iterator[Connection]:
        with self._transaction() as connection:
            # first, so that a second writer waits here and not in the middle
            connection.execute(update(meta).values(generation=meta.c.generation + 1))
            yield connection


def _put_domain(connection: Connection, domain: Domain) -> None:
    connection.execute(delete(domains).where(domains.c.name == domain.name))
    values = {"class": str(domain.domain_class), "target": domain.target, "quota_bytes": domain.quota_bytes, "quota_messages": domain.quota_messages}
    connection.execute(insert(domains).values({"name": domain.name} | values))


def _bring_up_to_date(connection: Connection, version: int) -> int:
    for column in (column for since, added in ADDED_SINCE.items() if since >= version for column in added):
        definition = CreateColumn(column).compile(dialect=connection.dialect)
        connection.execute(text(f"ALTER TABLE {column.table.name} ADD COLUMN {definition}"))
    connection.execute(update(meta).values(schema_version=SCHEMA_VERSION, generation=meta.c.generation + 1))
    return SCHEMA_VERSION


def _account(row: Sequence[Any]) -> Account:
    return replace(Account(*row), mailbox_format=MailboxFormat(row[-1]))


def _put_account(connection: Connection, account: Account, address: str) -> None:
    connection.execute(delete(accounts).where(accounts.c.address == address))
    columns = ("password_hash", "quota_bytes", "quota_messages", "enabled", "created", "mailbox_format")
    connection.execute(insert(accounts).values(address=address, **{column: getattr(account, column) for column in columns}))
    if account.scram:
        _put_keys(connection, address, account.password_hash, account.scram)


def _put_keys(connection: Connection, address: str, password_hash: str, keys: str) -> None:
    """A directory of before SCRAM gets the table with the first keys, and the secret for the salts of those who have none."""
    scram.create(connection, checkfirst=True)
    if connection.execute(select(scram.c.address).where(scram.c.address == "")).first() is None:
        connection.execute(insert(scram).values(address="", password_hash="", verifier=secrets.token_hex(SECRET_BYTES)))
    connection.execute(delete(scram).where(scram.c.address == address))
    connection.execute(insert(scram).values(address=address, password_hash=password_hash, verifier=keys))


def _keys(connection: Connection) -> dict[tuple[str, str], str]:
    """SCRAM keys by address and the hash of the password that they belong to."""
    if not inspect(connection).has_table(scram.name):
        return {}
    return {(row.address, row.password_hash): row.verifier for row in connection.execute(select(scram))}


def _put_alias(connection: Connection, source: str, targets: tuple[str, ...]) -> bool:
    was_there = connection.execute(delete(aliases).where(aliases.c.source == source)).rowcount > 0
    rows = [{"source": source, "position": position, "target": target} for position, target in enumerate(targets)]
    connection.execute(insert(aliases), rows)
    return was_there


def _demand(count: int, otherwise: str) -> None:
    if count == 0:
        raise DirectoryError(otherwise)
