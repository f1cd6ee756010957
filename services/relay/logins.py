"""Which login belongs to a server: asked with the way that routing decided on, so that host and credential come from one decision.

Tables are Postfix's ``sasl_passwd``: ``key user:password``. Keys are the sender, where the login at a smarthost depends on it, then the host, then
the next hop as it is written (Postfix ``smtp_sasl_passwd_lookup``). What a table says is never part of an error or event.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path

from services.kernel.routing.keys import address_keys
from services.kernel.routing.options import SUBMISSIONS_PORT, EffectiveSasl
from services.kernel.smtp.client_sasl import Login, LoginRules
from services.kernel.tables.braces import shown
from services.kernel.tables.lookup import Found, Table
from services.kernel.wire.delivery import NextHop, Server

_PLACE = re.compile(r"^(\S*?:\d+): .*", re.DOTALL)


@dataclass(frozen=True, slots=True)
class Credential:
    """A login, the key that it was found by, and the table with its place."""

    login: Login
    key: str
    place: str


class Logins:
    """The logins of one transport."""

    def __init__(self, options: EffectiveSasl, tables: Sequence[Table], delimiter: str) -> None:
        self._tables = tables
        self._delimiter = delimiter
        read_token = partial(_read_token, options.token_file) if options.token_file else None
        rules = LoginRules(options.mechanism_filter, frozenset(options.security_options), frozenset(options.tls_security_options))
        self._blank = Login("", "", rules, read_token)

    def version(self) -> int:
        """Grows when a table has changed."""
        return sum(table.version() for table in self._tables)

    async def find(self, nexthop: NextHop, server: Server, host: str) -> Credential | None:
        """The login at ``host``, found for ``server``; ``None`` for a server that knows us without. Raises ``LookupTrouble``."""
        sender = nexthop.sender if nexthop.is_smarthost and server in nexthop.servers else ""
        for table, key in self._questions(sender, server, host):
            found = await table.lookup(key)
            if found is not None:
                return self._credential(table, key, found)
        return None

    def _questions(self, sender: str, server: Server, host: str) -> Iterator[tuple[Table, str]]:
        for number, key in enumerate(address_keys(sender, self._delimiter) if sender else ()):
            yield from ((table, key) for table in self._tables if number == 0 or not table.is_pattern)
        as_written = str(server).lower()
        # routing fills in the port of the built-in smtps, which need not be written
        for key in dict.fromkeys((host.lower(), as_written, as_written.removesuffix(f":{SUBMISSIONS_PORT}"))):
            yield from ((table, key) for table in self._tables)

    def _credential(self, table: Table, key: str, found: Found) -> Credential | None:
        """A user alone is no login, unless there is a token for him."""
        user, _, password = found.value.partition(":")
        if not user or not (password or self._blank.read_token):
            return None
        name = shown(table.name)
        place = f"{name} ({found.file}:{found.line})" if found.line else name
        return Credential(replace(self._blank, user=user, password=password), key, place)


def without_secrets(tell: Callable[[str], None]) -> Callable[[str], None]:
    """Tell of a table that does not parse without its words, which may be a password in the wrong place."""
    return lambda words: tell(_PLACE.sub(r"\1: this is no entry of a password table", words))


def _read_token(path: Path) -> str:
    """Raises ``OSError``."""
    return path.read_text(encoding="ascii", errors="replace").strip()
