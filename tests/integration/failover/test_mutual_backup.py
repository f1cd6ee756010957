"""Two sites that back each other up: each keeps the mail of the other while that is away, and nothing goes round in circles."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import Post


@pytest.fixture
def second_domain(lab: TwoSites, amend: Callable[..., Any]) -> Iterator[str]:
    """``second.test`` is the backup site's own, another name for example.test, and the primary site stands in for it."""
    lab.dns.set("second.test", "MX 10 mx2.example.test.", "MX 20 mx1.example.test.")
    lab.backup.malle("domain", "add", "second.test", "--class", "alias", "--target", "example.test")
    lab.primary.malle("mx", "add", "second.test")
    amend("primary", ["mx"], {"smtpd.mx.verify_unknown": "accept"})  # it has no mirror of the other's recipients
    yield "second.test"
    lab.primary.malle("mx", "remove", "second.test")
    lab.backup.malle("domain", "delete", "second.test")


def test_each_keeps_the_mail_of_the_other(lab: TwoSites, post: Post, mailbox: Callable[[], str], second_domain: str) -> None:
    alice = mailbox()
    with lab.faults.kill("primary/mx"):
        (first,) = post.send("backup", alice)
        post.event(first, kind="deferred", site="backup")
    post.event(first, kind="stored", site="primary")
    with lab.faults.kill("backup/mx"):
        (second,) = post.send("primary", f"{alice.partition('@')[0]}@{second_domain}")
        post.event(second, kind="deferred", site="primary")
    post.event(second, kind="stored", site="primary", recipient=alice)
    # in at the stand-in, over to its own site, and on to the mailbox: no circle
    assert [event["site"] for event in post.events(second, kind="accepted")] == ["primary", "backup", "primary"]
