"""``sqlite:``: a database file, read only (sqlite_table(5))."""

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable
from pathlib import Path
from urllib.parse import quote as quote_url

from services.kernel.tables.lookup import TableTrouble
from services.kernel.tables.sql import SqlKind
from services.kernel.tables.sqlsettings import SqlSettings
from services.kernel.tables.sqltemplate import Quote

BUSY_SECONDS = 5.0
"""A writer that holds the file longer is trouble; under ``sql.ANSWER_SECONDS``."""


class SqliteDatabase:
    """A connection for each thread, opened again when another file has taken the name."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._local = threading.local()

    def ask(self, make_query: Callable[[Quote], str]) -> list[str]:
        """The first column of each row. Raises ``TableTrouble``."""
        try:
            connection = self._connection()
            rows = connection.execute(_first_statement(make_query(quote))).fetchall()
            return [_text(connection, row[0]) for row in rows]
        except OSError as error:
            raise TableTrouble(f"{self._path}: {error.strerror}") from None
        except (sqlite3.Error, sqlite3.Warning, UnicodeDecodeError) as error:
            raise TableTrouble(f"{self._path}: {error}") from None

    def close(self) -> None:
        """Nothing: a connection is closed with the thread, or the database, it belongs to."""

    def _connection(self) -> sqlite3.Connection:
        status = os.stat(self._path)
        file = (status.st_dev, status.st_ino)
        connection: sqlite3.Connection | None = getattr(self._local, "connection", None)
        if connection is None or self._local.file != file:
            if connection is not None:
                with contextlib.suppress(sqlite3.Error):
                    connection.close()
            self._local.file = file
            connection = sqlite3.connect(f"file:{quote_url(str(self._path))}?mode=ro", uri=True, timeout=BUSY_SECONDS)
            connection.text_factory = bytes
            self._local.connection = connection
        return connection


def connect(settings: SqlSettings, root: Path, _name: str) -> SqliteDatabase:
    """The database at ``dbpath``, relative to the folder of tables."""
    return SqliteDatabase(root / settings.values["dbpath"])


SQLITE = SqlKind("sqlite", connect)


def quote(text: str) -> str:
    """For a string literal in single quotes (SQLite's ``%q``)."""
    return text.replace("'", "''")


def _first_statement(text: str) -> str:
    """Postfix ignores what comes after."""
    end = text.find(";")
    while end >= 0 and not sqlite3.complete_statement(text[: end + 1]):
        end = text.find(";", end + 1)
    return text if end < 0 else text[:end]


def _text(connection: sqlite3.Connection, value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):  # as SQLite writes it, which is not as Python does
        value = connection.execute("SELECT CAST(? AS TEXT)", (value,)).fetchone()[0]
    return value.decode() if isinstance(value, bytes) else str(value)
