"""Schedules of chaos: the seed is all there is to them."""

import random

import pytest

from malleposte_lab.schedule import ROUND_SECONDS, draw_round, schedule

SEEDS = range(200)



def test_same_seed_gives_the_same_schedule_and_more_rounds_continue_it() -> None:
    assert schedule(7, 20) == schedule(7, 20)
    assert schedule(7, 30)[:20] == schedule(7, 20)


def test_other_seeds_give_other_schedules() -> None:
    assert len({str(schedule(seed, 3)) for seed in SEEDS}) == len(SEEDS)


@pytest.mark.parametrize("seed", SEEDS)
def test_round_ends_in_time_and_stops_no_container_twice(seed: int) -> None:
    steps = draw_round(random.Random(seed))
    assert 1 <= len(steps) <= 3
    assert all(step.begins + step.lasts <= ROUND_SECONDS + 0.1 for step in steps)
    parties = [step.stops for step in steps if step.stops]
    assert not any(one.startswith(other) for number, one in enumerate(parties) for other in parties[:number] + parties[number + 1 :])


def test_every_kind_of_fault_comes_up() -> None:
    drawn = {step.kind for seed in SEEDS for steps in schedule(seed, 3) for step in steps}
    assert drawn == {"kill", "stop", "pause", "partition", "deaf", "lossy", "slow", "latency", "full", "servfail", "power"}
