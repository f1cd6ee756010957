"""The power fails: what a site has answered 250 for is on the disk, and not in the memory of the machine."""

from collections.abc import Callable

import pytest

from malleposte_lab.twosites import TwoSites
from tests.integration.conftest import PASSWORD
from tests.integration.failover.post import SECONDS, Post

COUNT = 20


@pytest.fixture
def power(lab: TwoSites) -> TwoSites:
    """The lab, with disks whose power can be cut."""
    if not lab.has_disks:
        pytest.skip("this machine has no loop devices for containers")
    return lab


def test_queue_of_the_secondary_survives(power: TwoSites, post: Post, mailbox: Callable[[], str]) -> None:
    alice = mailbox()
    with power.faults.kill("primary/mx"):
        post.send("backup", alice, count=COUNT)
        power.faults.power("backup/mx", "/queue").undo()
    post.arrive()
    judgement = post.judge()
    assert (judgement.accepted, judgement.breaks) == (COUNT, [])


@pytest.mark.parametrize("count", [1, COUNT], ids=["one", "many"])
def test_mail_in_a_mailbox_survives(power: TwoSites, post: Post, mailbox: Callable[[], str], count: int) -> None:
    alice = mailbox()
    post.send("primary", alice, count=count)
    for key in post.sent:
        # the queue, whose disk has power, must not make good what the mailbox forgets
        power.events.wait(SECONDS, kind="removed", queue_id=post.event(key, kind="accepted")["queue_id"])
    power.faults.power("primary/mda", "/mail").undo()
    judgement = post.judge()
    assert (judgement.accepted, judgement.breaks) == (count, [])


def test_report_to_the_sender_survives(power: TwoSites, post: Post, mailbox: Callable[[], str], key: str) -> None:
    alice = mailbox()
    with power.faults.kill("primary/mda"):
        (sent,) = post.send("user", f"refuse-550-{key}@sink.test", sender=alice)
        accepted = post.event(sent, kind="accepted")
        report = power.events.wait(SECONDS, kind="reported", caused_by=accepted["queue_id"])
        power.faults.power("primary/mx", "/queue").undo()
    power.events.wait(SECONDS, kind="stored", queue_id=report["queue_id"])
    assert len(power.primary.messages(alice, PASSWORD)) == 1
