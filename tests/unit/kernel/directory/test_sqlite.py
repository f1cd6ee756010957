"""The directory on SQLite, read-only, beside a writer."""

import asyncio
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from services.admin.directory import DirectoryWriter
from services.kernel.directory import Directory, DirectorySettings, DirectoryTrouble
from tests.contracts.directory import ALICE, DirectoryContract


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "a directory.sqlite"


@pytest.fixture
def settings(path: Path) -> DirectorySettings:
    return DirectorySettings.model_validate({"url": f"sqlite:///{path}", "wait_seconds": 5})


class TestOnSqlite(DirectoryContract):
    """The whole contract."""


def test_missing_database_is_trouble_and_never_an_unknown_user(settings: DirectorySettings) -> None:
    with pytest.raises(DirectoryTrouble, match="No such file"):
        asyncio.run(Directory(settings).account(ALICE))


def test_file_that_is_no_database_is_trouble(settings: DirectorySettings, path: Path) -> None:
    path.write_bytes(b"not a database, but long enough to look at" * 100)
    with pytest.raises(DirectoryTrouble, match="not a database"):
        asyncio.run(Directory(settings).account(ALICE))


def test_reader_waits_for_a_commit_that_is_under_way(settings: DirectorySettings, path: Path) -> None:
    DirectoryWriter(settings).prepare()
    DirectoryWriter(settings).add_account(ALICE, "")

    async def session() -> bool:
        reader = Directory(settings)
        assert await reader.version()
        writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("DELETE FROM accounts")
        looking = asyncio.create_task(reader.account(ALICE))
        done, _ = await asyncio.wait([looking], timeout=0.05)
        assert not done
        writer.execute("COMMIT")
        writer.close()
        return await looking is None

    assert asyncio.run(session())


def test_answer_from_the_cache_stands_until_the_commit_is_done(settings: DirectorySettings, path: Path) -> None:
    DirectoryWriter(settings).prepare()
    DirectoryWriter(settings).add_account(ALICE, "")

    async def session() -> list[bool]:
        reader = Directory(settings)
        seen = [await reader.account(ALICE) is not None]
        writer = sqlite3.connect(path, isolation_level=None)
        writer.execute("BEGIN EXCLUSIVE")
        writer.execute("DELETE FROM accounts")
        seen.append(await reader.account(ALICE) is not None)
        writer.execute("COMMIT")
        writer.close()
        seen.append(await reader.account(ALICE) is not None)
        return seen

    assert asyncio.run(session()) == [True, True, False]


def test_commit_that_never_ends_is_trouble(settings: DirectorySettings, path: Path) -> None:
    DirectoryWriter(settings).prepare()
    writer = sqlite3.connect(path, isolation_level=None)
    writer.execute("BEGIN EXCLUSIVE")
    impatient = settings.model_copy(update={"wait_seconds": 0.05})
    with pytest.raises(DirectoryTrouble, match="locked"):
        asyncio.run(Directory(impatient).account(ALICE))
    writer.close()


def test_restored_backup_is_seen(settings: DirectorySettings, path: Path, tmp_path: Path) -> None:
    DirectoryWriter(settings).prepare()
    empty = path.read_bytes()
    DirectoryWriter(settings).add_account(ALICE, "")

    async def session() -> tuple[bool, bool]:
        reader = Directory(settings)
        before = await reader.account(ALICE) is not None
        (tmp_path / "backup").write_bytes(empty)
        (tmp_path / "backup").replace(path)
        return before, await reader.account(ALICE) is not None

    assert asyncio.run(session()) == (True, False)


def test_directory_that_was_removed_and_made_anew_is_seen(tmp_path: Path) -> None:
    settings = DirectorySettings.model_validate({"url": f"sqlite:///{tmp_path}/data/directory.sqlite"})
    (tmp_path / "data").mkdir()
    DirectoryWriter(settings).prepare()
    DirectoryWriter(settings).add_account(ALICE, "")

    async def session() -> tuple[bool, bool]:
        reader = Directory(settings)
        before = await reader.account(ALICE) is not None
        shutil.rmtree(tmp_path / "data")
        (tmp_path / "data").mkdir()
        DirectoryWriter(settings).prepare()
        return before, await reader.account(ALICE) is not None

    assert asyncio.run(session()) == (True, False)


def test_reader_writes_nothing_beside_the_database(settings: DirectorySettings, path: Path) -> None:
    DirectoryWriter(settings).prepare()
    path.parent.chmod(0o555)
    try:
        assert asyncio.run(Directory(settings).account(ALICE)) is None
        assert list(path.parent.iterdir()) == [path]
    finally:
        path.parent.chmod(0o755)


def test_group_may_read_and_others_may_not(settings: DirectorySettings, path: Path) -> None:
    DirectoryWriter(settings).prepare()
    assert path.stat().st_mode & 0o777 == 0o640


def test_reader_on_sqlite_does_without_sqlalchemy(settings: DirectorySettings) -> None:
    DirectoryWriter(settings).prepare()
    program = f"""
import asyncio, sys
from services.kernel.directory import Directory, DirectorySettings
asyncio.run(Directory(DirectorySettings(url={settings.url!r})).account("a@example.test"))
assert "sqlalchemy" not in sys.modules and "argon2" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", program], check=True, cwd=Path(__file__).parents[4])


def test_directory_of_before_scram_has_no_keys_until_the_first_are_kept(settings: DirectorySettings, path: Path) -> None:
    writer = DirectoryWriter(settings)
    writer.prepare()
    writer.add_account(ALICE, "hash")
    old = sqlite3.connect(path)
    old.execute("DROP TABLE scram")
    old.commit()
    old.close()
    with pytest.raises(DirectoryTrouble, match="scram"):
        asyncio.run(Directory(settings).has_scram_for_all())
    assert [account.scram for account in writer.accounts()] == [""]
    writer.set_scram(ALICE, "keys")
    assert asyncio.run(Directory(settings).has_scram_for_all())
