"""Both sites are down: the sender keeps the message and tries again."""

from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import Post


def test_sender_keeps_his_message_until_one_of_them_is_back(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    with lab.faults.kill("primary/mx"):
        with lab.faults.kill("backup/mx"):
            (key,) = post.send("postfix", alice)
            lab.projects["world"].check("postfix", "postqueue", "-f")
            assert not post.events(key, kind="accepted")
        post.event(key, kind="accepted", site="backup")
    post.arrive()
    assert not post.judge().breaks
