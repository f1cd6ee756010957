"""Work that several ask for at once."""

import asyncio

import pytest

from services.kernel.mailbox.store import MailStore
from tests.unit.kernel.mailbox.conftest import ADDRESS


def test_work_is_done_once_for_all_who_ask_before_it_begins_and_again_for_who_asks_later(store: MailStore) -> None:
    done: list[int] = []

    def work() -> int:
        done.append(len(done))
        return len(done)

    async def ask() -> None:
        assert await asyncio.gather(*(store.share(ADDRESS, "key", work) for _ in range(3))) == [(1, True), (1, False), (1, False)]
        assert await store.share(ADDRESS, "key", work) == (2, True)

    asyncio.run(ask())


def test_who_goes_away_takes_nothing_from_the_others(store: MailStore) -> None:
    async def ask() -> None:
        first = asyncio.ensure_future(store.share(ADDRESS, "key", lambda: 1))
        second = asyncio.ensure_future(store.share(ADDRESS, "key", lambda: 2))
        await asyncio.sleep(0)
        first.cancel()
        assert await second == (1, False)

    asyncio.run(ask())


def test_trouble_is_told_to_all(store: MailStore) -> None:
    def work() -> int:
        raise ValueError

    async def ask() -> None:
        assert [type(found) for found in await asyncio.gather(*(store.share(ADDRESS, "key", work) for _ in range(2)), return_exceptions=True)] == [
            ValueError,
            ValueError,
        ]

    asyncio.run(ask())


def test_who_asks_a_closed_store_is_told(store: MailStore) -> None:
    store.close()

    async def ask() -> None:
        with pytest.raises(RuntimeError):
            await asyncio.wait_for(store.share(ADDRESS, "key", lambda: 1), 10)

    asyncio.run(ask())
