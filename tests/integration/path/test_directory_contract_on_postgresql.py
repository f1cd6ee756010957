"""The reader and the writer of the directory on PostgreSQL, by the same contract as on SQLite."""

import os
import secrets
import time
from collections.abc import Iterator
from pathlib import Path

import docker
import pytest
from sqlalchemy import text

from services.admin.directory import DirectoryWriter
from services.kernel.directory import DirectorySettings, DirectoryTrouble
from services.kernel.directory.engine import connect
from tests.contracts.directory import DirectoryContract

START_SECONDS = 60.0
PASSWORD = secrets.token_hex(8)


@pytest.fixture(scope="module")
def server(lab_name: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DirectorySettings]:
    """A database server of its own, empty."""
    password_file: Path = tmp_path_factory.mktemp("postgres") / "password"
    password_file.write_text(f"{PASSWORD}\n")
    client = docker.from_env()
    container = client.containers.run(
        f"malleposte/postgres:{os.environ.get('MALLEPOSTE_VERSION', 'dev')}",
        name=f"{lab_name}-contract-postgres",
        environment={"POSTGRES_PASSWORD": PASSWORD},
        ports={"5432/tcp": ("127.0.0.1", 0)},
        detach=True,
    )
    try:
        container.reload()
        bindings = container.ports["5432/tcp"]
        assert bindings
        port = bindings[0]["HostPort"]
        url = f"postgresql+psycopg://malleposte@127.0.0.1:{port}/malleposte"
        settings = DirectorySettings.model_validate({"url": url, "password_file": password_file})
        _wait_for(settings)
        yield settings
    finally:
        container.remove(force=True, v=True)
        client.close()


def _wait_for(settings: DirectorySettings) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        writer = DirectoryWriter(settings)
        try:
            writer.prepare()
            return
        except DirectoryTrouble:
            if time.monotonic() > deadline:
                raise
        finally:
            writer.close()


@pytest.fixture
def settings(server: DirectorySettings) -> DirectorySettings:
    """The server with every table gone."""
    engine = connect(server)
    with engine.begin() as connection:
        for table in ("meta", "domains", "accounts", "aliases"):
            connection.execute(text(f"DROP TABLE IF EXISTS {table}"))
    engine.dispose()
    return server


class TestOnPostgresql(DirectoryContract):
    """The whole contract."""
