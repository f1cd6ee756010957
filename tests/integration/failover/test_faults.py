"""The lab's own promise: each fault does what it says, and is gone when it is undone."""

import datetime
import secrets
import smtplib
import ssl
import time
from collections.abc import Callable

import pytest

from malleposte_lab.twosites import TwoSites
from tests.integration.conftest import PASSWORD
from tests.integration.failover.test_dns_of_domain_gone import attempts

Via = Callable[..., str]
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(scope="module")
def alice(lab_running: TwoSites) -> str:
    """A mailbox that both sites know."""
    address = f"alice-{secrets.token_hex(3)}@example.test"
    lab_running.primary.add_account(address, PASSWORD)
    lab_running.backup.malle("mx", "sync")
    return address


def offered(via: Via, address: str) -> str:
    """The Message-ID of a message that the backup site has taken; empty where it has not."""
    try:
        return via("backup", address)
    except smtplib.SMTPException:
        return ""


def arrives(lab: TwoSites, message_id: str) -> bool:
    return bool(lab.events.wait(60, kind="stored", site="primary", message_id=message_id))


@pytest.mark.parametrize("way", ["primary", "backup", "postfix", "exim"])
def test_every_way_into_the_lab_leads_to_the_mailbox(lab: TwoSites, via: Via, alice: str, way: str) -> None:
    assert arrives(lab, via(way, alice))


@pytest.mark.parametrize("fault", ["stop", "kill"])
def test_service_that_is_down_does_not_answer_and_works_when_the_fault_is_undone(lab: TwoSites, via: Via, alice: str, fault: str) -> None:
    with getattr(lab.faults, fault)("primary/mx"), pytest.raises((OSError, smtplib.SMTPException)):
        via("primary", alice)
    assert arrives(lab, via("primary", alice))


def test_paused_service_takes_nothing_until_it_goes_on(lab: TwoSites, via: Via, alice: str) -> None:
    with lab.faults.pause("primary/mda"):
        message_id = via("primary", alice)
        lab.events.wait(30, kind="queued", site="primary", message_id=message_id)
        assert not lab.events.matching(kind="stored", message_id=message_id)
    assert arrives(lab, message_id)


def test_partition_lies_between_the_two_only_and_outlives_a_restart(lab: TwoSites, via: Via, alice: str) -> None:
    with lab.faults.partition("backup", "primary"):
        lab.faults.kill("backup/relay").undo()
        cut_off = via("backup", alice)
        lab.events.wait(30, kind="deferred", site="backup", message_id=cut_off)
        assert arrives(lab, via("primary", alice))
        assert not lab.events.matching(kind="stored", message_id=cut_off)
    assert arrives(lab, cut_off)


def test_latency_delays_a_link_and_keeps_the_address(lab: TwoSites, via: Via, alice: str) -> None:
    with lab.faults.latency("backup/relay", "primary/mx", 0.3):
        message_id = via("backup", alice)
        delivered = lab.events.wait(60, kind="delivered", site="backup", message_id=message_id)
    assert delivered["seconds"] > 1.5
    clients = {event["client"] for event in lab.events.matching(kind="connected", site="primary", service="smtpd")}
    assert clients & set(lab.parties.addresses("backup/relay"))


@pytest.mark.parametrize("fault", ["slow", "lossy"])
def test_bad_link_passes_mail_in_the_end(lab: TwoSites, via: Via, alice: str, fault: str) -> None:
    with lab.faults.slow("backup/relay", "32kbit") if fault == "slow" else lab.faults.lossy("backup/relay", 0.15, "primary/mx"):
        assert arrives(lab, via("backup", alice))


def refused(via: Via, address: str) -> int:
    """The code with which the backup site refuses a message; 0 when it takes it."""
    try:
        via("backup", address)
    except smtplib.SMTPResponseException as refusal:
        return refusal.smtp_code
    return 0


def test_full_disk_is_answered_452(lab: TwoSites, via: Via, alice: str) -> None:
    # a message that leaves after the disk was filled makes room for another
    lab.events.wait_until(lambda: not lab.backup.malle("queue", "list", "--state", "incoming", "--state", "active"), "mail is on its way", 60)
    with lab.faults.full("backup/mx", "/queue"):
        assert lab.events.wait_until(lambda: refused(via, alice), "the disk takes message after message", 30) == 452
    message_id = lab.events.wait_until(lambda: offered(via, alice), "the disk is still full", 10)
    assert arrives(lab, message_id)


def test_read_only_disk_is_answered_451(lab: TwoSites, via: Via, alice: str) -> None:
    with lab.faults.read_only("backup/mx", "/queue"), pytest.raises(smtplib.SMTPResponseException) as refusal:
        via("backup", alice)
    assert refusal.value.smtp_code in {451, 452}
    assert arrives(lab, via("backup", alice))


def test_clock_of_a_queue_manager_runs_ahead(lab: TwoSites, via: Via, alice: str) -> None:
    def ahead() -> float:
        """By the qmgr of the backup site; it looks at its clock's setting once a second."""
        there = lab.events.wait(60, kind="delivered", site="backup", message_id=via("backup", alice))
        return float(there["time"] - lab.events.wait(60, kind="stored", message_id=there["message_id"])["time"])

    with lab.faults.clock("backup/qmgr", datetime.timedelta(days=3)):
        lab.events.wait_until(lambda: 259_000 < ahead() < 260_000, "the clock is not ahead", 60)


def test_clock_that_is_set_right_leaves_no_mail_asleep(lab: TwoSites, via: Via, alice: str) -> None:
    def deferred_ahead() -> str:
        """The Message-ID of a message that was put aside while the clock was ahead."""
        message_id = via("primary", alice)
        event = lab.events.wait(60, kind="deferred", site="primary", message_id=message_id)
        return message_id if event["time"] > time.time() + 86_400 else ""

    with lab.faults.kill("primary/mda"), lab.faults.clock("primary/qmgr", datetime.timedelta(days=3)):
        message_id = lab.events.wait_until(deferred_ahead, "the clock is not ahead", 60)
    assert arrives(lab, message_id)


def test_domain_that_cannot_be_looked_up_waits(lab: TwoSites, via: Via, alice: str) -> None:
    with lab.dns.servfail("example.test"):
        message_id = via("backup", alice)
        assert "SERVFAIL" in lab.events.wait(30, kind="deferred", site="backup", message_id=message_id)["reply"]
    assert arrives(lab, message_id)


def test_name_server_that_does_not_answer_is_waited_for(lab: TwoSites, via: Via, alice: str) -> None:
    def waits() -> str:
        """The Message-ID of a message whose first attempt has failed for now; relay may know a name for a second."""
        message_id = via("backup", alice)
        (first, *_) = lab.events.wait_until(lambda: attempts(lab, message_id[1:].partition("@")[0]), "no attempt", 90)
        return message_id if first["kind"] == "deferred" else ""

    with lab.faults.partition("backup/relay", "world/dns"):
        message_id = lab.events.wait_until(waits, "what relay knew before does not expire", 90)
        assert "cannot be looked up" in lab.events.wait(kind="deferred", site="backup", message_id=message_id)["reply"]
    assert arrives(lab, message_id)


def test_domain_that_is_no_more_bounces(lab: TwoSites, alice: str, key: str) -> None:
    with lab.dns.nxdomain("sink.test"), lab.primary.submission(alice, PASSWORD) as client:
        client.sendmail(alice, [f"{key}@sink.test"], b"Subject: x\r\n\r\n")
        lab.events.wait(30, kind="bounced", site="primary", recipient=f"{key}@sink.test")


def test_expired_certificate_is_shown_and_then_the_own_one_again(lab: TwoSites) -> None:
    expired = lab.authority.issue_cert("mx1.example.test", not_before=LONG_AGO, not_after=LONG_AGO + datetime.timedelta(days=1))
    context = ssl.create_default_context()
    context.check_hostname = False
    lab.authority.configure_trust(context)
    with lab.faults.certificate("primary/mx", expired.private_key_and_cert_chain_pem.bytes()):
        lab.events.wait(20, kind="reloaded", site="primary", service="smtpd")
        with lab.primary.mx() as client, pytest.raises(ssl.SSLCertVerificationError, match="expired"):
            client.starttls(context=context)
    with lab.primary.mx() as client:
        client.starttls(context=lab.primary.tls)


def test_faults_are_undone_in_reverse_also_when_one_resists(lab: TwoSites) -> None:
    undone: list[str] = []

    def resist() -> None:
        undone.append("second")
        raise OSError("no")

    lab.faults.made("test", "first", lambda: undone.append("first"))
    stubborn = lab.faults.made("test", "second", resist)
    with pytest.raises(ExceptionGroup):
        lab.faults.undo_all()
    assert undone == ["second", "first"]
    stubborn.ended = 1.0
