import pytest

from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.site import Site, SiteRules

NOW = 1000.0


def site(initial: int = 5, limit: int = 20, cohort_limit: float = 1.0) -> Site:
    return Site(NextHop(Protocol.SMTP, "world.test"), SiteRules(initial, limit, cohort_limit, minimal=300, maximal=4200))


def test_window_grows_by_one_with_each_success_up_to_the_limit() -> None:
    one = site(initial=5, limit=7)
    one.in_flight = 7
    for _ in range(9):
        one.succeed(0.1)
    assert one.window == 7


def test_window_does_not_grow_far_beyond_what_is_used() -> None:
    one = site(initial=2, limit=20)
    for _ in range(50):
        one.succeed(0.1)
    assert one.window == 2


def test_single_failure_shrinks_the_window_and_kills_nothing() -> None:
    one = site(initial=5)
    assert not one.fail(NOW, 0.5, "refused")
    assert one.window == 4
    assert not one.is_dead(NOW)


def test_a_cohort_of_failures_kills() -> None:
    one = site(initial=3)
    assert [one.fail(NOW, 0.5, "refused") for _ in range(3)] == [False, False, True]
    assert one.is_dead(NOW)
    assert one.reason == "refused"


def test_a_success_between_failures_keeps_alive() -> None:
    one = site(initial=5)
    for _ in range(20):
        one.fail(NOW, 0.5, "refused")
        one.succeed(0.1)
    assert not one.is_dead(NOW)


@pytest.mark.parametrize(("periods", "wait"), [(1, 300), (2, 600), (3, 1200), (4, 2400), (5, 4200), (60, 4200)])
def test_time_of_death_doubles_up_to_the_maximum(periods: int, wait: float) -> None:
    one = site(initial=1)
    now = NOW
    for _ in range(periods):
        now = max(now, one.dead_until)
        one.fail(now, 0.5, "refused")
    assert one.dead_until - now == pytest.approx(wait)


@pytest.mark.parametrize(("chance", "wait"), [(0.0, 270), (1.0, 330)])
def test_time_of_death_is_spread_by_a_tenth(chance: float, wait: float) -> None:
    one = site(initial=1)
    one.fail(NOW, chance, "refused")
    assert one.dead_until - NOW == pytest.approx(wait)


def test_late_failures_do_not_prolong_a_death() -> None:
    one = site(initial=1)
    one.fail(NOW, 0.5, "refused")
    until = one.dead_until
    assert not one.fail(NOW + 1, 0.5, "refused")
    assert one.dead_until == until


def test_success_of_the_probe_brings_it_back_with_the_initial_window() -> None:
    one = site(initial=2)
    one.fail(NOW, 0.5, "refused")
    one.fail(NOW, 0.5, "refused")
    assert one.succeed(0.1)
    assert one.has_room(NOW)
    assert one.window == 2
    assert not one.is_suspect


def test_destination_that_takes_long_is_slow() -> None:
    one = site()
    for _ in range(10):
        one.succeed(30)
    assert one.is_slow


def test_destination_revived_by_hand_is_down_until_it_answers() -> None:
    one = site(initial=1)
    one.fail(NOW, 0.5, "refused")
    one.revive()
    assert one.has_room(NOW)
    assert one.is_down
    assert one.succeed(0.1)
    assert not one.is_down


def test_pause_ends_with_the_rule_that_made_it() -> None:
    hourly = SiteRules(5, 10, 1.0, minimal=300, maximal=4200, rate=1 / 3600)
    one = Site(NextHop(Protocol.SMTP, "primary.test"), hourly)
    one.begin(NOW)
    one.adopt(hourly)
    assert not one.has_room(NOW + 1)
    one.adopt(SiteRules(5, 10, 1.0, minimal=300, maximal=4200))
    assert one.has_room(NOW + 1)
