"""A message from the world into a mailbox, with the trail of its events."""

from collections.abc import Callable

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

SENDER = "carol@world.test"


def content_of(raw: bytes, key: str) -> bytes:
    """The part of a delivered message that the sender wrote: all from its first header on."""
    return raw[raw.index(b"From: <") :]


def test_message_from_the_world_is_read_by_imap_byte_for_byte(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    sent = history.message(key, SENDER, [alice], b"8-bit: \xe9\xff\r\n\r\n..dots\r\n.\r\n \r\nend\r\n")
    with site.mx() as client:
        client.sendmail(SENDER, [alice], sent)
    site.events.wait(kind="stored", recipient=alice)
    (raw,) = site.messages(alice, PASSWORD)
    assert content_of(raw, key) == sent


def test_message_from_the_world_is_read_by_pop3_byte_for_byte(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    sent = history.message(key, SENDER, [alice], b"..two dots\r\n.\r\nend\r\n")
    with site.mx() as client:
        client.sendmail(SENDER, [alice], sent)
    site.events.wait(kind="stored", recipient=alice)
    reader = site.pop3(alice, PASSWORD)
    _, lines, _ = reader.retr(1)
    reader.quit()
    assert content_of(b"\r\n".join(lines) + b"\r\n", key) == sent


def test_delivered_message_carries_its_trace_headers_in_order(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    with site.mx() as client:
        client.sendmail(SENDER, [alice], history.message(key, SENDER, [alice], b"hello\r\n"))
    site.events.wait(kind="stored", recipient=alice)
    (raw,) = site.messages(alice, PASSWORD)
    names = [line.split(b":")[0] for line in raw.split(b"\r\n") if line and not line[:1].isspace()]
    assert names[:4] == [b"Return-Path", b"Delivered-To", b"X-Original-To", b"Received"]
    assert f"Return-Path: <{SENDER}>".encode() in raw


def test_trail_of_a_message_has_every_step_under_one_trace(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    with site.mx() as client:
        client.sendmail(SENDER, [alice], history.message(key, SENDER, [alice], b"hello\r\n"))
    accepted = site.events.wait(kind="accepted", message_id=f"<{key}@lab.test>")
    site.events.wait(kind="removed", trace=accepted["trace"])
    site.events.wait(kind="stored", trace=accepted["trace"])
    trail = {event["kind"]: event["service"] for event in site.events.matching(trace=accepted["trace"])}
    assert trail.items() >= {"accepted": "smtpd", "delivered": "qmgr", "stored": "mda", "removed": "qmgr"}.items()


def test_malle_trace_prints_the_way_of_a_message(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    with site.mx() as client:
        client.sendmail(SENDER, [alice], history.message(key, SENDER, [alice], b"hello\r\n"))
    accepted = site.events.wait(kind="accepted", message_id=f"<{key}@lab.test>")
    site.events.wait(kind="removed", trace=accepted["trace"])
    shown = site.events.wait_until(
        lambda: (text := site.malle("trace", accepted["queue_id"])) and "removed" in text and text, "malle trace does not show the whole way", 10
    )
    assert "accepted" in shown and "stored" in shown and "delivered" in shown


@pytest.mark.parametrize("extension", ["", "+lists", "+a+b"])
def test_recipient_extension_reaches_the_mailbox(site: Site, account: Callable[..., str], key: str, extension: str) -> None:
    alice = account("alice")
    local, _, domain = alice.partition("@")
    with site.mx() as client:
        client.sendmail(SENDER, [f"{local.upper()}{extension}@{domain}"], history.message(key, SENDER, [alice], b"hello\r\n"))
    site.events.wait(kind="stored", message_id=f"<{key}@lab.test>")
    assert len(site.messages(alice, PASSWORD)) == 1


def test_unknown_user_is_refused_with_5_1_1(site: Site, account: Callable[..., str]) -> None:
    account("alice")
    with site.mx() as client:
        client.ehlo()
        client.mail(SENDER)
        code, text = client.rcpt("nobody-at-all@example.test")
    assert (code, text[:5]) == (550, b"5.1.1")


def test_foreign_recipient_is_refused_with_5_7_1(site: Site) -> None:
    with site.mx() as client:
        client.ehlo()
        client.mail(SENDER)
        code, text = client.rcpt("someone@elsewhere.test")
    assert (code, text[:5]) == (550, b"5.7.1")


def test_one_bad_recipient_does_not_harm_the_others(site: Site, account: Callable[..., str], key: str) -> None:
    alice, bob = account("alice"), account("bob")
    with site.mx() as client:
        refused = client.sendmail(SENDER, [alice, "nobody@example.test", bob], history.message(key, SENDER, [alice, bob], b"hello\r\n"))
    assert list(refused) == ["nobody@example.test"]
    site.events.wait(kind="stored", recipient=alice)
    site.events.wait(kind="stored", recipient=bob)


def test_alias_expands_to_all_its_targets(site: Site, account: Callable[..., str], key: str) -> None:
    alice, bob = account("alice"), account("bob")
    team = f"team-{key}@example.test"
    site.malle("alias", "add", team, alice, bob)
    with site.mx() as client:
        client.sendmail(SENDER, [team], history.message(key, SENDER, [team], b"hello\r\n"))
    site.events.wait(kind="stored", recipient=alice)
    site.events.wait(kind="stored", recipient=bob)
    assert f"X-Original-To: {team}".encode() in site.messages(alice, PASSWORD)[0]


def test_over_quota_mailbox_bounces_to_the_sender(site: Site, account: Callable[..., str], key: str) -> None:
    small, sender = account("small", "--quota", "2K"), account("sender")
    with site.submission(sender, PASSWORD) as client:
        client.sendmail(sender, [small], history.message(key, sender, [small], b"x" * 900 + b"\r\n" + (b"y" * 70 + b"\r\n") * 60))
    site.events.wait(kind="bounced", recipient=small)
    site.events.wait(kind="stored", recipient=sender)
    (report,) = site.messages(sender, PASSWORD)
    assert b"multipart/report" in report and b"5.2.2" in report


def test_null_sender_and_postmaster_are_accepted(site: Site) -> None:
    with site.mx() as client:
        client.ehlo()
        assert client.mail("<>")[0] == 250
        assert client.rcpt("postmaster@example.test")[0] == 250


def test_message_over_the_limit_is_refused_at_mail_from(site: Site) -> None:
    with site.mx() as client:
        client.ehlo()
        code, text = client.docmd("MAIL", f"FROM:<{SENDER}> SIZE=99999999999")
    assert (code, text[:5]) == (552, b"5.3.4")
