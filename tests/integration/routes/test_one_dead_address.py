"""One recipient's trouble is his alone, and nobody gets a message twice for it."""

from collections.abc import Callable

import pytest

from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.routes.conftest import Sent

Send = Callable[..., Sent]


def copies(routes: Site, message: Sent) -> list[list[str]]:
    """Whom each copy that a server took was for."""
    return [event["to"] for event in routes.events.matching(kind="taken", subject=message.key)]


@pytest.mark.parametrize("domain", ["good.tls.test", "plain.esmtp.test", "helo.esmtp.test", "chunking.esmtp.test"])
@pytest.mark.parametrize("dead", ["refuse-550", "refuse-450"])
def test_dead_address_keeps_nobody_else_from_the_message(routes: Site, sent: Send, taken: Callable[..., Event], domain: str, dead: str) -> None:
    living = [f"one@{domain}", f"two@{domain}"]
    message = sent(living[0], f"{dead}@{domain}", living[1])
    assert [event["kind"] for event in message.events] == ["delivered", "bounced" if dead == "refuse-550" else "deferred", "delivered"]
    taken(domain.removesuffix(".test"), message)
    assert copies(routes, message) == [living]


def test_dead_addresses_alone_send_no_content(routes: Site, sent: Send) -> None:
    message = sent("refuse-550@plain.esmtp.test", "refuse-551@plain.esmtp.test")
    assert [event["kind"] for event in message.events] == ["bounced", "bounced"]
    assert copies(routes, message) == []


def test_server_that_dies_in_data_gets_the_message_once_later(routes: Site, sent: Send, key: str) -> None:
    message = sent(f"drop-data-1-{key}@good.tls.test")
    assert (message.kind, message.reply[:9]) == ("deferred", "450 4.4.2")
    assert copies(routes, message) == []
    routes.malle("queue", "flush", message.event["queue_id"])
    routes.events.wait(kind="delivered", queue_id=message.event["queue_id"])
    assert copies(routes, message) == [[f"drop-data-1-{key}@good.tls.test"]]


def test_message_whose_answer_is_lost_is_offered_again_and_never_forgotten(routes: Site, sent: Send, key: str) -> None:
    message = sent(f"drop-dot-1-{key}@good.tls.test")
    assert (message.kind, "end of DATA" in message.reply) == ("deferred", True)
    routes.malle("queue", "flush", message.event["queue_id"])
    routes.events.wait(kind="delivered", queue_id=message.event["queue_id"])
    assert len(copies(routes, message)) == 2
