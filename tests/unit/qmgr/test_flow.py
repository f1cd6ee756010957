"""How fast a destination takes mail."""

import pytest

from services.qmgr.flow import MEMORY_SECONDS, Flow


def flowing(per_second: float, seconds: float) -> Flow:
    flow = Flow()
    for number in range(int(per_second * seconds)):
        flow.count(1000.0 + number / per_second)
    return flow


@pytest.mark.parametrize("per_second", [0.5, 5.0, 200.0])
@pytest.mark.parametrize("seconds", [10.0, 100.0])
def test_steady_flow_is_known_soon(per_second: float, seconds: float) -> None:
    assert flowing(per_second, seconds).rate(1000.0 + seconds) == pytest.approx(per_second, rel=0.25)


def test_flow_that_stopped_is_forgotten() -> None:
    assert flowing(10, 30).rate(1030.0 + 20 * MEMORY_SECONDS) < 0.001


def test_nothing_flows_at_the_start() -> None:
    assert Flow().rate(1000.0) == 0.0


def test_flow_that_begins_again_is_not_slowed_by_the_pause() -> None:
    flow = flowing(10, 30)
    later = 1030.0 + 1000 * MEMORY_SECONDS
    for number in range(20):
        flow.count(later + number / 10)
    assert flow.rate(later + 2) == pytest.approx(10, rel=0.3)
