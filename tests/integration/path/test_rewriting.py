"""Addresses rewritten, copies added and ways chosen by Postfix's tables, while mail flows.

The tables are in ``tests/lab/config/site``; each is about names that no other test uses.
"""

import base64
import json
import smtplib
from typing import Any

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD


@pytest.fixture(scope="module")
def alice(site: Site) -> str:
    """One user for all tests: what each sends has its key."""
    address = "alice-rewriting@example.test"
    site.add_account(address, PASSWORD)
    return address


def submit(site: Site, login: str, recipients: list[str], key: str, extension: str = "") -> str:
    """Send as the user who signed in, with an extension perhaps; returns the sender's address."""
    sender = login.replace("@", f"{extension}@")
    with site.submission(login, PASSWORD) as client:
        client.sendmail(sender, recipients, history.message(key, sender, recipients, b"hello\r\n"))
    return sender


def receive(site: Site, recipients: list[str], key: str) -> None:
    with site.mx() as client:
        client.sendmail("carol@world.test", recipients, history.message(key, "carol@world.test", recipients, b"hello\r\n"))


def taken(site: Site, key: str) -> list[dict[str, Any]]:
    """The messages with this key that the sink of the world has taken."""
    lines = site.project.container("sink").logs().splitlines()
    found = [json.loads(line) for line in lines if line.startswith(b"{")]
    return [message for message in found if message["subject"] == key]


def test_sender_and_header_of_a_users_message_are_rewritten(site: Site, alice: str, key: str) -> None:
    sender = submit(site, alice, [f"{key}@sink.test"], key, "+written")
    site.events.wait(kind="delivered", recipient=f"{key}@sink.test")
    (message,) = taken(site, key)
    new = sender.replace("+written@example.test", "@written.test")
    assert message["from"] == new
    assert f"From: <{new}>\r\nTo: {key}@sink.test\r\n".encode() in base64.b64decode(message["content"])


def test_header_of_a_strangers_message_stays_though_its_recipient_is_rewritten(site: Site, alice: str, key: str) -> None:
    receive(site, [alice.replace("@example.test", "@old.canon.test")], key)
    site.events.wait(kind="stored", recipient=alice)
    (raw,) = site.messages(alice, PASSWORD)
    assert b"To: alice-rewriting@old.canon.test\r\n" in raw


def test_copy_goes_to_whom_the_senders_table_names(site: Site, alice: str, key: str) -> None:
    sender = submit(site, alice, [f"{key}@sink.test"], key, "+copied")
    for recipient in (f"{key}@sink.test", "archive@sink.test"):
        site.events.wait(kind="delivered", recipient=recipient, sender=sender)
    assert sorted(recipient for message in taken(site, key) for recipient in message["to"]) == ["archive@sink.test", f"{key}@sink.test"]


def test_mail_for_a_list_has_its_owner_as_sender(site: Site, key: str) -> None:
    receive(site, ["crew@mail.example.test"], key)
    for recipient in ("first@sink.test", "second@sink.test"):
        site.events.wait(kind="delivered", recipient=recipient, sender="owner-crew@mail.example.test")
    assert {message["from"] for message in taken(site, key)} == {"owner-crew@mail.example.test"}


@pytest.mark.parametrize(
    ("recipient", "answer"),
    [("gone@mail.example.test", "550 5.1.6"), ("anybody@closed.canon.test", "550 5.1.2"), ("command@mail.example.test", "451 4.3.0")],
)
def test_recipient_is_refused_by_a_table(site: Site, recipient: str, answer: str) -> None:
    with site.mx() as client:
        client.ehlo()
        client.mail("carol@world.test")
        code, words = client.rcpt(recipient)
    assert f"{code} {words.decode()}".startswith(answer)


@pytest.mark.parametrize(
    ("extension", "domain", "nexthop"),
    [
        ("+provider", "no-such-domain.test", "smtp:[mx.sink.test]:25"),
        ("+slowly", "sink.test", "quiet:sink.test"),
        ("", "named.canon.test", "quiet:[no-such-host.test]:25,[mx.sink.test]:25"),
    ],
)
def test_way_out_is_the_one_of_sender_or_table(site: Site, alice: str, key: str, extension: str, domain: str, nexthop: str) -> None:
    submit(site, alice, [f"{key}@{domain}"], key, extension)
    assert site.events.wait(kind="delivered", recipient=f"{key}@{domain}")["nexthop"] == nexthop


def test_discarded_mail_counts_as_delivered_and_goes_nowhere(site: Site, alice: str, key: str) -> None:
    submit(site, alice, [f"{key}@discarded.canon.test"], key)
    assert site.events.wait(kind="delivered", recipient=f"{key}@discarded.canon.test")["reply"] == "250 2.0.0 discarded old list"
    assert taken(site, key) == []


def test_senders_relayhost_never_gets_mail_of_a_relay_domain(site: Site, alice: str, key: str) -> None:
    submit(site, alice, [f"{key}@relayed.canon.test"], key, "+provider")
    assert site.events.wait(kind="delivered", recipient=f"{key}@relayed.canon.test")["nexthop"] == "relay:[mx.sink.test]:25"


def test_unowned_sender_is_refused_before_anything_is_rewritten(site: Site, alice: str) -> None:
    with site.submission(alice, PASSWORD) as client, pytest.raises(smtplib.SMTPSenderRefused):
        client.sendmail("bob+written@example.test", ["anyone@sink.test"], b"Subject: x\r\n\r\n")


def test_the_site_of_the_lab_is_configured_right_but_for_what_is_wrong_on_purpose(site: Site) -> None:
    (fault,) = site.try_malle("config", "check").err.decode().splitlines()
    assert fault.endswith("routing.transports.rootly: user root: no command runs as root")
