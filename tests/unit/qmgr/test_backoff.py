import pytest

from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.backoff import Backoff
from services.qmgr.config import QmgrSettings
from tests.unit.kernel.spool.messages import ARRIVED, envelope

BACKOFF = Backoff(QmgrSettings.model_validate({}))
DAY = 86_400.0


@pytest.mark.parametrize(("age", "wait"), [(0, 300), (299, 300), (700, 700), (4200, 4200), (50_000, 4200)])
def test_wait_is_the_age_between_minimum_and_maximum(age: float, wait: float) -> None:
    now = ARRIVED + age
    assert BACKOFF.retry_at(envelope(), now, 0.0) == pytest.approx(now + wait)


def test_wait_is_spread_by_a_tenth() -> None:
    assert BACKOFF.retry_at(envelope(), ARRIVED, 1.0) == pytest.approx(ARRIVED + 330)


def test_trouble_of_our_own_is_tried_again_soon() -> None:
    assert BACKOFF.retry_at(envelope(), ARRIVED, 0.0, soon=True) == pytest.approx(ARRIVED + 10)


def test_trouble_of_our_own_never_waits_as_long_as_others() -> None:
    assert BACKOFF.retry_at(envelope(), ARRIVED + 4000, 0.0, soon=True) == pytest.approx(ARRIVED + 4300)


def test_last_attempt_is_when_the_message_expires() -> None:
    now = ARRIVED + 5 * DAY - 1000
    assert BACKOFF.retry_at(envelope(), now, 1.0) == pytest.approx(ARRIVED + 5 * DAY)


@pytest.mark.parametrize(("sender", "is_bounce", "days"), [("alice@example.test", False, 5), ("", False, 2), ("alice@example.test", True, 2)])
def test_reports_have_a_lifetime_of_their_own(sender: str, is_bounce: bool, days: int) -> None:
    backoff = Backoff(QmgrSettings.model_validate({"bounce_lifetime_seconds": 2 * DAY}))
    assert backoff.expires_at(envelope(sender=sender, is_bounce=is_bounce)) == ARRIVED + days * DAY


@pytest.mark.parametrize(
    ("sender", "setting", "age", "expected"),
    [
        ("alice@example.test", 14_400, 14_399, False),
        ("alice@example.test", 14_400, 14_400, True),
        ("alice@example.test", 0, 99_999, False),
        ("", 14_400, 99_999, False),
    ],
)
def test_delay_is_told_after_its_time_to_a_sender_that_exists(sender: str, setting: float, age: float, expected: bool) -> None:
    backoff = Backoff(QmgrSettings.model_validate({"delay_warning_seconds": setting}))
    assert backoff.warns(envelope(sender=sender), ARRIVED + age) is expected


def test_mailboxes_get_more_at_once_and_recover_sooner_than_the_world() -> None:
    near, far = BACKOFF.site_rules(NextHop(Protocol.LMTP, "mda", 24)), BACKOFF.site_rules(NextHop(Protocol.SMTP, "world.test"))
    assert near.limit > far.limit
    assert near.minimal < far.minimal
