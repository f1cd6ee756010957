"""Who is told of news by whom while many sessions are in IDLE."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterator
from pathlib import Path

import pytest

from services.imapd.idlers import Idlers
from services.imapd.selected import Look
from services.kernel.mailbox import acl
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.records import Changes, Status
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import NoSuchFolder
from services.kernel.mailbox.user import UserMail
from services.kernel.mailbox.watch import Watcher
from tests.unit.imapd.site import ALICE, WAIT_SECONDS

Done = tuple[str, str]
FOUND = Look(acl.ALL, Changes(Status(1, 2, 2, 1, 1, 10, 1), [], []), None, 1)


async def nothing() -> None:
    pass


class Sleeper:
    """Stands for a session; says what was done to it."""

    def __init__(self, log: asyncio.Queue[Done], name: str, moment: Hashable = "same") -> None:
        self.log = log
        self.name = name
        self.moment = moment
        self.meanwhile: Callable[[], Awaitable[None]] = nothing

    def ring(self) -> None:
        self.log.put_nowait((self.name, "rung"))

    async def glance(self) -> tuple[Look, bool]:
        self.log.put_nowait((self.name, "looked"))
        await self.meanwhile()
        return FOUND, True

    def tell(self, _found: Look, *, is_first: bool) -> None:
        self.log.put_nowait((self.name, "told first" if is_first else "told"))


class Mailbox:
    """A mailbox, and sessions that wait for its news."""

    def __init__(self, owner: UserMail, idlers: Idlers) -> None:
        self.owner = owner
        self.idlers = idlers
        self.log: asyncio.Queue[Done] = asyncio.Queue()

    def enter(self, name: str, moment: Hashable = "same") -> Sleeper:
        sleeper = Sleeper(self.log, name, moment)
        self.idlers.enter(self.owner, sleeper)
        return sleeper

    def change(self) -> None:
        self.owner.home.notify()

    async def done(self, count: int) -> list[Done]:
        """What was done, once it is so much."""
        async with asyncio.timeout(WAIT_SECONDS):
            return [await self.log.get() for _ in range(count)]


@pytest.fixture
def owner(tmp_path: Path) -> Iterator[UserMail]:
    with contextlib.closing(MailStore(MailboxSettings(root=tmp_path))) as store:
        yield store.user(ALICE)


@contextlib.asynccontextmanager
async def watched(owner: UserMail) -> AsyncIterator[Mailbox]:
    watcher = Watcher()
    await watcher.start()
    idlers = Idlers(watcher)
    yield Mailbox(owner, idlers)
    await idlers.close()
    await watcher.close()


def test_who_knows_the_same_is_told_by_one_look_and_sleeps_on(owner: UserMail) -> None:
    async def run() -> None:
        async with watched(owner) as mailbox:
            for number in range(60):
                mailbox.enter(f"{number}")
            mailbox.change()
            assert await mailbox.done(61) == [("0", "looked"), ("0", "told first"), *((f"{number}", "told") for number in range(1, 60))]

    asyncio.run(run())


def test_who_knows_something_else_has_a_look_of_its_own(owner: UserMail) -> None:
    async def run() -> None:
        async with watched(owner) as mailbox:
            mailbox.enter("one")
            mailbox.enter("two", moment="another")
            mailbox.change()
            assert set(await mailbox.done(4)) == {(name, what) for name in ("one", "two") for what in ("looked", "told first")}

    asyncio.run(run())


def test_who_cannot_be_told_is_woken(owner: UserMail) -> None:
    async def run() -> None:
        async with watched(owner) as mailbox:
            mailbox.enter("one", moment=None)
            mailbox.enter("two")
            mailbox.change()
            assert await mailbox.done(3) == [("one", "rung"), ("two", "looked"), ("two", "told first")]

    asyncio.run(run())


def test_who_moves_on_during_the_look_is_woken_and_the_next_is_the_first(owner: UserMail) -> None:
    async def run() -> None:
        async with watched(owner) as mailbox:
            one = mailbox.enter("one")
            mailbox.enter("two")

            async def move_on() -> None:
                one.moment = "later"

            one.meanwhile = move_on
            mailbox.change()
            assert await mailbox.done(3) == [("one", "looked"), ("one", "rung"), ("two", "told first")]

    asyncio.run(run())


def test_a_look_that_fails_wakes_all_so_that_each_says_so(owner: UserMail) -> None:
    async def run() -> None:
        async with watched(owner) as mailbox:
            one = mailbox.enter("one")
            mailbox.enter("two")

            async def fail() -> None:
                raise NoSuchFolder("deleted")

            one.meanwhile = fail
            mailbox.change()
            assert await mailbox.done(3) == [("one", "looked"), ("one", "rung"), ("two", "rung")]

    asyncio.run(run())


def test_what_happens_during_a_look_is_looked_for_again(owner: UserMail) -> None:
    async def run() -> None:
        async with watched(owner) as mailbox:
            one = mailbox.enter("one")
            mailbox.enter("two", moment=None)

            async def change() -> None:
                one.meanwhile = nothing
                mailbox.change()

            one.meanwhile = change
            mailbox.change()
            assert await mailbox.done(6) == [("two", "rung"), ("one", "looked"), ("one", "told first")] * 2

    asyncio.run(run())
