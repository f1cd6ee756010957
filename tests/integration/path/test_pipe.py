"""Mail to commands: what they get, as whom they run, and what their end means."""

import secrets
from collections.abc import Callable

import pytest

from malleposte_lab import history
from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

OUTCOMES = {"delivered", "deferred", "bounced"}


@pytest.fixture(scope="module")
def alice(site: Site) -> str:
    address = f"alice-{secrets.token_hex(3)}@example.test"
    site.add_account(address, PASSWORD)
    return address


@pytest.fixture
def hand_over(site: Site, alice: str, key: str) -> Callable[..., Event]:
    """Submit a message and return what the first attempt made of it."""

    def send(recipient: str) -> Event:
        with site.submission(alice, PASSWORD) as client:
            client.sendmail(alice, [recipient], history.message(f"{key}-{recipient}", alice, [recipient], b"hello\r\n"))

        def first() -> Event | None:
            found = site.events.matching(recipient=recipient, sender=alice, service="qmgr")
            return next((event for event in found if event["kind"] in OUTCOMES), None)

        event: Event = site.events.wait_until(first, f"nothing became of {recipient}", 15)
        return event

    return send


def test_command_runs_as_its_user_with_its_arguments_and_the_message(hand_over: Callable[..., Event], alice: str) -> None:
    event = hand_over("jane+news@lists.test")
    assert event["kind"] == "delivered"
    assert event["reply"] == f"250 2.0.0 delivered via lists service (list:mail jane news Next.Example {alice} Return-Path:X-Original-To:1)"


@pytest.mark.parametrize(
    ("user", "kind", "reply"),
    [
        ("nouser", "bounced", "550 5.1.1 user unknown. Command output: nobody of that name"),
        ("later", "deferred", "450 4.3.0 temporary failure. Command output: come again"),
        ("full", "deferred", "450 4.2.2 over quota"),
        ("slow", "deferred", "450 4.3.0 Command time limit exceeded"),
    ],
)
def test_end_of_a_command_decides(hand_over: Callable[..., Event], user: str, kind: str, reply: str) -> None:
    event = hand_over(f"{user}@lists.test")
    assert (event["kind"], event["reply"]) == (kind, reply)


def test_command_sees_no_tables_no_queue_and_no_other_service_and_has_no_capability(hand_over: Callable[..., Event]) -> None:
    reply = hand_over("look@lists.test")["reply"]
    assert "tables:0 queue:0 capabilities:0000000000000000 groups:1 write:no events:no socket:0 site:no" in reply


def test_no_command_runs_as_root(site: Site, hand_over: Callable[..., Event]) -> None:
    event = hand_over("anyone@root.test")
    assert (event["kind"], event["reply"]) == ("deferred", "450 4.3.5 mail system configuration error")
    assert site.events.wait(kind="trouble", service="pipe")["reason"] == "transport rootly: user root: no command runs as root"


def test_mail_waits_while_the_service_is_down(site: Site, hand_over: Callable[..., Event]) -> None:
    started = len(site.events.matching(kind="started", service="pipe"))
    site.project.container("pipe").stop(timeout=5)
    event = hand_over("jim@lists.test")
    assert event["kind"] == "deferred" and "4.3.5" in event["reply"]
    site.project.start("pipe")
    site.events.wait_until(lambda: len(site.events.matching(kind="started", service="pipe")) > started, "pipe did not come back", 30)
    site.malle("queue", "flush")
    assert site.events.wait(kind="delivered", recipient="jim@lists.test")["reply"].startswith("250 2.0.0 delivered via lists service")
