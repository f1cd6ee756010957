"""A message from a signed-in user to another user, and out to the world."""

import base64
import json
import smtplib
from collections.abc import Callable
from typing import Any

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD


def taken(site: Site, key: str) -> list[dict[str, Any]]:
    """The messages with this key that the sink of the world has taken."""
    lines = site.project.container("sink").logs().splitlines()
    found = [json.loads(line) for line in lines if line.startswith(b"{")]
    return [message for message in found if message["subject"] == key]


def submit(site: Site, sender: str, recipients: list[str], key: str, **options: Any) -> None:
    with site.submission(sender, PASSWORD) as client:
        client.sendmail(sender, recipients, history.message(key, sender, recipients, b"hello\r\n"), **options)


def test_user_writes_to_another_user(site: Site, account: Callable[..., str], key: str) -> None:
    alice, bob = account("alice"), account("bob")
    submit(site, alice, [bob], key)
    site.events.wait(kind="stored", recipient=bob)
    (raw,) = site.messages(bob, PASSWORD)
    assert key.encode() in raw


def test_user_writes_to_the_world_and_the_content_is_unchanged(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    submit(site, alice, ["anyone@sink.test"], key)
    site.events.wait(kind="delivered", recipient="anyone@sink.test", sender=alice)
    (message,) = taken(site, key)
    assert message["from"] == alice
    assert history.message(key, alice, ["anyone@sink.test"], b"hello\r\n") in base64.b64decode(message["content"])


def test_user_writes_to_the_world_and_a_real_postfix_takes_it(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    submit(site, alice, ["carol@world.test"], key)
    event = site.events.wait(kind="delivered", recipient="carol@world.test", sender=alice)
    assert event["reply"].startswith("250 2.0.0")


def test_refusal_by_the_world_comes_back_as_a_report(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    submit(site, alice, ["refuse-550@sink.test"], key)
    site.events.wait(kind="bounced", recipient="refuse-550@sink.test", sender=alice)
    site.events.wait(kind="stored", recipient=alice)
    (report,) = site.messages(alice, PASSWORD)
    assert b"Final-Recipient: rfc822; refuse-550@sink.test" in report.replace(b"rfc822;refuse", b"rfc822; refuse")
    assert b"scripted for refuse-550@sink.test" in report


def test_message_deferred_by_the_world_is_delivered_after_a_flush(site: Site, account: Callable[..., str], key: str) -> None:
    alice, target = account("alice"), f"first-451-1-{key}@sink.test"
    submit(site, alice, [target], key)
    deferred = site.events.wait(kind="deferred", recipient=target)
    assert "scripted" in site.malle("queue", "list", "--to", target)
    site.malle("queue", "flush", deferred["queue_id"])
    site.events.wait(kind="delivered", recipient=target)
    assert len(taken(site, key)) == 1


def test_connection_cut_in_data_is_retried_and_arrives_once(site: Site, account: Callable[..., str], key: str) -> None:
    alice, target = account("alice"), f"drop-data-1-{key}@sink.test"
    submit(site, alice, [target], key)
    deferred = site.events.wait(kind="deferred", recipient=target)
    site.malle("queue", "flush", deferred["queue_id"])
    site.events.wait(kind="delivered", recipient=target)
    assert len(taken(site, key)) == 1


def test_unknown_domain_bounces_with_5_1_2(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    submit(site, alice, ["x@no-such-domain.test"], key)
    event = site.events.wait(kind="bounced", recipient="x@no-such-domain.test", sender=alice)
    assert "5.1.2" in event["reply"]


def test_null_mx_domain_bounces_with_5_1_10(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    submit(site, alice, ["x@nullmx.test"], key)
    event = site.events.wait(kind="bounced", recipient="x@nullmx.test", sender=alice)
    assert "5.1.10" in event["reply"]


def test_dead_first_mx_is_passed_over(site: Site, account: Callable[..., str], key: str) -> None:
    alice, target = account("alice"), f"user-{key}@deadfirst.test"
    submit(site, alice, [target], key)
    site.events.wait(kind="delivered", recipient=target, deadline_seconds=60)
    assert len(taken(site, key)) == 1


def test_sender_of_somebody_else_is_refused(site: Site, account: Callable[..., str]) -> None:
    alice, bob = account("alice"), account("bob")
    with site.submission(alice, PASSWORD) as client, pytest.raises(smtplib.SMTPSenderRefused) as refusal:
        client.sendmail(bob, ["anyone@sink.test"], b"Subject: x\r\n\r\n")
    assert (refusal.value.smtp_code, refusal.value.smtp_error[:5]) == (553, b"5.7.1")


def test_submission_without_login_is_refused(site: Site) -> None:
    with smtplib.SMTP(site.host, site.ports["SUBMISSION"], timeout=30) as client:
        client.starttls(context=site.tls)
        client.ehlo()
        assert client.mail("alice@example.test")[0] == 530


def test_auth_is_not_offered_before_tls(site: Site) -> None:
    with smtplib.SMTP(site.host, site.ports["SUBMISSION"], timeout=30) as client:
        client.ehlo()
        assert not client.has_extn("auth") and client.has_extn("starttls")


def test_wrong_password_is_refused_with_535(site: Site, account: Callable[..., str]) -> None:
    alice = account("alice")
    client = smtplib.SMTP_SSL(site.host, site.ports["SUBMISSIONS"], timeout=30, context=site.tls)
    with client, pytest.raises(smtplib.SMTPAuthenticationError) as refusal:
        client.login(alice, "wrong")
    assert refusal.value.smtp_code == 535


def test_success_report_is_sent_when_asked_for(site: Site, account: Callable[..., str], key: str) -> None:
    alice, bob = account("alice"), account("bob")
    with site.submission(alice, PASSWORD) as client:
        client.sendmail(alice, [bob], history.message(key, alice, [bob], b"hello\r\n"), rcpt_options=["NOTIFY=SUCCESS"])
    site.events.wait(kind="stored", recipient=alice)
    (report,) = site.messages(alice, PASSWORD)
    assert b"Action: delivered" in report
