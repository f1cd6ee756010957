"""How long a record counts, and what replaces it."""

import pytest

from services.kernel.mail.reply import Reply
from services.kernel.wire.verdict import Source, State
from services.verify.config import VerifySettings, to_seconds
from services.verify.record import Freshness, Record, at_most, merge, replace_by
from tests.unit.verify.site import DAY, HOUR, TIMES

GOOD, BAD, UNKNOWN = State.DELIVERABLE, State.UNDELIVERABLE, State.UNKNOWN
FRESH, DUE, EXPIRED = Freshness.FRESH, Freshness.DUE, Freshness.EXPIRED


def record(state: State, updated: float = 0.0, probed: float | None = None) -> Record:
    return Record("a@b.test", state, Source.PROBE, Reply(250, "", ""), updated, updated if probed is None else probed)


@pytest.mark.parametrize(
    ("state", "age", "freshness"),
    [
        (GOOD, 7 * DAY - 1, FRESH),
        (GOOD, 7 * DAY, DUE),
        (GOOD, 31 * DAY - 1, DUE),
        (GOOD, 31 * DAY, EXPIRED),
        (BAD, 3 * HOUR - 1, FRESH),
        (BAD, 3 * HOUR, DUE),
        (BAD, 3 * DAY, EXPIRED),
        (UNKNOWN, 59, FRESH),
        (UNKNOWN, 60, EXPIRED),
    ],
)
def test_age_says_what_a_record_is_good_for(state: State, age: float, freshness: Freshness) -> None:
    assert TIMES.judge(record(state), age) is freshness


def test_record_of_the_future_is_as_of_now() -> None:
    assert at_most(record(UNKNOWN, updated=3 * DAY), DAY) == record(UNKNOWN, updated=DAY)
    assert at_most(record(GOOD, updated=DAY / 2, probed=3 * DAY), DAY) == record(GOOD, updated=DAY / 2, probed=DAY)
    past = record(BAD, updated=DAY / 2)
    assert at_most(past, DAY) is past


def test_a_refresh_that_failed_is_not_tried_again_at_each_question() -> None:
    tried = record(GOOD, 0.0, probed=8 * DAY)
    assert TIMES.judge(tried, 8 * DAY + 59) is FRESH
    assert TIMES.judge(tried, 8 * DAY + 60) is DUE


@pytest.mark.parametrize(
    ("known", "found", "kept", "by_operator"),
    [
        (GOOD, GOOD, GOOD, GOOD),
        (GOOD, BAD, GOOD, BAD),
        (GOOD, UNKNOWN, GOOD, GOOD),
        (BAD, GOOD, GOOD, GOOD),
        (BAD, BAD, BAD, BAD),
        (BAD, UNKNOWN, BAD, BAD),
        (UNKNOWN, GOOD, GOOD, GOOD),
        (UNKNOWN, BAD, BAD, BAD),
        (None, BAD, BAD, BAD),
        (None, UNKNOWN, UNKNOWN, UNKNOWN),
    ],
)
def test_what_is_found_replaces_what_was_known_but_good_stays_good(known: State | None, found: State, kept: State, by_operator: State) -> None:
    before = None if known is None else record(known)
    assert merge(before, record(found, 100.0)).state is kept
    assert merge(before, record(found, 100.0)).probed == 100.0
    assert replace_by(before, record(found, 100.0)).state is by_operator


def test_defaults_are_those_of_postfix() -> None:
    names = ("positive_expire", "positive_refresh", "negative_expire", "negative_refresh")
    defaults = [to_seconds(getattr(VerifySettings(), f"address_verify_{name}_time")) for name in names]
    assert defaults == [31 * DAY, 7 * DAY, 3 * DAY, 3 * HOUR]


@pytest.mark.parametrize(("text", "seconds"), [("90", 90), ("90s", 90), ("2m", 120), ("3h", 10_800), ("1d", 86_400), ("2w", 1_209_600)])
def test_times_have_the_units_of_postfix(text: str, seconds: float) -> None:
    assert to_seconds(text) == seconds
