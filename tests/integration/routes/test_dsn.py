"""Who reports success: the next hop where it can, else we do, and say what we know."""

from collections.abc import Callable

import pytest

from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD
from tests.integration.routes.conftest import SENDERS, Sent

ALICE, BOB = SENDERS
MAIL = ["RET=HDRS", "ENVID=+2BQ1"]
RCPT = ["NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;other+2Bname@example.test"]

Send = Callable[..., Sent]


def report_on(routes: Site, message: Sent) -> str:
    """The report that the sender finds in the mailbox."""
    reported = routes.events.wait(kind="reported", caused_by=message.event["queue_id"])
    routes.events.wait(kind="stored", queue_id=reported["queue_id"])
    (content,) = [text for text in routes.messages(ALICE, PASSWORD) if message.key.encode() in text and b"multipart/report" in text]
    return content.decode()


def test_wishes_are_passed_on_where_they_are_understood_and_nothing_is_reported_here(
    routes: Site, sent: Send, taken: Callable[..., Event]
) -> None:
    message = sent("anyone@good.tls.test", mail_options=MAIL, rcpt_options=RCPT)
    mail, rcpt = taken("good.tls", message)["commands"]
    assert set(mail.split()) >= {"RET=HDRS", "ENVID=+2BQ1"}
    assert set(rcpt.split()) >= {"NOTIFY=SUCCESS,FAILURE", "ORCPT=rfc822;other+2Bname@example.test"}
    routes.events.wait(kind="removed", queue_id=message.event["queue_id"])
    assert routes.events.matching(kind="reported", caused_by=message.event["queue_id"]) == []


def test_success_is_reported_as_relayed_where_nobody_else_will(routes: Site, sent: Send, taken: Callable[..., Event]) -> None:
    message = sent("anyone@nodsn.esmtp.test", mail_options=MAIL, rcpt_options=RCPT)
    assert "NOTIFY" not in "".join(taken("nodsn.esmtp", message)["commands"])
    report = report_on(routes, message)
    assert "Action: relayed\r\n" in report
    assert "Original-Envelope-Id: +Q1\r\n" in report
    assert "Original-Recipient: rfc822; other+name@example.test\r\n" in report
    assert "Final-Recipient: rfc822; anyone@nodsn.esmtp.test\r\n" in report
    assert "Remote-MTA: dns; mx.nodsn.esmtp.test\r\n" in report


@pytest.mark.parametrize("recipient", [BOB, "someone@lmtp.test"])
def test_success_is_reported_as_delivered_where_the_mailbox_is(routes: Site, sent: Send, recipient: str) -> None:
    message = sent(recipient, mail_options=MAIL, rcpt_options=RCPT[:1])
    report = report_on(routes, message)
    assert "Action: delivered\r\n" in report
    assert f"Final-Recipient: rfc822; {recipient}\r\n" in report


def test_nothing_is_reported_to_who_never_wants_to_hear(routes: Site, sent: Send) -> None:
    message = sent("refuse-550@nodsn.esmtp.test", rcpt_options=["NOTIFY=NEVER"])
    assert message.kind == "bounced"
    routes.events.wait(kind="removed", queue_id=message.event["queue_id"])
    assert routes.events.matching(kind="reported", caused_by=message.event["queue_id"]) == []


def test_failure_is_reported_with_the_words_of_the_server(routes: Site, sent: Send) -> None:
    message = sent("refuse-550@good.tls.test", mail_options=["RET=HDRS"])
    report = report_on(routes, message)
    assert "Action: failed\r\n" in report
    assert "Diagnostic-Code: smtp; 550 5.0.0 scripted for refuse-550@good.tls.test" in " ".join(report.split("\r\n "))
    assert "text/rfc822-headers" in report
