"""Login at smarthosts: each mechanism, and what happens when it does not go well. The ways are in the table sasl_ways, passwords in sasl_passwd."""

import base64
import json
from collections.abc import Callable

import pytest

from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.routes.conftest import USER, USERS, Sent


@pytest.mark.parametrize(
    ("mechanism", "user"),
    [
        ("PLAIN", "alice"),
        ("LOGIN", "bob"),
        ("CRAM-MD5", "alice"),
        ("SCRAM-SHA-1", "bob"),
        ("SCRAM-SHA-256", "alice"),
        ("XOAUTH2", USER),
    ],
)
def test_mechanism_signs_in_at_postfix(sent: Callable[..., Sent], taken: Callable[..., Event], mechanism: str, user: str) -> None:
    message = sent(f"anyone@{mechanism.lower()}.sasl.test")
    assert message.kind == "delivered", message.reply
    seen = taken("postfix", message)
    assert (seen["sasl_method"], seen["sasl_username"]) == (mechanism, user)


@pytest.mark.parametrize(
    ("way", "peer", "method", "user"),
    [
        ("best", "postfix", "SCRAM-SHA-256", "bob"),
        ("implicit", "postfix", "SCRAM-SHA-256", "bob"),
        ("filtered", "postfix", "LOGIN", "bob"),
        ("hashed", "cram.login", "CRAM-MD5", "alice"),
        ("allowed", "clear.login", "PLAIN", "alice"),
    ],
)
def test_strongest_mechanism_that_may_be_used_signs_in(
    sent: Callable[..., Sent], taken: Callable[..., Event], way: str, peer: str, method: str, user: str
) -> None:
    message = sent(f"anyone@{way}.sasl.test")
    assert message.kind == "delivered", message.reply
    seen = taken(peer, message)
    assert (seen["sasl_method"], seen["sasl_username"]) == (method, user)


def test_odd_password_signs_in_at_exim(sent: Callable[..., Sent], taken: Callable[..., Event]) -> None:
    message = sent("anyone@exim.sasl.test")
    assert message.kind == "delivered", message.reply
    assert taken("exim", message)["sasl_username"] == "odd"


@pytest.mark.parametrize(
    ("way", "enhanced"),
    [("wrong", "4.7.8"), ("cleartext", "4.7.0"), ("busy", "4.7.0"), ("odd", "4.7.0")],
)
def test_login_that_fails_defers(sent: Callable[..., Sent], way: str, enhanced: str) -> None:
    message = sent(f"anyone@{way}.sasl.test")
    assert message.kind == "deferred"
    assert enhanced in message.reply


def test_server_without_a_password_is_spoken_to_without_a_login(sent: Callable[..., Sent], said: Callable[..., list[str]]) -> None:
    message = sent("anyone@stranger.sasl.test")
    assert (message.kind, "530 5.7.0" in message.reply) == ("bounced", True)
    assert not [line for line in said("any.login") if line.startswith("AUTH")]


def test_password_in_clear_text_is_not_sent(sent: Callable[..., Sent], said: Callable[..., list[str]]) -> None:
    before = len(said("clear.login"))
    sent("anyone@cleartext.sasl.test")
    assert not [line for line in said("clear.login")[before:] if line.startswith("AUTH")]


def test_no_secret_is_in_events_and_in_what_is_kept_with_a_message(routes: Site, sent: Callable[..., Sent]) -> None:
    message = sent("anyone@secret.sasl.test")
    shown = routes.project.check("admin", "malle", "queue", "show", "--json", str(message.event["queue_id"]))
    own = [event for event in routes.events.matching() if event.get("service") in ("relay", "qmgr", "mx", "submission")]
    told = shown + json.dumps(own)
    assert "AUTH" in shown  # the dialogue is there
    for user, password in {**USERS, "alice": "not the password"}.items():
        for secret in (password, *(base64.b64encode(text.encode()).decode() for text in (password, f"\0{user}\0{password}"))):
            assert secret not in told
