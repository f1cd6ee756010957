"""The history checker finds each kind of break in doctored histories, and none in good ones."""

import dataclasses
import hashlib
from typing import Any

import pytest

from malleposte_lab.checker import Break, History, failed_recipients, judge
from malleposte_lab.history import Workload, message
from malleposte_lab.repeats import Period

ALICE, CAROL = "alice@example.test", "carol@world.test"
BODY = b"hello\r\n"
SENT = 1000.0


def copy(key: str, body: bytes = BODY) -> bytes:
    return b"Return-Path: <carol@world.test>\r\n" + message(key, CAROL, [ALICE], body)


def report(key: str, recipient: str = ALICE, action: str = "failed") -> bytes:
    """A report as a mail server writes it (RFC 3464), with the header of the original."""
    return (
        "From: MAILER-DAEMON@example.test\r\nContent-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        "--b\r\n\r\nSorry.\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx1.example.test\r\n\r\n"
        f"Final-Recipient: rfc822; {recipient}\r\nAction: {action}\r\nStatus: 5.1.1\r\n\r\n"
        f"--b\r\nContent-Type: text/rfc822-headers\r\n\r\nX-Lab-Key: {key}\r\n\r\n--b--\r\n"
    ).encode()


def life(key: str, *ends: str, queue_id: str = "Q1") -> list[dict[str, Any]]:
    facts = {"site": "primary", "queue_id": queue_id, "trace": "T1"}
    begin = [
        {"kind": "accepted", "service": "smtpd", "time": SENT + 1, "message_id": f"<{key}@lab.test>", **facts},
        {"kind": "queued", "service": "qmgr", "time": SENT + 2, **facts},
    ]
    middle = [{"kind": kind, "service": "qmgr", "time": SENT + 3, "recipient": ALICE, **facts} for kind in ends]
    return [*begin, *middle, {"kind": "removed", "service": "qmgr", "time": SENT + 4, **facts}]


def good(**changes: Any) -> History:
    """One message, accepted and delivered once; ``changes`` doctor it."""
    workload = Workload(accepted={("k1", ALICE)}, sent={"k1": SENT}, digests={"k1": hashlib.sha256(b"hello\n").hexdigest()})
    return dataclasses.replace(History(workload, {ALICE: [copy("k1")]}, life("k1", "delivered")), **changes)


def only(history: History) -> Break:
    (broken,) = judge(history).breaks
    return broken


def test_good_history_is_accepted_as_it_is() -> None:
    judgement = judge(good())
    assert (judgement.accepted, judgement.duplicates, judgement.breaks) == (1, 0, [])
    assert str(judgement) == "1 accepted, 0 of them bounced, 0 lost, 0 duplicates"


def test_message_that_is_nowhere_is_lost_and_its_trace_is_shown() -> None:
    broken = only(good(mailboxes={ALICE: []}))
    assert (broken.key, broken.recipient) == ("k1", ALICE)
    assert broken.what.startswith("lost") and '"kind": "delivered"' in str(broken) and '"kind": "accepted"' in str(broken)


def test_message_in_another_mailbox_is_lost_and_misplaced() -> None:
    judgement = judge(good(mailboxes={ALICE: [], "bob@example.test": [copy("k1")]}))
    assert [broken.what.split(":")[0] for broken in judgement.breaks] == ["lost", "nobody sent this there"]


def test_bounce_stands_for_a_copy() -> None:
    judgement = judge(good(mailboxes={ALICE: [], CAROL: [report("k1")]}, events=life("k1", "bounced")))
    assert (judgement.bounced, judgement.breaks) == (1, [])


def test_report_of_a_delay_stands_for_nothing() -> None:
    assert only(good(mailboxes={ALICE: [], CAROL: [report("k1", action="delayed")]})).what.startswith("lost")


@pytest.mark.parametrize(
    "mailboxes",
    [{ALICE: [copy("k1"), copy("k1")]}, {ALICE: [copy("k1")], CAROL: [report("k1")]}, {ALICE: [], CAROL: [report("k1"), report("k1")]}],
    ids=["two copies", "copy and bounce", "two bounces"],
)
def test_second_copy_or_bounce_without_a_cause_is_a_break(mailboxes: dict[str, list[bytes]]) -> None:
    assert "nothing happened that explains it" in only(good(mailboxes=mailboxes)).what


def test_second_copy_is_counted_where_a_fault_explains_it() -> None:
    twice = [{"kind": "stored", "site": "primary", "queue_id": "Q1", "recipient": ALICE, "time": SENT + time} for time in (3, 4)]
    doctored = good(mailboxes={ALICE: [copy("k1")] * 2}, events=[*life("k1", "delivered"), *twice])
    assert "primary/mda" in only(doctored).what
    judgement = judge(dataclasses.replace(doctored, faults=[Period("kill", SENT + 3, SENT + 5, ("primary/relay",))]))
    assert (judgement.duplicates, judgement.breaks) == (1, [])


def test_altered_body_is_a_break() -> None:
    assert only(good(mailboxes={ALICE: [copy("k1", b"hell\r\n")]})).what.startswith("altered")


@pytest.mark.parametrize("outcome", ["refused", "unknown"])
@pytest.mark.parametrize("copies", [0, 1])
def test_message_without_a_250_may_be_anywhere_or_nowhere(outcome: str, copies: int) -> None:
    workload = Workload()
    getattr(workload, outcome).add(("k1", ALICE))
    assert judge(good(workload=workload, mailboxes={ALICE: [copy("k1")] * copies}, events=[])).breaks == []


def test_message_that_nobody_sent_is_a_break() -> None:
    assert only(good(workload=Workload(), events=[])).what == "nobody sent this there"


def test_two_ends_in_one_queue_file_are_a_break() -> None:
    assert only(good(events=life("k1", "delivered", "delivered"))).what == "2 ends of one recipient in one queue file"


def test_two_ends_are_explained_by_a_crash_of_qmgr_after_the_first() -> None:
    twice = good(events=life("k1", "delivered", "delivered"))
    assert judge(dataclasses.replace(twice, faults=[Period("kill", SENT + 3, SENT + 5, ("primary/qmgr",))])).breaks == []
    assert judge(dataclasses.replace(twice, faults=[Period("kill", SENT + 3, SENT + 5, ("backup/qmgr",))])).breaks
    assert judge(dataclasses.replace(twice, faults=[Period("kill", SENT, SENT + 1, ("primary/qmgr",))])).breaks


def test_delivery_before_acceptance_is_a_break() -> None:
    events = [{**event, "time": event["time"] + 60 * (event["kind"] == "accepted")} for event in life("k1", "delivered")]
    assert only(good(events=events)).what == "it had an end before it was accepted"


def test_delivery_after_removal_is_a_break() -> None:
    events = [{**event, "time": event["time"] + 60 * (event["kind"] == "delivered")} for event in life("k1", "delivered")]
    assert only(good(events=events)).what == "something happened to it after it was removed"


def test_recipients_of_a_report_are_those_that_failed() -> None:
    assert failed_recipients(report("k1")) == [ALICE]
    assert failed_recipients(report("k1", action="relayed")) == []
    assert failed_recipients(copy("k1")) is None
