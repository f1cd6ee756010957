"""Address verification: probes by the real route, known and unknown addresses while the primary and verify are down."""

import smtplib
import threading
from collections.abc import Iterator

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site

SENDER = "carol@world.test"


def ask(site: Site, *recipients: str, sender: str = SENDER) -> list[int]:
    """The codes of RCPT for these recipients in one transaction, which is then taken back."""
    with site.mx() as client:
        client.ehlo()
        assert client.mail(sender)[0] == 250
        return [client.rcpt(recipient)[0] for recipient in recipients]


def probes(site: Site, address: str) -> int:
    """How often the server of an address was asked."""
    return len(site.events.matching(kind="probed", service="verify", recipient=address))


def wait_for_code(site: Site, recipient: str, code: int) -> None:
    """Ask until the reply is this one: a next hop that was down is tried again after a second."""
    site.events.wait_until(lambda: ask(site, recipient) == [code], f"{recipient} is not answered {code}", 15)


def start_verify(site: Site) -> None:
    count = len(site.events.matching(kind="started", service="verify"))
    site.project.start("verify")
    site.events.wait_until(lambda: len(site.events.matching(kind="started", service="verify")) > count, "verify does not start", 60)


@pytest.fixture
def primary_away(site: Site) -> Iterator[None]:
    """The server of the verified domains is gone."""
    site.project.kill("sink")
    yield
    site.project.start("sink")
    wait_for_code(site, "back@firm.test", 250)


@pytest.fixture
def verify_away(site: Site) -> Iterator[None]:
    site.project.kill("verify")
    yield
    start_verify(site)


def test_only_the_bad_recipient_of_a_message_is_refused(site: Site, key: str) -> None:
    good, bad = f"{key}@firm.test", f"refuse-550-{key}@firm.test"
    with site.mx() as client:
        refused = client.sendmail(SENDER, [good, bad], history.message(key, SENDER, [good], b"hello\r\n"))
    assert refused == {bad: (550, b"5.1.1 recipient address rejected: undeliverable address")}
    site.events.wait(kind="delivered", recipient=good)
    event = site.events.wait(kind="rejected", recipient=bad)
    assert f"550 5.0.0 scripted for {bad}" in event["reason"]


def test_server_that_says_later_leaves_it_to_the_choice(site: Site, key: str) -> None:
    assert ask(site, f"refuse-450-{key}@firm.test", f"refuse-450-{key}@mild.test") == [450, 250]


def test_mailbox_server_is_asked_by_lmtp(site: Site, key: str) -> None:
    assert ask(site, f"nobody-{key}@stored.test") == [550]
    event = site.events.wait(kind="probed", recipient=f"nobody-{key}@stored.test")
    assert event["nexthop"] == "lmtp:[mda]:24"


def test_sender_whose_server_refuses_him_is_refused(site: Site, key: str) -> None:
    recipient = "postmaster@example.test"
    assert ask(site, recipient, sender=f"{key}@callout.test") == [250]
    assert ask(site, recipient, sender=f"refuse-550-{key}@callout.test") == [550]
    assert ask(site, recipient, sender="double-bounce@callout.test") == [250]
    assert ask(site, recipient, sender="") == [250]
    assert probes(site, "double-bounce@callout.test") == 0


def test_many_clients_that_ask_at_once_cause_one_probe(site: Site, key: str) -> None:
    address = f"{key}@firm.test"
    clients = [site.mx() for _ in range(20)]
    codes: list[int] = []

    def rcpt(client: smtplib.SMTP) -> None:
        codes.append(client.rcpt(address)[0])

    for client in clients:
        client.ehlo()
        client.mail(SENDER)
    threads = [threading.Thread(target=rcpt, args=(client,)) for client in clients]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    for client in clients:
        client.close()
    assert codes == [250] * 20
    site.events.wait(kind="probed", recipient=address)
    assert probes(site, address) == 1


def test_operator_sees_probes_loads_and_forgets(site: Site, key: str) -> None:
    address, loaded = f"{key}@firm.test", f"loaded-{key}@firm.test"
    assert "state: deliverable" in site.malle("verify", "probe", address)
    site.malle("verify", "load", "-", stdin=f"{address} undeliverable\n{loaded}\n")
    assert ask(site, address, loaded) == [550, 250]
    assert probes(site, loaded) == 0
    listed = site.malle_json("verify", "list", "--domain", "firm.test")
    assert {entry["address"]: entry["state"] for entry in listed if key in entry["address"]} == {address: "undeliverable", loaded: "deliverable"}
    site.malle("verify", "expire", address)
    assert ask(site, address) == [250]


def test_known_addresses_keep_their_answers_while_the_primary_is_away_also_after_a_restart(
    site: Site, key: str, request: pytest.FixtureRequest
) -> None:
    good, bad, new = f"{key}@firm.test", f"refuse-550-{key}@firm.test", f"new-{key}"
    assert ask(site, good, bad) == [250, 550]
    request.getfixturevalue("primary_away")
    site.project.kill("verify")
    start_verify(site)
    assert ask(site, good, bad, f"{new}@firm.test", f"{new}@mild.test") == [250, 550, 450, 250]
    assert (probes(site, good), probes(site, bad)) == (1, 1)
    site.project.start("sink")
    wait_for_code(site, f"{new}@firm.test", 250)


def test_without_verify_mail_goes_on_and_its_addresses_are_unknown(site: Site, key: str, verify_away: None) -> None:
    assert ask(site, f"{key}@firm.test", f"{key}@mild.test", "postmaster@example.test") == [450, 250, 250]
    site.events.wait(kind="trouble", service="smtpd")
