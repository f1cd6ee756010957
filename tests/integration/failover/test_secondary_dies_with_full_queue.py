"""The secondary dies while its queue is full of mail for a primary that is away, and comes back."""

from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import Post

COUNT = 40


def test_nothing_is_lost_when_the_secondary_dies_with_a_full_queue(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    with lab.faults.kill("primary/mx"):
        post.send("backup", alice, count=COUNT)
        post.event(post.sent[0], kind="deferred", site="backup")
        lab.faults.kill("backup").undo()
    post.arrive()
    judgement = post.judge()
    assert (judgement.accepted, judgement.breaks) == (COUNT, [])
