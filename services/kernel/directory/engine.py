"""The SQLAlchemy engine for a configured directory: for readers of a server, and for ``admin``, which writes."""

from pathlib import Path

from sqlalchemy import Engine, create_engine, event
from sqlalchemy.engine import URL, make_url

from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.trouble import DirectoryTrouble

POOL_CONNECTIONS = 2
"""Lookups are answered in a millisecond and cached, so few run at once; a site has some ten processes."""


def connect(settings: DirectorySettings) -> Engine:
    """Make the engine; nothing is connected yet. Raises ``DirectoryTrouble`` when the password file cannot be read."""
    url = make_url(settings.url)
    if url.get_backend_name() == "sqlite":
        return _sqlite(url, settings.wait_seconds)
    if settings.password_file is not None:
        url = url.set(password=_read_password(settings.password_file))
    limit_milliseconds = int(settings.wait_seconds * 1000)
    return create_engine(
        url,
        pool_size=POOL_CONNECTIONS,
        pool_pre_ping=True,
        pool_timeout=settings.wait_seconds,
        connect_args={
            "connect_timeout": max(2, round(settings.wait_seconds)),  # libpq takes whole seconds, 2 at the least
            "options": f"-c statement_timeout={limit_milliseconds} -c lock_timeout={limit_milliseconds}",
        },
    )


def _sqlite(url: URL, wait_seconds: float) -> Engine:
    engine = create_engine(url, connect_args={"timeout": wait_seconds})

    @event.listens_for(engine, "connect")
    def prepare(connection: object, _record: object) -> None:
        # DELETE: readers see the volume read-only and could not share WAL's memory; FULL: the answer to `malle` is a promise
        cursor = connection.cursor()  # type: ignore[attr-defined]  # a sqlite3.Connection behind SQLAlchemy's back
        for pragma in ("journal_mode=DELETE", "synchronous=FULL", "foreign_keys=ON"):
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    return engine


def _read_password(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").strip("\r\n")
    except OSError as error:
        raise DirectoryTrouble(f"directory: {path}: {error.strerror}") from None
