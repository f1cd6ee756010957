"""kill -9 of each program at random moments under load: nothing accepted is lost, duplicates are counted."""

import random
import threading
import time
from collections.abc import Callable

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

ROUNDS = 5
"""For each of the four programs: twenty rounds in all."""
MESSAGES = 60
SENDERS = 4


@pytest.mark.parametrize("service", ["mx", "qmgr", "relay", "mda"])
@pytest.mark.parametrize("number", range(ROUNDS))
def test_nothing_accepted_is_lost(site: Site, account: Callable[..., str], service: str, number: int) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"\nkill -9 {service}, round {number}: seed {seed}")
    chance = random.Random(seed)
    mailboxes = [account(f"victim{n}") for n in range(2)]
    workload = history.Workload()
    senders = [
        threading.Thread(target=workload.run, args=(site.mx, "carol@world.test", mailboxes, [f"s{seed}-{n}-{m}" for m in range(MESSAGES)]))
        for n in range(SENDERS)
    ]
    for sender in senders:
        sender.start()
    _kill_after(site, service, chance.uniform(0.05, 1.0))
    for sender in senders:
        sender.join()
    verdict = _wait_for_arrival(site, workload, mailboxes)
    print(f"seed {seed}: {verdict}")
    assert verdict.accepted > 0
    assert verdict.lost == []


def _kill_after(site: Site, service: str, seconds: float) -> None:
    threading.Event().wait(seconds)
    site.project.kill(service)
    site.project.start(service)


def _wait_for_arrival(site: Site, workload: history.Workload, mailboxes: list[str]) -> history.Verdict:
    """Flush and read until nothing is missing and the queue is empty, or the deadline has passed."""
    deadline = time.monotonic() + 90
    while True:
        site.try_malle("queue", "flush")
        contents = {address: site.messages(address, PASSWORD) for address in mailboxes}
        verdict = history.check(workload, contents)
        if not verdict.lost or time.monotonic() > deadline:
            return verdict
        site.events.wait_until(lambda: True, "", 1)
