"""Limits of transports: pauses between deliveries, and recipients in one."""

from collections.abc import Callable
from itertools import pairwise

from malleposte_lab.site import Site
from tests.integration.routes.conftest import Sent

SLACK_SECONDS = 0.1
"""An event is written a little after what it tells of."""


def pauses(message: Sent) -> list[float]:
    """The times between the deliveries of a message to several recipients."""
    times = sorted(event["time"] for event in message.events)
    return [later - earlier for earlier, later in pairwise(times)]


def test_destination_with_a_rate_gets_its_deliveries_one_by_one(sent: Callable[..., Sent]) -> None:
    message = sent(*(f"{name}@slow.limits.test" for name in ("one", "two", "three")))
    assert {event["kind"] for event in message.events} == {"delivered"}
    assert min(pauses(message)) > 1 - SLACK_SECONDS


def test_transport_with_a_rate_serves_its_destinations_one_by_one(sent: Callable[..., Sent]) -> None:
    message = sent(*(f"anyone@{name}.paced.limits.test" for name in ("one", "two", "three")))
    assert {event["kind"] for event in message.events} == {"delivered"}
    assert min(pauses(message)) > 1 - SLACK_SECONDS


def test_other_destinations_do_not_wait_for_one_with_a_rate(sent: Callable[..., Sent]) -> None:
    message = sent("one@slow.limits.test", "two@slow.limits.test", "anyone@postfix25.test")
    times = {event["recipient"]: event["time"] for event in message.events}
    assert times["anyone@postfix25.test"] < max(times.values())


def test_delivery_has_no_more_recipients_than_its_transport_allows(routes: Site, sent: Callable[..., Sent]) -> None:
    message = sent(*(f"r{number}@few.limits.test" for number in range(5)))
    deliveries = routes.events.wait_until(
        lambda: found if len(found := routes.events.matching(kind="taken", subject=message.key)) == 3 else None, "three deliveries", 10
    )
    assert sorted(len(delivery["to"]) for delivery in deliveries) == [1, 2, 2]
