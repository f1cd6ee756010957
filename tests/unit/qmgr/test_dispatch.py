"""The hop to relay, over a real connection."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.kernel.mail.outcome import Outcome
from services.kernel.spool.format import HEAD_BYTES, parse, parse_layout, prefix
from services.kernel.wire import channel
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse, NextHop, Protocol
from services.qmgr.backoff import Backoff
from services.qmgr.config import QmgrSettings
from services.qmgr.dispatch import Dispatcher
from services.qmgr.message import Message
from services.qmgr.schedule import Job, Schedule
from tests.unit.kernel.spool.messages import envelope, name, recipients
from tests.unit.qmgr.rig import DEADLINE_SECONDS, DELIVERED

Handler = Callable[[DeliveryRequest], Awaitable[DeliveryResponse]]
NEXTHOP = NextHop(Protocol.SMTP, "world.test")


class Landing:
    """Collects what the dispatcher hands back."""

    def __init__(self) -> None:
        self.outcomes: list[list[Outcome] | None] = []
        self.troubles: list[str] = []
        self.changed = asyncio.Event()

    def landed(self, job: Job, outcomes: list[Outcome] | None, seconds: float) -> None:
        self.outcomes.append(outcomes)
        self.changed.set()

    def trouble(self, stage: str, words: str) -> None:
        self.troubles.append(words)
        self.changed.set()

    async def wait(self) -> None:
        await asyncio.wait_for(self.changed.wait(), DEADLINE_SECONDS)
        self.changed.clear()


def make(path: Path, landing: Landing, **settings: float) -> Dispatcher:
    chosen = QmgrSettings.model_validate({"relay": f"unix:{path}", "relay_connections": 1, **settings})
    schedule = Schedule(Backoff(chosen).site_rules)
    block = prefix(envelope(), recipients()).encode(0)
    message = Message(name(1), parse(parse_layout(block[:HEAD_BYTES]), block, len(block)), has_history=False)
    schedule.add(Job(message, NEXTHOP, [0]), 0.0)
    return Dispatcher(chosen, schedule, landing.landed, landing.trouble)


def relay(tmp_path: Path, handler: Handler, then: Callable[[Dispatcher, Landing], Awaitable[None]], **settings: float) -> Landing:
    async def main() -> Landing:
        landing = Landing()
        server = await channel.listen(f"unix:{tmp_path}/relay", DeliveryRequest, handler, lambda _: None)
        dispatcher = make(tmp_path / "relay", landing, **settings)
        task = asyncio.create_task(dispatcher.run())
        await landing.wait()
        await then(dispatcher, landing)
        task.cancel()
        server.close()
        return landing

    return asyncio.run(main())


async def nothing(_dispatcher: Dispatcher, _landing: Landing) -> None:
    return


def test_job_is_sent_as_a_request_and_its_outcomes_come_back(tmp_path: Path) -> None:
    requests = []

    async def handler(request: DeliveryRequest) -> DeliveryResponse:
        requests.append(request)
        return DeliveryResponse([DELIVERED])

    assert relay(tmp_path, handler, nothing, delivery_limit_seconds=600).outcomes == [[DELIVERED]]
    assert requests[0].wait_seconds == 600
    assert (requests[0].queue_id, requests[0].nexthop, requests[0].recipients) == (name(1), NEXTHOP, recipients())


def test_connection_that_ends_leaves_the_outcome_unknown(tmp_path: Path) -> None:
    async def handler(request: DeliveryRequest) -> DeliveryResponse:
        raise ValueError(request)

    assert relay(tmp_path, handler, nothing).outcomes == [None]


@pytest.mark.parametrize("outcomes", [[], [DELIVERED, DELIVERED]])
def test_wrong_number_of_outcomes_is_an_unknown_outcome(tmp_path: Path, outcomes: list[Outcome]) -> None:
    async def handler(request: DeliveryRequest) -> DeliveryResponse:
        return DeliveryResponse(outcomes)

    landing = relay(tmp_path, handler, nothing)
    assert landing.outcomes in ([], [None])
    assert landing.troubles == [f"{len(outcomes)} outcomes for 1 recipients"]


def test_relay_that_is_away_is_told_once_and_found_when_it_comes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.qmgr.dispatch.RECONNECT_SECONDS", 0.001)

    async def handler(request: DeliveryRequest) -> DeliveryResponse:
        return DeliveryResponse([DELIVERED])

    async def main() -> Landing:
        landing = Landing()
        task = asyncio.create_task(make(tmp_path / "relay", landing).run())
        await landing.wait()
        assert landing.outcomes == []
        server = await channel.listen(f"unix:{tmp_path}/relay", DeliveryRequest, handler, lambda _: None)
        await landing.wait()
        task.cancel()
        server.close()
        return landing

    landing = asyncio.run(main())
    assert landing.outcomes == [[DELIVERED]]
    assert len(landing.troubles) == 1


def test_delivery_without_an_answer_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.qmgr.dispatch.SWEEP_SECONDS", 0.001)

    async def handler(request: DeliveryRequest) -> DeliveryResponse:
        await asyncio.Event().wait()
        return DeliveryResponse([])

    assert relay(tmp_path, handler, nothing, delivery_limit_seconds=0.01).outcomes == [None]


def test_pause_of_a_destination_ends_by_itself(tmp_path: Path) -> None:
    async def handler(request: DeliveryRequest) -> DeliveryResponse:
        return DeliveryResponse([DELIVERED])

    async def main() -> list[list[Outcome] | None]:
        landing = Landing()
        server = await channel.listen(f"unix:{tmp_path}/relay", DeliveryRequest, handler, lambda _: None)
        dispatcher = make(tmp_path / "relay", landing, destination_rate_delay_seconds=0.02)
        schedule = dispatcher._schedule  # what its landing tells of the end of a delivery is for the active queue in a whole qmgr
        job = schedule.next(0.0)
        assert job is not None
        schedule.landed(job.nexthop, time.monotonic())
        schedule.add(job, time.monotonic())
        task = asyncio.create_task(dispatcher.run())
        await landing.wait()
        task.cancel()
        server.close()
        return landing.outcomes

    assert asyncio.run(main()) == [[DELIVERED]]


def test_stop_waits_for_what_is_under_way(tmp_path: Path) -> None:
    async def main() -> Landing:
        landing, may_answer, asked = Landing(), asyncio.Event(), asyncio.Event()

        async def handler(request: DeliveryRequest) -> DeliveryResponse:
            asked.set()
            await may_answer.wait()
            return DeliveryResponse([DELIVERED])

        server = await channel.listen(f"unix:{tmp_path}/relay", DeliveryRequest, handler, lambda _: None)
        dispatcher = make(tmp_path / "relay", landing)
        task = asyncio.create_task(dispatcher.run())
        await asyncio.wait_for(asked.wait(), DEADLINE_SECONDS)
        stop = asyncio.create_task(dispatcher.stop(DEADLINE_SECONDS))
        may_answer.set()
        await stop
        task.cancel()
        server.close()
        return landing

    assert asyncio.run(main()).outcomes == [[DELIVERED]]
