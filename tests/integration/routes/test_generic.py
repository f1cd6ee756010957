"""Our addresses as the world is to see them, by the transport's generic maps."""

from collections.abc import Callable
from email import message_from_bytes

from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD
from tests.integration.routes.conftest import SENDERS, Sent

ALICE, BOB = SENDERS
CONTENT = b"Reply-To: Alice <alice@example.test>, bob+x@example.test\r\nX-Note: alice@example.test\r\n\r\nfrom alice@example.test\r\n"


def test_addresses_are_rewritten_on_the_way_out(sent: Callable[..., Sent], taken: Callable[..., Event]) -> None:
    message = sent("bob@lan.example.test", content=CONTENT)
    assert message.kind == "delivered"
    event = taken("good.tls", message)
    assert (event["from"], event["to"]) == ("alice@public.test", ["bob@example.org"])
    got = message_from_bytes(event["content"])
    assert (got["From"], got["Reply-To"]) == ("<alice@public.test>", "Alice <alice@public.test>, bob+x@example.org")
    assert (got["X-Note"], got.get_payload()) == ("alice@example.test", "from alice@example.test\r\n")


def test_other_transports_and_mailboxes_are_not_concerned(routes: Site, sent: Callable[..., Sent], taken: Callable[..., Event]) -> None:
    message = sent("anyone@good.tls.test", BOB, content=CONTENT)
    event = taken("good.tls", message)
    assert event["from"] == ALICE
    assert CONTENT in event["content"]
    (content,) = [text for text in routes.messages(BOB, PASSWORD) if message.key.encode() in text]
    assert CONTENT in content
