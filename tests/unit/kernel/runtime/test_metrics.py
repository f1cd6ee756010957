import asyncio

import pytest
from prometheus_client import Gauge, generate_latest

from services.kernel.runtime import metrics
from services.kernel.runtime.metrics import Metrics


def values(text: bytes) -> dict[str, float]:
    lines = text.decode().splitlines()
    return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if not line.startswith("#"))}


def test_what_is_served_holds_all_that_was_counted() -> None:
    async def main() -> None:
        served = Metrics()
        for kind in ("accepted", "accepted", "queued"):
            served.count_event(kind)
        assert values(served.render())['malleposte_events_total{kind="accepted"}'] == 2
        served.count_event("accepted")
        assert values(served.render())['malleposte_events_total{kind="accepted"}'] == 3

    asyncio.run(main())


def test_changes_are_entered_together_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "GATHER_SECONDS", 0.01)
    entered: list[float] = []

    async def main() -> None:
        told = asyncio.Event()

        class Watched(Gauge):
            def inc(self, amount: float = 1) -> None:
                entered.append(amount)
                told.set()

        served = Metrics()
        gauge = Watched("sessions", "Open.", registry=served.registry)
        for changes in ((1, 1, -1), (1,)):
            for change in changes:
                served.add(gauge, change)
            await told.wait()
            told.clear()

    asyncio.run(asyncio.wait_for(main(), 10))
    assert entered == [1, 1]


def test_without_an_event_loop_a_change_is_entered_at_once() -> None:
    served = Metrics()
    served.count_event("accepted")
    served.count_event("accepted")
    assert values(generate_latest(served.registry))['malleposte_events_total{kind="accepted"}'] == 2
