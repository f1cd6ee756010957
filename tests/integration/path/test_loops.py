"""Mail that goes round comes to an end."""

import smtplib
from collections.abc import Callable

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

SENDER = "carol@world.test"


def test_message_that_was_in_the_mailbox_before_is_refused_there(site: Site, account: Callable[..., str], key: str) -> None:
    alice, bob = account("alice"), account("bob")
    looping = f"Delivered-To: {alice.upper()}\r\n".encode() + history.message(key, SENDER, [alice, bob], b"round\r\n")
    with site.mx() as client:
        client.sendmail(SENDER, [alice, bob], looping)
    bounced = site.events.wait(kind="bounced", recipient=alice)
    assert bounced["reply"].startswith("554 5.4.6 ")
    site.events.wait(kind="stored", recipient=bob)
    assert len(site.messages(bob, PASSWORD)) == 1
    assert site.messages(alice, PASSWORD) == []


def test_message_with_too_many_hops_is_refused_at_the_door(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    travelled = b"Received: from a by b; Sat, 28 Nov 2026 09:00:00 +0000\r\n" * 51 + history.message(key, SENDER, [alice], b"round\r\n")
    with site.mx() as client, pytest.raises(smtplib.SMTPDataError) as refusal:
        client.sendmail(SENDER, [alice], travelled)
    assert (refusal.value.smtp_code, refusal.value.smtp_error[:5]) == (554, b"5.4.6")
