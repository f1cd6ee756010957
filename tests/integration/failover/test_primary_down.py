"""The primary is down: the secondary takes mail for those whom it knows, and for nobody else."""

import smtplib
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import Post


@pytest.fixture
def primary_down(lab: TwoSites) -> Iterator[None]:
    with ExitStack() as stack:
        for service in ("mx", "admin"):
            stack.enter_context(lab.faults.kill(f"primary/{service}"))
        yield


def refusal(lab: TwoSites, recipient: str) -> tuple[int, bytes]:
    with lab.backup.mx() as client, pytest.raises(smtplib.SMTPRecipientsRefused) as refused:
        client.sendmail("carol@world.test", [recipient], b"Subject: x\r\n\r\n")
    return refused.value.recipients[recipient]


def test_known_recipient_is_taken_and_gets_his_mail_when_the_primary_is_back(
    lab: TwoSites, post: Post, mailbox: Callable[[], str]
) -> None:
    alice = mailbox()
    with lab.faults.kill("primary/mx"), lab.faults.kill("primary/admin"):
        (direct,) = post.send("backup", alice)
        (by_dns,) = post.send("postfix", alice)
        post.event(direct, kind="deferred", site="backup")
        post.event(by_dns, kind="accepted", site="backup")
    post.arrive()
    assert not post.judge().breaks


def test_unknown_recipient_and_strange_domain_are_refused(primary_down: None, lab: TwoSites, addresses: Iterator[str], key: str) -> None:
    code, words = refusal(lab, f"nobody-{key}@example.test")
    assert (code, words[:5]) == (550, b"5.1.1")
    code, words = refusal(lab, f"{key}@exim.test")
    assert (code, words[:5]) == (550, b"5.7.1")
