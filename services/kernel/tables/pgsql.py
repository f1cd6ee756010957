"""``pgsql:``: a PostgreSQL database on one of several servers (pgsql_table(5))."""

import random
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from services.kernel.tables.braces import split_items
from services.kernel.tables.lookup import TableTrouble
from services.kernel.tables.sql import SqlKind
from services.kernel.tables.sqlsettings import SqlSettings
from services.kernel.tables.sqltemplate import Quote

if TYPE_CHECKING:
    import psycopg

CONNECT_SECONDS = 3
STATEMENT_SECONDS = 8
"""Both under ``sql.ANSWER_SECONDS``."""
IDLE_SECONDS = 60.0
"""``idle_interval``: a connection that was not used for longer is not used again."""
RETRY_SECONDS = 3.0
"""``retry_interval``: how long a server that failed is left alone. Postfix: a minute, for each of its many processes."""
_URI_SCHEMES = ("postgresql://", "postgres://")


class PgsqlDatabase:
    """A connection for each thread. Servers are tried in random order, those on Unix sockets first."""

    def __init__(self, settings: SqlSettings, name: str) -> None:
        self._name = name
        self._values = settings.values
        self._hosts = split_items(settings.values.get("hosts", "")) or ["localhost"]
        self._idle = _seconds(settings.values, "idle_interval", IDLE_SECONDS)
        self._retry = _seconds(settings.values, "retry_interval", RETRY_SECONDS)
        self._failed: dict[str, tuple[float, str]] = {}
        self._local = threading.local()

    def ask(self, make_query: Callable[[Quote], str]) -> list[str]:
        """All columns of all rows. Raises ``TableTrouble``."""
        import psycopg

        connection = self._kept()
        if connection is not None:
            try:
                return self._ask(connection, make_query)
            except psycopg.Error:
                self._drop()  # the server may have been started again: a fresh connection tells
        connection = self._connect()
        try:
            return self._ask(connection, make_query)
        except psycopg.Error as error:
            self._drop()
            raise TableTrouble(f"{self._name}: {_line(error)}") from None

    def close(self) -> None:
        """Nothing: a connection is closed with the thread, or the database, it belongs to."""

    def _ask(self, connection: "psycopg.Connection[Any]", make_query: Callable[[Quote], str]) -> list[str]:
        from psycopg.pq import Escaping

        escaping, encoding = Escaping(connection.pgconn), connection.info.encoding

        def quote(text: str) -> str:
            return escaping.escape_string(text.encode(encoding)).decode(encoding)

        try:
            with connection.cursor() as cursor:
                cursor.execute(make_query(quote).encode(encoding))
                result = cursor.pgresult
                if result is None or not result.nfields:
                    raise TableTrouble(f"{self._name}: the query gives no rows")
                cells = [result.get_value(row, column) for row in range(result.ntuples) for column in range(result.nfields)]
            self._local.used = time.monotonic()
            return [(cell or b"").decode(encoding) for cell in cells]
        except UnicodeError as error:
            raise TableTrouble(f"{self._name}: {error}") from None

    def _kept(self) -> "psycopg.Connection[Any] | None":
        connection: psycopg.Connection[Any] | None = getattr(self._local, "connection", None)
        if connection is not None and (connection.closed or time.monotonic() - self._local.used > self._idle):
            self._drop()
            return None
        return connection

    def _drop(self) -> None:
        self._local.connection.close()
        self._local.connection = None

    def _connect(self) -> "psycopg.Connection[Any]":
        import psycopg

        hosts = random.sample(self._hosts, len(self._hosts))
        for host in sorted(hosts, key=lambda host: not _is_socket(host)):
            if self._failed.get(host, (float("-inf"), ""))[0] + self._retry > time.monotonic():
                continue
            try:
                connection = psycopg.connect(**parameters(host, self._values), autocommit=True)
            except (psycopg.Error, UnicodeError) as error:
                self._failed[host] = (time.monotonic(), self._without_secrets(host, _line(error)))
                continue
            self._failed.pop(host, None)
            self._local.connection, self._local.used = connection, time.monotonic()
            return connection
        raise TableTrouble(f"{self._name}: no server can be reached: {'; '.join(text for _, text in self._failed.values())}")


    def _without_secrets(self, host: str, text: str) -> str:
        secrets = (self._values.get("password"), urlsplit(host).password if host.startswith(_URI_SCHEMES) else None)
        for secret in secrets:
            text = text.replace(secret, "***") if secret else text
        return text


def connect(settings: SqlSettings, _root: Path, name: str) -> PgsqlDatabase:
    """The database that the settings of the file ``name`` tell of."""
    return PgsqlDatabase(settings, name)


PGSQL = SqlKind("pgsql", connect)


def parameters(host: str, values: Mapping[str, str]) -> dict[str, Any]:
    """What libpq is given for one item of ``hosts``. A URI says everything itself."""
    common: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS,
        "tcp_user_timeout": STATEMENT_SECONDS * 1000,
        "options": f"-c statement_timeout={STATEMENT_SECONDS * 1000}",
        "client_encoding": values.get("encoding") or "UTF8",
        "prepare_threshold": None,
    }
    if host.startswith(_URI_SCHEMES):
        return {"conninfo": host, **common}
    name, port = host.removeprefix("inet:"), ""
    if _is_socket(host):
        name = host.removeprefix("unix:")
    elif ":" in name:
        name, _, port = name.rpartition(":")
    named = {"host": name.strip("[]"), "port": port, **{ours: values.get(theirs, "") for ours, theirs in _NAMES}}
    return {**common, **{key: value for key, value in named.items() if value}}


_NAMES = (("dbname", "dbname"), ("user", "user"), ("password", "password"))


def _is_socket(host: str) -> bool:
    return host.startswith(("unix:", "/"))


def _seconds(values: Mapping[str, str], name: str, default: float) -> float:
    return float(values[name].removesuffix("s")) if name in values else default


def _line(error: Exception) -> str:
    return " ".join(str(error).split())
