"""The two sites do not see each other, and the world sees both."""

from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import Post


def test_both_take_mail_and_the_secondary_hands_over_when_the_line_is_whole(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    with lab.faults.partition("backup/relay", "primary"), lab.faults.partition("backup/backupmx", "primary"):
        (here,) = post.send("primary", alice)
        (there,) = post.send("backup", alice)
        post.event(here, kind="stored", site="primary")
        post.event(there, kind="deferred", site="backup")
    post.arrive()
    judgement = post.judge()
    assert (judgement.accepted, judgement.breaks) == (2, [])
