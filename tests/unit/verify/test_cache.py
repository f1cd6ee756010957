"""The cache on disk: what it keeps, what it lets go, and what damage costs."""

import asyncio
import errno
import sqlite3
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.kernel.mail.reply import Reply
from services.kernel.wire.verdict import Source, State
from services.verify.cache import FILE, Cache
from services.verify.record import Record


def record(address: str, state: State = State.DELIVERABLE, updated: float = 0.0) -> Record:
    return Record(address, state, Source.PROBE, Reply(250, "2.1.5", "ok"), updated, updated, "smtp:[mx]:25", "mx[192.0.2.1]:25")


def play(directory: Path, scene: Callable[[Cache], Awaitable[None]], entries: int = 100) -> list[str]:
    """Run a scene on an open cache; return the troubles that were told."""
    troubles: list[str] = []

    async def whole() -> None:
        cache = Cache(directory, entries, troubles.append)
        await cache.open()
        try:
            await scene(cache)
        finally:
            await cache.close()

    asyncio.run(asyncio.wait_for(whole(), 30))
    return troubles


def test_what_was_put_is_there_after_a_restart(tmp_path: Path) -> None:
    async def put(cache: Cache) -> None:
        await cache.put([record("a@b.test")])
        await cache.put([record("a@b.test", updated=5.0), record("c@b.test")])
        assert cache.size == 2

    async def get(cache: Cache) -> None:
        assert cache.size == 2
        assert await cache.get("a@b.test") == record("a@b.test", updated=5.0)
        assert await cache.get("nobody@b.test") is None

    assert play(tmp_path, put) == play(tmp_path, get) == []


def test_full_cache_lets_unknown_go_first_then_bad_and_then_the_oldest_good(tmp_path: Path) -> None:
    async def scene(cache: Cache) -> None:
        for number in range(10):
            state = (State.DELIVERABLE, State.UNDELIVERABLE, State.UNKNOWN)[number % 3]
            await cache.put([record(f"u{number}@b.test", state, number)])
        await cache.put([record("new@b.test", updated=99.0)])
        left = {entry.address: entry.state for entry in await cache.page("", "", "", 100)}
        assert len(left) == cache.size == 10
        assert "u2@b.test" not in left
        for number in range(20):
            await cache.put([record(f"more{number}@b.test", updated=100.0 + number)])
        states = [entry.state for entry in await cache.page("", "", "", 100)]
        assert states == [State.DELIVERABLE] * 10
        assert await cache.get("u0@b.test") is None

    play(tmp_path, scene, entries=10)


def test_page_selects_by_state_and_domain_in_the_order_of_addresses(tmp_path: Path) -> None:
    async def scene(cache: Cache) -> None:
        await cache.put([record("b@x.test"), record("a@x.test", State.UNDELIVERABLE), record("c@y.test")])
        assert [entry.address for entry in await cache.page("", "", "", 2)] == ["a@x.test", "b@x.test"]
        assert [entry.address for entry in await cache.page("", "", "b@x.test", 2)] == ["c@y.test"]
        assert [entry.address for entry in await cache.page("deliverable", "x.test", "", 9)] == ["b@x.test"]

    play(tmp_path, scene)


def test_address_domain_or_everything_is_removed(tmp_path: Path) -> None:
    async def scene(cache: Cache) -> None:
        await cache.put([record(address) for address in ("a@x.test", "b@x.test", "c@x.test", "d@y.test", "e@y.test")])
        assert await cache.remove("a@x.test") == 1
        assert await cache.remove("x.test") == 2
        assert await cache.remove("nobody@x.test") == 0
        assert await cache.remove("*") == 2
        assert cache.size == 0

    play(tmp_path, scene)


def test_what_is_too_old_is_forgotten(tmp_path: Path) -> None:
    async def scene(cache: Cache) -> None:
        await cache.put([record("old@x.test", updated=10.0), record("new@x.test", updated=20.0), record("bad@x.test", State.UNDELIVERABLE, 10.0)])
        await cache.forget([(State.DELIVERABLE, 15.0)])
        assert [entry.address for entry in await cache.page("", "", "", 9)] == ["bad@x.test", "new@x.test"]

    play(tmp_path, scene)


def test_damaged_file_is_put_aside_and_begun_anew(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 1000)

    async def scene(cache: Cache) -> None:
        await cache.put([record("a@b.test")])
        assert await cache.get("a@b.test") is not None

    (told,) = play(tmp_path, scene)
    assert "begun anew" in told
    (aside,) = tmp_path.glob(f"{FILE}.corrupt-*")
    assert aside.read_bytes().startswith(b"this is no database")


def test_damaged_file_that_the_disk_does_not_let_go_costs_answers_and_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / FILE).write_bytes(b"this is no database" * 1000)

    def refuse(*_: object) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    async def scene(cache: Cache) -> None:
        await cache.put([record("a@b.test")])
        assert await cache.get("a@b.test") is None

    monkeypatch.setattr(Path, "replace", refuse)
    assert "cannot be put aside: Read-only" in play(tmp_path, scene)[0]


def test_damage_that_shows_only_in_use_is_put_aside_too(tmp_path: Path) -> None:
    async def fill(cache: Cache) -> None:
        await cache.put([record(f"u{number}@b.test") for number in range(100)])

    async def scene(cache: Cache) -> None:
        await cache.put([record("a@b.test")])
        assert await cache.get("a@b.test") is not None
        assert await cache.get("u1@b.test") is None

    play(tmp_path, fill)
    data = (tmp_path / FILE).read_bytes()
    (tmp_path / FILE).write_bytes(data[:4096] + b"\xff" * (len(data) - 4096))
    (told,) = play(tmp_path, scene)
    assert "begun anew" in told


def test_file_of_another_version_is_put_aside(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / FILE) as database:
        database.execute("CREATE TABLE addresses (x)")
        database.execute("PRAGMA user_version=99")
    database.close()

    async def scene(cache: Cache) -> None:
        await cache.put([record("a@b.test")])
        assert cache.size == 1

    (told,) = play(tmp_path, scene)
    assert "another version" in told


def test_disk_that_fails_costs_memory_and_is_told_once(tmp_path: Path) -> None:
    async def scene(cache: Cache) -> None:
        await cache.put([record("a@b.test")])
        assert await cache.get("a@b.test") is None
        assert await cache.page("", "", "", 9) == []
        assert await cache.remove("*") == 0

    (told,) = play(tmp_path / "missing", scene)
    assert "unable to open" in told
