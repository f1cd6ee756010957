"""Which primary is looked at when, and what is news."""

import itertools

from services.backupmx.watch import PATIENCE, Watch

SECONDS = 15.0
LIMIT = 4


def watch(*domains: str) -> Watch:
    made = Watch(SECONDS, LIMIT)
    made.follow(domains)
    return made


def test_everything_is_due_at_the_start() -> None:
    assert sorted(watch("a.test", "b.test").due(0.0)) == ["a.test", "b.test"]


def test_first_look_is_news_whatever_it_shows() -> None:
    assert watch("a.test").saw("a.test", 1.0, 1.0, is_up=True, words="")
    assert watch("a.test").saw("a.test", 1.0, 1.0, is_up=False, words="")


def test_change_is_news_and_the_same_again_is_not() -> None:
    seen = watch("a.test")
    news = [seen.saw("a.test", now, now, is_up=is_up, words="") for now, is_up in ((1, True), (2, True), (3, False), (4, False), (5, True))]
    assert news == [True, False, True, False, True]
    assert seen.looks["a.test"].since == 5


def test_dead_primary_is_looked_at_more_often() -> None:
    seen = watch("up.test", "down.test")
    seen.saw("up.test", 0.0, 0.0, is_up=True, words="")
    seen.saw("down.test", 0.0, 0.0, is_up=False, words="")
    assert seen.due(SECONDS) == ["down.test"]
    assert sorted(seen.due(PATIENCE * SECONDS)) == ["down.test", "up.test"]


def test_short_absence_that_mail_met_is_news_when_it_is_over() -> None:
    seen = watch("a.test")
    seen.saw("a.test", 0.0, 0.0, is_up=True, words="")
    assert seen.doubt("a.test", 20.0, "refused")
    assert seen.due(20.0) == ["a.test"]
    assert (seen.looks["a.test"].is_up, seen.looks["a.test"].since, seen.looks["a.test"].words) == (False, 20.0, "refused")
    assert seen.saw("a.test", 21.0, 21.0, is_up=True, words="250")


def test_primary_that_a_look_finds_well_is_doubted_less_and_less() -> None:
    seen = watch("a.test")
    seen.saw("a.test", 0.0, 0.0, is_up=True, words="")
    news = []
    for now in range(20, 7200):
        if seen.doubt("a.test", float(now), "421 at DATA"):
            news.append(now)
            seen.saw("a.test", float(now), float(now), is_up=True, words="250")
    waits = [after - before for before, after in itertools.pairwise(news)]
    assert waits == [PATIENCE * SECONDS * 2**n for n in range(len(waits))]
    assert seen.saw("a.test", 7300.0, 7300.0, is_up=False, words="refused") and seen.saw("a.test", 7301.0, 7301.0, is_up=True, words="250")
    assert seen.doubt("a.test", 7302.0, "refused")


def test_qmgr_is_asked_of_those_that_are_up_and_not_too_often() -> None:
    seen = watch("new.test", "up.test", "down.test")
    seen.saw("up.test", 100.0, 100.0, is_up=True, words="")
    seen.saw("down.test", 100.0, 100.0, is_up=False, words="")
    asked = [seen.take_trusted(now) for now in (100.0, 101.0, 100.0 + SECONDS)]
    assert asked == [["up.test"], [], ["up.test"]]


def test_primary_known_to_be_away_cannot_be_doubted() -> None:
    seen = watch("a.test")
    seen.saw("a.test", 5.0, 5.0, is_up=False, words="silent")
    assert not seen.doubt("a.test", 6.0, "refused")
    assert not seen.doubt("gone.test", 6.0, "refused")
    assert (seen.looks["a.test"].since, seen.looks["a.test"].words) == (5.0, "silent")


def test_domain_that_is_no_longer_ours_is_forgotten() -> None:
    seen = watch("a.test", "b.test")
    seen.follow(["b.test"])
    assert not seen.saw("a.test", 1.0, 1.0, is_up=True, words="")
    assert list(seen.looks) == ["b.test"]


def test_all_can_be_looked_at_at_once() -> None:
    seen = watch("a.test", "b.test")
    for name in ("a.test", "b.test"):
        seen.saw(name, 100.0, 100.0, is_up=True, words="")
    assert seen.due(100.0) == []
    seen.hurry()
    assert sorted(seen.due(100.0)) == ["a.test", "b.test"]


def test_primary_is_looked_at_once_at_a_time_and_no_more_of_them_than_may() -> None:
    seen = watch("a.test", "b.test", "c.test", "d.test", "e.test")
    first = seen.begin(0.0)
    assert len(first) == LIMIT
    assert seen.begin(0.0) == []
    seen.end(first[0])
    seen.saw(first[0], 0.0, 1.0, is_up=True, words="")
    (last,) = seen.begin(1.0)
    assert last not in first


def test_primaries_that_are_down_leave_places_for_the_others() -> None:
    seen = watch("a.test", "b.test", "c.test", "d.test", "up.test")
    for name in ("a.test", "b.test", "c.test", "d.test"):
        seen.saw(name, 0.0, 0.0, is_up=False, words="no answer")
    seen.saw("up.test", 0.0, 0.0, is_up=True, words="")
    slow = seen.begin(SECONDS)
    assert len(slow) == LIMIT // 2
    assert seen.begin(SECONDS) == []
    assert seen.begin(PATIENCE * SECONDS) == ["up.test"]


def test_single_place_is_enough_for_one_that_is_down() -> None:
    seen = Watch(SECONDS, 1)
    seen.follow(["a.test"])
    seen.saw("a.test", 0.0, 0.0, is_up=False, words="")
    assert seen.begin(SECONDS) == ["a.test"]


def test_look_that_began_before_a_newer_one_says_nothing_when_it_ends_after_it() -> None:
    seen = watch("a.test")
    assert seen.saw("a.test", 10.0, 11.0, is_up=True, words="")
    assert not seen.saw("a.test", 5.0, 70.0, is_up=False, words="no answer")
    assert seen.looks["a.test"].is_up
