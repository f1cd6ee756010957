"""The primary is back and asks for its mail itself, by ETRN (RFC 1985), or its operator does."""

import smtplib
from collections.abc import Callable
from typing import Any

import pytest

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import SECONDS, Post
from tests.integration.failover.test_primary_returns import PATIENT


def by_etrn(lab: TwoSites) -> None:
    with lab.backup.mx() as client:
        client.ehlo()
        assert client.docmd("ETRN", "example.test")[0] == 250
        assert client.docmd("ETRN", "exim.test")[0] == 459


def by_malle(lab: TwoSites) -> None:
    assert "1 message is tried now" in lab.backup.malle("mx", "back", "example.test")


def answers(lab: TwoSites) -> bool:
    try:
        lab.primary.mx().close()
    except smtplib.SMTPServerDisconnected:
        return False
    return True


@pytest.mark.parametrize("ask", [by_etrn, by_malle])
def test_what_waits_is_tried_when_somebody_says_so(
    lab: TwoSites, post: Post, mailbox: Callable[[], str], amend: Callable[..., Any], ask: Callable[[TwoSites], None]
) -> None:
    alice = mailbox()
    lab.faults.kill("backup/backupmx")
    amend("backup", ["qmgr"], PATIENT)
    with lab.faults.kill("primary/mx"):
        (key,) = post.send("backup", alice)
        post.event(key, kind="deferred", site="backup")
    lab.events.wait_until(lambda: answers(lab), "the primary did not start", SECONDS)
    assert not post.events(key, kind="accepted", site="primary")
    ask(lab)
    post.arrive()
