"""One trace across both sites: the secondary's events and what the primary did, and the client that the message first came from."""

from collections.abc import Callable

from malleposte_lab.twosites import TwoSites
from tests.integration.conftest import PASSWORD
from tests.integration.failover.post import SECONDS, Post


def test_trace_on_the_secondary_tells_what_became_of_the_message_at_the_primary(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    (key,) = post.send("backup", alice)
    post.arrive()
    here = post.event(key, kind="accepted", site="backup")
    there = post.event(key, kind="accepted", site="primary")
    assert there["client"] == here["client"] != lab.parties.addresses("backup/relay")[0]
    lab.events.wait(SECONDS, kind="removed", site="primary", trace=here["trace"])
    ((*events,),) = lab.backup.malle_json("trace", f"<{key}@lab.test>")
    life = [(event["site"], event["kind"]) for event in events]
    assert {("backup", "accepted"), ("backup", "delivered"), ("primary", "accepted"), ("primary", "stored")} <= set(life)
    assert life.index(("backup", "accepted")) < life.index(("primary", "accepted")) < life.index(("primary", "stored"))


def test_received_fields_name_every_hop(lab: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    post.send("backup", alice)
    post.arrive()
    (content,) = lab.primary.messages(alice, PASSWORD)
    head, _, _ = content.partition(b"\r\n\r\n")
    received = [field for field in head.replace(b"\r\n\t", b" ").replace(b"\r\n ", b" ").split(b"\r\n") if field.lower().startswith(b"received:")]
    assert [b"by mx1.example.test" in received[-2], b"from mx2.example.test" in received[-2], b"by mx2.example.test" in received[-1]] == [True] * 3
