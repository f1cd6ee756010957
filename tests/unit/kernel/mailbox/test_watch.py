"""Whoever waits for a change is woken, whichever process made it."""

import asyncio
import contextlib
import time

from services.kernel.mailbox.records import Origin
from services.kernel.mailbox.watch import Watcher
from tests.unit.kernel.mailbox.conftest import ADDRESS, Machine

DEADLINE_SECONDS = 5.0


def test_change_by_another_process_wakes_within_a_moment(machine: Machine) -> None:
    async def scenario() -> float:
        mine, other = machine.process(), machine.process().user(ADDRESS)
        watcher = Watcher()
        await watcher.start()
        woken = asyncio.Event()
        stop = watcher.subscribe(mine.user(ADDRESS).notify_path, woken.set)
        draft = mine.draft()
        draft.write(b"a: b\r\n\r\n")
        await asyncio.to_thread(other.folder("INBOX").append, draft, Origin())
        begun = time.monotonic()
        await asyncio.wait_for(woken.wait(), DEADLINE_SECONDS)
        waited = time.monotonic() - begun
        stop()
        stop()
        await watcher.close()
        return waited

    assert asyncio.run(scenario()) < 0.5


def test_only_those_who_watch_the_mailbox_are_woken(machine: Machine) -> None:
    async def scenario() -> list[str]:
        store = machine.process()
        watcher = Watcher()
        await watcher.start()
        heard: list[str] = []
        woken = asyncio.Event()
        watcher.subscribe(store.user("bob@example.test").notify_path, lambda: heard.append("bob"))
        stop = watcher.subscribe(store.user(ADDRESS).notify_path, lambda: heard.append("stopped"))
        watcher.subscribe(store.user(ADDRESS).notify_path, lambda: heard.append("alice"))
        watcher.subscribe(store.user(ADDRESS).notify_path, woken.set)
        stop()
        await asyncio.to_thread(store.user(ADDRESS).create, "Work")
        await asyncio.to_thread(store.user(ADDRESS).rename, "Work", "Play")
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(woken.wait(), DEADLINE_SECONDS)
        await watcher.close()
        return heard

    assert set(asyncio.run(scenario())) == {"alice"}
