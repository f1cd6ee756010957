"""Transports with settings of their own: two senders leave from two addresses, under two names, with two logins."""

from collections.abc import Callable

import pytest

from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD
from tests.integration.routes.conftest import Sent

LEFT, RIGHT = "left@example.test", "right@example.test"
LOGINS = {LEFT: "alice", RIGHT: "bob"}
ENDS = {LEFT: ".20", RIGHT: ".21"}


@pytest.fixture(scope="module")
def senders(routes: Site) -> None:
    for sender in (LEFT, RIGHT):
        routes.add_account(sender, PASSWORD)


@pytest.mark.usefixtures("senders")
def test_two_senders_leave_by_their_own_addresses_names_and_logins(sent: Callable[..., Sent], taken: Callable[..., Event]) -> None:
    for sender in (LEFT, RIGHT, RIGHT, LEFT, RIGHT):  # kept connections among them
        message = sent("anyone@plain.esmtp.test", sender=sender)
        assert message.kind == "delivered", message.reply
        seen = taken("postfix", message)
        assert (seen["sasl_username"], seen["helo"]) == (LOGINS[sender], f"{sender.partition('@')[0]}.example.test")
        assert seen["client"].endswith(ENDS[sender])
        assert seen["from"] == sender


def test_transport_whose_address_is_not_here_defers(sent: Callable[..., Sent]) -> None:
    message = sent("anyone@nobind.named.test")
    assert message.kind == "deferred"


def test_fallback_relay_takes_what_the_next_hop_does_not(sent: Callable[..., Sent], taken: Callable[..., Event]) -> None:
    message = sent("anyone@fallback.named.test")
    assert message.kind == "delivered", message.reply
    assert taken("good.tls", message)["to"] == ["anyone@fallback.named.test"]


def test_lmtp_server_at_a_unix_socket_takes_a_message(sent: Callable[..., Sent], mailbox: Callable[[str], list[bytes]]) -> None:
    message = sent("someone@socket.named.test")
    assert message.kind == "delivered", message.reply
    (content,) = mailbox("someone@socket.named.test")
    assert message.key.encode() in content
