"""The primary takes a message and the line breaks before its answer: it is sent again, and the second copy is the protocol's (RFC 1047)."""

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import SECONDS, Post


def test_message_comes_twice_and_is_not_lost(lab: TwoSites, post: Post, key: str) -> None:
    (sent,) = post.send("backup", f"drop-dot-1-{key}@sink.test")
    post.event(sent, kind="deferred", site="backup", stage="end of DATA")
    post.event(sent, kind="delivered", site="backup")
    lab.events.wait_until(lambda: len(lab.taken(sent)) == 2, "no second copy", SECONDS)
    judgement = post.judge()
    assert (judgement.accepted, judgement.duplicates, judgement.breaks) == (1, 1, [])
