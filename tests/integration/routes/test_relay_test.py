"""malle relay test: every step to a server, with its time and the peer's words."""

import json
from typing import Any

import pytest

from malleposte_lab.site import Site
from tests.integration.routes.conftest import USERS


def run(routes: Site, *words: str) -> tuple[int, list[dict[str, Any]]]:
    """Exit status, and the steps."""
    done = routes.project.execute("admin", "malle", "relay", "test", "--json", *words)
    return done.status, json.loads(done.out)


def test_domain_is_gone_to_by_its_mx_up_to_rcpt(routes: Site) -> None:
    status, steps = run(routes, "good.tls.test")
    assert (status, [step["name"] for step in steps]) == (
        0,
        ["DNS", "connect", "greeting", "EHLO", "STARTTLS", "TLS", "EHLO", "MAIL", "RCPT"],
    )
    assert steps[1]["server"].startswith("mx.good.tls.test[")
    session, certificate = steps[5]["lines"][:2]
    assert session.startswith("TLSv1.3 ")
    assert "subject " in certificate and "issuer " in certificate and "until " in certificate
    assert all(0 <= step["seconds"] < 10 for step in steps)
    assert not [event for event in routes.events.matching(kind="taken", peer="good.tls") if "postmaster@good.tls.test" in event["to"]]


def test_smarthost_is_signed_in_at_for_the_sender(routes: Site) -> None:
    status, steps = run(routes, "--from", "left@example.test", "--to", "anyone@remote.test", "left:[postfix.test]:587")
    assert status == 0
    assert [step["lines"] for step in steps if step["name"] == "AUTH"] == [["235 2.7.0 Authentication successful"]]
    assert steps[-1]["lines"][0].startswith("250 2.1.5")


def test_refused_login_is_a_failed_step_without_a_secret(routes: Site) -> None:
    status, steps = run(routes, "[postfix.two.test]:587")
    assert (status, steps[-1]["name"], steps[-1]["is_ok"]) == (1, "AUTH", False)
    assert "535" in steps[-1]["lines"][0]
    assert not [word for word in (*USERS.values(), "not the password") if word in str(steps)]


@pytest.mark.parametrize(
    ("host", "reason"),
    [("expired.tls", "expired"), ("selfsigned.tls", "self-signed"), ("wrongname.tls", "not for")],
)
def test_certificate_that_does_not_prove_enough_says_why(routes: Site, host: str, reason: str) -> None:
    status, steps = run(routes, f"strict:[mx.{host}.test]")
    assert (status, steps[-1]["is_ok"]) == (1, False)
    why, *shown = steps[-1]["lines"]
    assert reason in why
    assert shown[0].startswith("subject ")


def test_domain_that_is_not_there_ends_at_the_dns(routes: Site) -> None:
    status, steps = run(routes, "nowhere.nothere.test")
    assert (status, steps[0]["name"], steps[0]["is_ok"]) == (1, "DNS", False)


def test_dead_host_is_followed_by_the_next_and_people_can_read_it(routes: Site) -> None:
    done = routes.project.execute("admin", "malle", "relay", "test", "deadfirst.test")
    lines = done.text.splitlines()
    assert done.status == 1  # one step failed
    assert [line for line in lines if "FAILED" in line and "connect" in line]
    assert lines[-1].split()[0] == "ok" and " RCPT " in lines[-1]
