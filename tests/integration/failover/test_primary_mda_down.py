"""The primary has no way to its mailboxes, and takes mail all the same: it waits there, and nobody is told that it failed."""

from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import Post


def test_mail_waits_at_the_primary_while_its_mailboxes_are_away(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    with lab.faults.kill("primary/mda"):
        (direct,) = post.send("primary", alice)
        (handed_over,) = post.send("backup", alice)
        post.event(direct, kind="deferred", site="primary")
        post.event(handed_over, kind="delivered", site="backup")
        post.event(handed_over, kind="deferred", site="primary")
    post.arrive()
    judgement = post.judge()
    assert (judgement.accepted, judgement.bounced, judgement.breaks) == (2, 0, [])
