"""The primary returns: the secondary notices by itself and hands over what it has, paced, oldest first, and tells how long it will take."""

from collections.abc import Callable
from typing import Any

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import SECONDS, Post

PATIENT = {"qmgr.minimal_backoff_seconds": 3600, "qmgr.maximal_backoff_seconds": 3600}
"""The schedule of qmgr alone would not try again within this test."""
COUNT = 30


def test_queue_drains_oldest_first_with_the_time_it_takes(
    lab: TwoSites, post: Post, mailbox: Callable[[], str], amend: Callable[..., Any]
) -> None:
    alice = mailbox()
    amend("backup", ["qmgr"], {**PATIENT, "qmgr.backup_rate_limit": 3, "qmgr.backup_concurrency_limit": 1})
    with lab.faults.kill("primary/mx"):
        post.send("backup", alice, count=COUNT)
        post.wait_for_all(kind="deferred", site="backup")
    post.event(post.sent[3], kind="delivered", site="backup")
    (drain,) = (site for site in lab.backup.malle_json("queue", "stat")["sites"] if site["nexthop"] == "relay:example.test")
    assert drain["rate"] > 0
    assert 0 < drain["eta_seconds"] < SECONDS
    post.arrive()
    post.wait_for_all(kind="delivered", site="backup")
    delivered = [event["message_id"] for event in post.events(kind="delivered", site="backup")]
    assert delivered == [f"<{key}@lab.test>" for key in post.sent]
    judgement = post.judge()
    assert (judgement.accepted, judgement.breaks) == (COUNT, [])
