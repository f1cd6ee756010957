"""Kept connections: who gets them, how long, and how many there may be."""

import asyncio
from dataclasses import dataclass, field, replace
from typing import cast

import pytest

from services.kernel.smtp.client import Manner
from services.kernel.smtp.connection import Connection, Endpoint
from services.kernel.wire.delivery import NextHop, Protocol
from services.relay.pool import Line, Pool, PoolLimits

SMTP = Line(Endpoint("mx.test", "192.0.2.1", 25), Manner("me.test"))
LMTP = Line(Endpoint("mda", "172.18.0.5", 24), Manner("me.test", is_lmtp=True))
NEXTHOP = NextHop(Protocol.SMTP, "d.test")


@dataclass
class FakeConnection:
    """What the pool sees of a connection."""

    is_open: bool = True
    deliveries: int = 0
    tls: None = None
    rested: int = 0
    closed: asyncio.Event = field(default_factory=asyncio.Event)

    def rest(self) -> None:
        self.rested += 1

    def close(self) -> None:
        self.is_open = False
        self.closed.set()


@dataclass
class World:
    """A pool with a clock that is set by hand."""

    limits: PoolLimits = field(default_factory=PoolLimits)
    now: float = 0.0
    made: list[FakeConnection] = field(default_factory=list)
    refuses: bool = False

    def __post_init__(self) -> None:
        self.pool = Pool(self.limits, self._open, lambda: self.now)

    async def _open(self, line: Line) -> Connection:
        if self.refuses:
            raise ConnectionRefusedError
        self.made.append(FakeConnection())
        return cast(Connection, self.made[-1])


def test_kept_connection_is_used_again() -> None:
    async def scene() -> None:
        world = World()
        session = await world.pool.open(SMTP)
        world.pool.give_back(session, NEXTHOP)
        assert world.pool.take(SMTP) is session
        assert world.pool.take(SMTP) is None

    asyncio.run(scene())


def test_next_hop_finds_the_line_that_it_used_last() -> None:
    async def scene() -> None:
        world = World()
        session = await world.pool.open(SMTP)
        assert world.pool.take_for(NEXTHOP) is None
        world.pool.give_back(session, NEXTHOP)
        assert world.pool.take_for(NEXTHOP) is session
        assert world.pool.take_for(NEXTHOP) is None

    asyncio.run(scene())


def test_line_that_was_decided_before_the_lines_were_forgotten_is_not_remembered() -> None:
    async def scene() -> None:
        world = World()
        session = await world.pool.open(replace(SMTP, version=world.pool.version))
        world.pool.forget_lines()  # a password or policy has changed while a message was under way
        world.pool.give_back(session, NEXTHOP)
        assert world.pool.take_for(NEXTHOP) is None
        assert world.pool.take(replace(SMTP, version=world.pool.version)) is session  # the same was decided anew
        world.pool.give_back(session, NEXTHOP)
        assert world.pool.take_for(NEXTHOP) is session

    asyncio.run(scene())


def test_other_line_gets_nothing() -> None:
    async def scene() -> None:
        world = World()
        world.pool.give_back(await world.pool.open(SMTP))
        assert world.pool.take(Line(SMTP.endpoint, Manner("other.test"))) is None
        assert world.pool.take(LMTP) is None

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("line", "seconds", "is_kept"),
    [(SMTP, 2.0, True), (SMTP, 2.1, False), (LMTP, 30.0, True), (LMTP, 30.1, False)],
)
def test_connection_rests_for_its_time(line: Line, seconds: float, is_kept: bool) -> None:
    async def scene() -> None:
        world = World()
        world.pool.give_back(await world.pool.open(line))
        world.now += seconds
        assert (world.pool.take(line) is not None) == is_kept
        assert world.made[0].is_open == is_kept

    asyncio.run(scene())


def test_connection_that_the_server_closed_is_not_given_out() -> None:
    async def scene() -> None:
        world = World()
        world.pool.give_back(await world.pool.open(SMTP))
        world.made[0].is_open = False
        assert world.pool.take(SMTP) is None

    asyncio.run(scene())


@pytest.mark.parametrize(("age", "deliveries", "is_kept"), [(300.0, 9, True), (300.1, 0, False), (0.0, 10, False)])
def test_worn_connection_is_closed(age: float, deliveries: int, is_kept: bool) -> None:
    async def scene() -> None:
        world = World(PoolLimits(deliveries=10))
        session = await world.pool.open(SMTP)
        world.now += age
        world.made[0].deliveries = deliveries
        world.pool.give_back(session)
        assert world.made[0].is_open == is_kept

    asyncio.run(scene())


def test_resting_connection_makes_place_for_a_new_one() -> None:
    async def scene() -> None:
        world = World(PoolLimits(connections=2))
        for line in (SMTP, LMTP):
            world.pool.give_back(await world.pool.open(line))
            world.now += 1
        await world.pool.open(Line(SMTP.endpoint, Manner("other.test")))
        assert [connection.is_open for connection in world.made] == [False, True, True]

    asyncio.run(scene())


def test_new_connection_waits_while_all_places_are_taken() -> None:
    async def scene() -> None:
        world = World(PoolLimits(connections=1))
        first = await world.pool.open(SMTP)
        waiting = asyncio.create_task(world.pool.open(SMTP))
        await asyncio.wait([waiting], timeout=0.001)
        assert not waiting.done()
        world.pool.drop(first)
        await waiting

    asyncio.run(scene())


def test_place_of_a_connection_that_could_not_be_opened_is_free_again() -> None:
    async def scene() -> None:
        world = World(PoolLimits(connections=1), refuses=True)
        for _ in range(3):
            with pytest.raises(ConnectionRefusedError):
                await world.pool.open(SMTP)

    asyncio.run(scene())


def test_closed_pool_keeps_nothing() -> None:
    async def scene() -> None:
        world = World()
        resting, in_use = await world.pool.open(SMTP), await world.pool.open(SMTP)
        world.pool.give_back(resting)
        world.pool.close()
        world.pool.give_back(in_use)
        assert [connection.is_open for connection in world.made] == [False, False]

    asyncio.run(scene())


def test_forgotten_connection_is_swept_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.relay.pool.SWEEP_SECONDS", 0.001)

    async def scene() -> None:
        world = World()
        world.pool.give_back(await world.pool.open(SMTP))
        world.now += 3
        async with asyncio.timeout(5):
            await world.made[0].closed.wait()

    asyncio.run(scene())
