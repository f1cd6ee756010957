"""The lab itself: each of its servers takes a message, and its names are signed."""

from collections.abc import Callable

import pytest

from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.routes.conftest import Sent


@pytest.mark.parametrize("peer", ["postfix", "exim"])
def test_real_server_takes_a_message_and_tells_of_it(sent: Callable[..., Sent], taken: Callable[..., Event], peer: str) -> None:
    message = sent(f"anyone@{peer}25.test")
    assert message.kind == "delivered"
    seen = taken(peer, message)
    assert (seen["from"], seen["to"], seen["helo"]) == (message.sender, f"anyone@{peer}25.test", "mail.example.test")
    assert b"hello" in seen["content"]


def test_scripted_server_takes_a_message_and_tells_of_it(
    sent: Callable[..., Sent], taken: Callable[..., Event], said: Callable[..., list[str]]
) -> None:
    message = sent("anyone@good.tls.test")
    assert taken("good.tls", message)["tls"] == "TLSv1.3"
    assert "STARTTLS" in said("good.tls")


def test_dovecot_takes_a_message_by_lmtp(sent: Callable[..., Sent], mailbox: Callable[[str], list[bytes]]) -> None:
    message = sent("nobody-else@lmtp.test")
    assert message.kind == "delivered"
    (content,) = mailbox("nobody-else@lmtp.test")
    assert message.key.encode() in content


def test_name_that_cannot_be_looked_up_is_deferred(sent: Callable[..., Sent]) -> None:
    assert sent("anyone@bogus.test").kind == "deferred"


@pytest.mark.parametrize(("name", "signed"), [("good.tls.test", True), ("insecure.test", False)])
def test_resolver_says_what_is_signed(routes: Site, name: str, signed: bool) -> None:
    script = f"import dns.resolver as r; s = r.Resolver(); s.flags = 0x120; print(s.resolve('{name}', 'MX').response.flags & 0x20)"  # AD is 0x20
    assert (routes.project.check("relay", "python", "-c", script) != "0") is signed
