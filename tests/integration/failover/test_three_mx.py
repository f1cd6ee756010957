"""Three MX hosts, the third a Postfix: the secondary hands a message to a better one, whichever answers, and to a worse one never."""

from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import Post


def test_second_best_gets_it_from_the_worst_while_the_best_is_away(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    lab.dns.set("example.test", "MX 10 mx1.example.test.", "MX 15 mx.world.test.", "MX 20 mx2.example.test.")
    with lab.faults.kill("primary/mx"):
        (key,) = post.send("backup", alice)
        assert post.event(key, kind="delivered", site="backup")["remote"].startswith("mx.world.test")
        assert not post.events(key, kind="accepted", site="primary")
    post.arrive()
    # it waited in the middle, and did not come back
    assert [event["site"] for event in post.events(key, kind="accepted")] == ["backup", "primary"]
    assert not post.judge().breaks


def test_worse_host_never_gets_it(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    lab.dns.set("example.test", "MX 10 mx1.example.test.", "MX 20 mx2.example.test.", "MX 30 mx.world.test.")
    with lab.faults.kill("primary/mx"):
        (key,) = post.send("backup", alice)
        post.event(key, kind="deferred", site="backup")
    post.arrive()
    assert post.event(key, kind="delivered", site="backup")["remote"].startswith("mx1.example.test")
    assert not post.judge().breaks
