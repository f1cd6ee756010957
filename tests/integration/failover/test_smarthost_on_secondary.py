"""A smarthost is set on the secondary: its own mail goes there, and none of a domain that it backs up."""

from collections.abc import Callable
from typing import Any

from malleposte_lab.twosites import TwoSites
from tests.integration.failover.post import Post


def test_mail_of_a_backed_up_domain_waits_for_its_primary_and_is_not_given_to_the_smarthost(
    lab: TwoSites, post: Post, mailbox: Callable[[], str], amend: Callable[..., Any], key: str
) -> None:
    alice, outside = mailbox(), f"{key}@world.test"
    settings = {"routing.relayhost": "[mx.sink.test]", "routing.virtual_alias_maps": [f"inline:{{ {key}@mx2.example.test={outside} }}"]}
    amend("backup", ["qmgr", "mx"], settings)
    with lab.faults.kill("primary/mx"):
        (kept,) = post.send("backup", alice)
        (own,) = post.send("backup", f"{key}@mx2.example.test")
        post.event(own, kind="delivered", site="backup", recipient=outside)
        post.event(kept, kind="deferred", site="backup")
        assert lab.taken(own)
    post.event(kept, kind="stored", site="primary")
    assert not lab.taken(kept)
