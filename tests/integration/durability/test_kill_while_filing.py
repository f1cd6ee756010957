"""kill -9 of imapd and mda while clients append, copy, move, flag, expunge and rename, and mail comes in.

What was answered is so, no UID is given to two messages, and the index agrees with the files.
"""

import random
import threading
from collections.abc import Callable, Iterator

from malleposte_lab import filing, history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

ROUNDS = 8
CLERKS = 4
FOLDERS = ("INBOX", "Archive", "Trash")
PROGRESS = 60
"""Commands between two kills, at least."""
PACE_SECONDS = 0.02
"""Between two messages that come in, so that each kill meets some."""


def test_what_was_answered_is_so_and_no_uid_has_two_messages(site: Site, account: Callable[..., str]) -> None:
    seed = random.SystemRandom().randrange(2**32)
    print(f"\nseed {seed}")
    chance = random.Random(seed)
    alice = account("alice")
    register, workload, stopping = filing.Register(), history.Workload(), threading.Event()
    clerks = [filing.Clerk(f"c{n}", lambda: site.imap(alice, PASSWORD), FOLDERS, register, seed + n) for n in range(CLERKS)]
    threads = [threading.Thread(target=clerk.run, args=(stopping,)) for clerk in clerks]
    threads.append(threading.Thread(target=workload.run, args=(site.mx, "carol@world.test", [alice], _keys(seed, stopping))))
    for thread in threads:
        thread.start()
    try:
        for _ in range(ROUNDS):
            _kill_in_the_middle(site, chance, register)
        _wait_for_commands(site, register)
    finally:
        stopping.set()
        for thread in threads:
            thread.join()
    site.events.wait_until(lambda: _has_arrived(site, workload, alice), "accepted mail is missing", 60)
    for clerk in clerks:
        clerk.check()
    print(f"{register.commands} commands, {register.unanswered} without an answer; {len(workload.accepted)} messages came in meanwhile")
    assert register.faults == []
    assert all(line.endswith("index and files agree") for line in site.malle("mailbox", "check", alice).splitlines())


def _keys(seed: int, stopping: threading.Event) -> Iterator[str]:
    number = 0
    while not stopping.wait(PACE_SECONDS):
        number += 1
        yield f"s{seed}-{number}"


def _kill_in_the_middle(site: Site, chance: random.Random, register: filing.Register) -> None:
    """Once all goes well again."""
    _wait_for_commands(site, register)
    threading.Event().wait(chance.uniform(0, 0.5))
    service = chance.choice(("imapd", "imapd", "mda"))
    site.project.kill(service)
    site.project.start(service)


def _wait_for_commands(site: Site, register: filing.Register) -> None:
    before = register.commands
    site.events.wait_until(lambda: register.faults or register.commands >= before + PROGRESS, "clients do not get on", 60)


def _has_arrived(site: Site, workload: history.Workload, recipient: str) -> bool:
    site.try_malle("queue", "flush")
    return not history.check(workload, {recipient: site.messages(recipient, PASSWORD)}).lost
