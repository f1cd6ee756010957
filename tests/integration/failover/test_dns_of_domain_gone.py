"""The DNS of the domain does not answer any more: nothing is returned, and all arrives when it does again."""

from collections.abc import Callable

from malleposte_lab.events import Event
from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import SECONDS, Post


def test_nothing_bounces_while_the_domain_cannot_be_looked_up(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    with lab.dns.servfail("example.test"):
        lab.events.wait_until(lambda: waits(lab, *post.send("backup", alice)), "what relay knew before does not expire", SECONDS)
        (comes,) = post.send("primary", alice)
        post.event(comes, kind="stored", site="primary")
        assert "SERVFAIL" in post.events(kind="deferred", site="backup")[-1]["reply"]
    post.arrive()
    judgement = post.judge()
    assert (judgement.bounced, judgement.breaks) == (0, [])


def waits(lab: TwoSites, key: str) -> bool:
    """Whether the first attempt of a message at the secondary has failed for now."""
    tried = lab.events.wait_until(lambda: attempts(lab, key), "no attempt", SECONDS)
    return bool(tried[0]["kind"] == "deferred")


def attempts(lab: TwoSites, key: str) -> list[Event]:
    events = lab.events.matching(site="backup", message_id=f"<{key}@lab.test>")
    return [event for event in events if event["kind"] in {"deferred", "delivered"}]
