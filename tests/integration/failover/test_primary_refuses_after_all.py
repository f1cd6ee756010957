"""The primary refuses a message that the secondary has taken: it is kept for the operator, and no report goes to a sender who may be forged."""

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import Post


def test_refused_message_is_held_and_not_returned(lab: TwoSites, post: Post, key: str) -> None:
    (sent,) = post.send("backup", f"data-554-{key}@sink.test")
    queue_id = post.event(sent, kind="accepted", site="backup")["queue_id"]
    lab.events.wait(60, kind="held", site="backup", queue_id=queue_id)
    assert not lab.events.matching(kind="reported", caused_by=queue_id)
    lab.backup.malle("queue", "delete", queue_id)
    assert not post.returned()
