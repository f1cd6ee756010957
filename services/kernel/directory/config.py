"""The ``directory`` section."""

from pathlib import Path

from pydantic import Field

from services.kernel.runtime.config import Section


class DirectorySettings(Section):
    """Domains, mailboxes and aliases in SQL."""

    url: str = "sqlite:////directory/directory.sqlite"
    """SQLAlchemy URL of the database: `sqlite:////path` or `postgresql+psycopg://user@host/name`, without a password."""
    password_file: Path | None = None
    """File that holds the password for a database server; a Docker secret."""
    wait_seconds: float = Field(default=5.0, gt=0)
    """How long a lookup waits for the database before it is trouble (SQLite's busy timeout; libpq `connect_timeout`)."""
    poll_seconds: float = Field(default=0.2, gt=0)
    """How often a database server is asked whether the directory has changed; SQLite is asked at each lookup."""
    cache_entries: int = Field(default=10_000, ge=0)
    """Lookups kept in memory, some 300 bytes each."""
    login_threads: int = Field(default=2, ge=1)
    """Passwords checked at the same time in one process: each takes 19 MiB and 20 ms of a core."""
    login_cache_seconds: float = Field(default=60.0, ge=0)
    """How long a successful login is remembered, so that a client with many connections costs one check; forgotten at any change."""
