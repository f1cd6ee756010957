"""One of two recipients is put off, and qmgr is killed meanwhile: who has the message does not get it again."""

from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import SECONDS, Post


def test_recipient_who_has_it_gets_no_second_copy(lab: TwoSites, post: Post, mailbox: Callable[[], str], key: str) -> None:
    alice, other = mailbox(), f"first-451-3-{key}@sink.test"
    (sent,) = post.send("user", alice, other, sender=alice)
    lab.events.wait_until(lambda: len(post.events(sent, kind="deferred", recipient=other)) == 2, "not put off twice", SECONDS)
    lab.faults.kill("primary/qmgr").undo()
    post.event(sent, kind="delivered", recipient=other)
    judgement = post.judge()
    assert (judgement.accepted, judgement.duplicates, judgement.breaks) == (2, 0, [])
