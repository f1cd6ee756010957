import pytest

from services.kernel.routing.options import Transport
from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.backoff import Backoff
from services.qmgr.config import QmgrSettings
from tests.unit.kernel.spool.messages import envelope

BACKOFF = Backoff(QmgrSettings.model_validate({}))
DAY = 86_400.0


@pytest.mark.parametrize(("age", "wait"), [(0, 300), (299, 300), (700, 700), (4200, 4200), (50_000, 4200)])
def test_wait_is_the_age_between_minimum_and_maximum(age: float, wait: float) -> None:
    assert BACKOFF.wait(envelope(), age, 0.0) == pytest.approx(wait)


def test_wait_is_spread_by_a_tenth() -> None:
    assert BACKOFF.wait(envelope(), 0.0, 1.0) == pytest.approx(330)


def test_trouble_of_our_own_is_tried_again_soon() -> None:
    assert BACKOFF.wait(envelope(), 0.0, 0.0, soon=True) == pytest.approx(10)


def test_trouble_of_our_own_never_waits_as_long_as_others() -> None:
    assert BACKOFF.wait(envelope(), 4000.0, 0.0, soon=True) == pytest.approx(300)


def test_last_attempt_is_when_the_message_expires() -> None:
    assert BACKOFF.wait(envelope(), 5 * DAY - 1000, 1.0) == pytest.approx(1000)


@pytest.mark.parametrize(("sender", "is_bounce", "days"), [("alice@example.test", False, 5), ("", False, 2), ("alice@example.test", True, 2)])
def test_reports_have_a_lifetime_of_their_own(sender: str, is_bounce: bool, days: int) -> None:
    backoff = Backoff(QmgrSettings.model_validate({"bounce_lifetime_seconds": 2 * DAY}))
    assert backoff.lifetime(envelope(sender=sender, is_bounce=is_bounce)) == days * DAY


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
    assert backoff.warns(envelope(sender=sender), age) is expected


def test_mailboxes_get_more_at_once_and_recover_sooner_than_the_world() -> None:
    near, far = BACKOFF.site_rules(NextHop(Protocol.LMTP, "mda", 24)), BACKOFF.site_rules(NextHop(Protocol.SMTP, "world.test"))
    assert near.limit > far.limit
    assert near.minimal < far.minimal


def test_limits_of_the_transport_come_first() -> None:
    settings = QmgrSettings.model_validate({"destination_rate_delay_seconds": 7})
    limits = {"destination_concurrency_limit": 2, "initial_destination_concurrency": 1, "destination_recipient_limit": 3}
    slow = Transport.model_validate({**limits, "transport_rate_delay_seconds": 4})
    backoff = Backoff(settings, {"slow": slow, "free": Transport(destination_rate_delay_seconds=0)})
    rules, free, usual = (backoff.site_rules(NextHop(Protocol.SMTP, "d.test", transport=name)) for name in ("slow", "free", "smtp"))
    assert (rules.limit, rules.initial, rules.recipients, rules.rate_delay, rules.transport_delay) == (2, 1, 3, 7, 4)
    assert (free.rate_delay, usual.rate_delay) == (0, 7)
    assert (usual.limit, usual.initial, usual.recipients, usual.transport_delay) == (20, 5, 50, 0)


def test_rate_for_the_world_is_not_for_mailboxes_here() -> None:
    backoff = Backoff(QmgrSettings.model_validate({"destination_rate_delay_seconds": 7}))
    assert backoff.site_rules(NextHop(Protocol.LMTP, "mda", 24, transport="lmtp")).rate_delay == 0
