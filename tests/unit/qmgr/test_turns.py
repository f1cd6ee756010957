"""ETRN by strangers: each domain gets its turn, and the queue is not searched all the time."""

import asyncio
import time

import pytest

from services.qmgr import turns
from services.qmgr.turns import Turns


def test_domains_are_searched_for_one_at_a_time_and_not_again_soon() -> None:
    async def scene() -> None:
        found: list[str] = []
        is_done = asyncio.Event()

        async def flush(domain: str) -> None:
            found.append(f"begin {domain}")
            await asyncio.sleep(0)
            found.append(f"end {domain}")
            if domain == "c.test":
                is_done.set()

        asked = Turns(flush)
        for domain in ("a.test", "b.test", "a.test", "c.test"):
            asked.ask(domain)
        await asyncio.wait_for(is_done.wait(), 10)
        asked.ask("a.test")
        asked.stop()
        assert found == [f"{when} {domain}" for domain in ("a.test", "b.test", "c.test") for when in ("begin", "end")]

    asyncio.run(scene())


def test_search_is_followed_by_a_longer_rest() -> None:
    async def scene() -> None:
        begun: list[float] = []
        ended: list[float] = []
        is_done = asyncio.Event()

        async def flush(_: str) -> None:
            begun.append(time.monotonic())
            if len(begun) == 2:
                is_done.set()
            await asyncio.sleep(0.02)
            ended.append(time.monotonic())

        asked = Turns(flush)
        asked.ask("a.test")
        asked.ask("b.test")
        await asyncio.wait_for(is_done.wait(), 10)
        asked.stop()
        assert begun[1] - ended[0] >= 8 * (ended[0] - begun[0])

    asyncio.run(scene())


def test_flood_of_names_does_not_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(turns, "DOMAINS", 3)

    async def scene() -> None:
        found: list[str] = []
        is_done = asyncio.Event()

        async def flush(domain: str) -> None:
            found.append(domain)
            if len(found) == 3:
                is_done.set()

        asked = Turns(flush)
        for number in range(10):
            asked.ask(f"d{number}.test")
        await asyncio.wait_for(is_done.wait(), 10)
        asked.stop()
        assert found == ["d0.test", "d1.test", "d2.test"]

    asyncio.run(scene())
