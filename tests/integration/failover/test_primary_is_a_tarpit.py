"""A primary answers, but takes its time: what waits for it does not keep the mail of another primary, and comes once."""

from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import SECONDS, Post


def test_mail_for_others_overtakes_what_is_in_the_tarpit(lab: TwoSites, post: Post, mailbox: Callable[[], str], key: str) -> None:
    alice, slow = mailbox(), f"tarpit-6-{key}@sink.test"
    # until the secondary has verified him, which takes as long
    lab.events.wait_until(lambda: post.is_accepted(*post.send("backup", slow)), "the recipient is not verified", SECONDS)
    stuck = post.sent[-1]
    others = post.send("backup", alice, count=5)
    for other in others:
        post.event(other, kind="stored", site="primary")
    assert not post.events(stuck, kind="delivered")
    post.event(stuck, kind="delivered", site="backup")
    judgement = post.judge()
    assert (judgement.accepted, judgement.duplicates, judgement.breaks) == (6, 0, [])
