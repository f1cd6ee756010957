"""Several smarthosts, of which the first has trouble. The second is good.tls, or postfix after a login."""

from collections.abc import Callable

import pytest

from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.routes.conftest import Sent

LARGE = b"\r\n" + b"0123456789abcdef\r\n" * 250_000


@pytest.mark.parametrize("way", ["dead", "greets", "data", "later"])
def test_second_smarthost_takes_what_the_first_does_not(sent: Callable[..., Sent], taken: Callable[..., Event], way: str) -> None:
    message = sent(f"anyone@{way}.over.test")
    assert message.kind == "delivered", message.reply
    assert taken("good.tls", message)["to"] == [f"anyone@{way}.over.test"]


@pytest.mark.parametrize("content", [b"\r\nsmall\r\n", LARGE])
def test_smarthost_that_dies_in_data_is_followed_by_the_second(
    sent: Callable[..., Sent], taken: Callable[..., Event], key: str, content: bytes
) -> None:
    message = sent(f"drop-data-1-{key}@dies.over.test", content=content)
    assert message.kind == "delivered", message.reply
    assert taken("good.tls", message)["size"] > len(content)


def test_smarthost_that_may_have_taken_the_message_is_not_followed(routes: Site, sent: Callable[..., Sent], key: str) -> None:
    message = sent(f"drop-dot-1-{key}@dies.over.test")
    assert message.kind == "deferred"
    assert [event["peer"] for event in routes.events.matching(kind="taken", subject=message.key)] == ["nodsn.esmtp"]


def test_refusal_of_the_message_by_the_first_is_final(routes: Site, sent: Callable[..., Sent]) -> None:
    message = sent("anyone@refuses.over.test")
    assert (message.kind, "550 5.7.1 not you" in message.reply) == ("bounced", True)
    assert not routes.events.matching(kind="taken", subject=message.key)


def test_smarthost_that_refuses_the_login_is_followed_by_the_second(sent: Callable[..., Sent], taken: Callable[..., Event]) -> None:
    message = sent("anyone@login.over.test")
    assert message.kind == "delivered", message.reply
    assert taken("postfix", message)["sasl_username"] == "bob"
