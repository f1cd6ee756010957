"""Bounds on probes."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from services.verify.throttle import TRIAL_SECONDS, Limits, Throttle, TooMany

HOP, OTHER = "smtp:a.test", "smtp:b.test"


def limits(probes: int = 100, destination_probes: int = 100, waiting: int = 100, per_second: float = 1e6) -> Limits:
    return Limits(probes, destination_probes, waiting, per_second, site_down=30.0)


class Crowd:
    """Probes that hold their places until they are let go. A turn of the loop is enough to begin."""

    def __init__(self, throttle: Throttle) -> None:
        self._throttle = throttle
        self._gate = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self.begun: list[str] = []

    async def send(self, nexthop: str, count: int) -> None:
        self._tasks += [asyncio.create_task(self._probe(nexthop)) for _ in range(count)]
        for _ in range(5):
            await asyncio.sleep(0)

    async def _probe(self, nexthop: str) -> None:
        async with self._throttle.place(nexthop):
            self.begun.append(nexthop)
            await self._gate.wait()

    async def let_go(self) -> list[BaseException | None]:
        self._gate.set()
        return await asyncio.wait_for(asyncio.gather(*self._tasks, return_exceptions=True), 10)


def test_one_next_hop_does_not_take_the_places_of_others() -> None:
    async def scene() -> None:
        throttle = Throttle(limits(probes=4, destination_probes=3), lambda: 0.0)
        crowd = Crowd(throttle)
        await crowd.send(HOP, 10)
        assert (crowd.begun, throttle.under_way, throttle.waiting) == ([HOP] * 3, 3, 7)
        await crowd.send(OTHER, 5)
        assert crowd.begun == [HOP] * 3 + [OTHER]
        assert await crowd.let_go() == [None] * 15
        assert (throttle.under_way, throttle.waiting) == (0, 0)

    asyncio.run(scene())


def test_who_finds_too_many_waiting_is_sent_away() -> None:
    async def scene() -> None:
        crowd = Crowd(Throttle(limits(probes=1, waiting=2), lambda: 0.0))
        await crowd.send(HOP, 5)
        ended = await crowd.let_go()
        assert [type(fault) for fault in ended if fault] == [TooMany, TooMany]
        assert len(crowd.begun) == 3

    asyncio.run(scene())


def test_who_goes_away_while_he_waits_leaves_his_place() -> None:
    async def scene() -> None:
        throttle = Throttle(limits(probes=1), lambda: 0.0)
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(throttle.place(HOP))
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.01), throttle.place(HOP):
                    raise AssertionError("there is one place")
        assert (throttle.under_way, throttle.waiting) == (0, 0)
        async with throttle.place(HOP):
            assert throttle.under_way == 1

    asyncio.run(scene())


def test_no_more_than_so_many_begin_in_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    waits: list[float] = []

    async def wait(seconds: float) -> None:
        waits.append(seconds)

    async def scene() -> None:
        throttle = Throttle(limits(per_second=2.0), lambda: 100.0)
        monkeypatch.setattr("services.verify.throttle.asyncio.sleep", wait)
        for _ in range(5):
            async with throttle.place(HOP):
                pass

    asyncio.run(scene())
    assert waits == [0.5, 1.0]


def test_next_hop_that_is_down_is_so_for_a_while_and_then_one_may_try() -> None:
    now = 0.0
    throttle = Throttle(limits(), lambda: now)
    throttle.mark_down(HOP, "refused")
    assert (throttle.why_down(HOP), throttle.why_down(OTHER)) == ("refused", "")
    now = 29.0
    assert throttle.why_down(HOP) == "refused"
    now = 30.0
    assert [throttle.why_down(HOP) for _ in range(3)] == ["", "refused", "refused"]
    throttle.mark_up(HOP)
    assert [throttle.why_down(HOP) for _ in range(2)] == ["", ""]
    throttle.mark_down(HOP, "refused")
    now = 60.0
    assert throttle.why_down(HOP) == ""
    now = 60.0 + TRIAL_SECONDS
    assert throttle.why_down(HOP) == "", "the one that tried never came back"
