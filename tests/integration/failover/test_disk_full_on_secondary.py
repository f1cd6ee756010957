"""The disk of the secondary is full while the primary is away: the sender hears 452, and what was taken before is not lost."""

from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import CAROL, SECONDS, Post


def test_full_disk_is_answered_452_and_the_queue_survives(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    with lab.faults.kill("primary/mx"):
        before = post.send("backup", alice, count=5)
        post.event(before[-1], kind="deferred", site="backup")
        with lab.faults.full("backup/mx", "/queue"):
            lab.events.wait_until(lambda: code(lab) == 452, "it takes mail with a full disk", SECONDS)
            assert not post.is_accepted(*post.send("backup", alice))
        lab.events.wait_until(lambda: code(lab) == 250, "it takes no mail though there is room again", SECONDS)
        assert post.is_accepted(*before)
    post.arrive()
    judgement = post.judge()
    assert (judgement.accepted, judgement.breaks) == (5, [])


def code(lab: TwoSites) -> int:
    """The answer to MAIL; the room is looked at once a second."""
    with lab.backup.mx() as client:
        client.ehlo()
        return client.mail(CAROL)[0]
