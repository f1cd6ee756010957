"""Faults by a seeded schedule over the lab with two sites while mail flows, and the judgement of what came of it."""

import random
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from malleposte_lab import settings
from malleposte_lab.checker import KEY, History, Judgement, judge
from malleposte_lab.faults import Fault
from malleposte_lab.schedule import Step, draw_round
from malleposte_lab.traffic import CAROL, Traffic, Users
from malleposte_lab.twosites import TwoSites

PASSWORD = "correct horse battery staple"
REST_SECONDS = 180.0
"""How long all queues may take to become empty when nothing is broken any more: retries come every few seconds."""
TEMPTATION = "[mx.sink.test]"
"""The smarthost of the secondary. It takes everything, and nothing of this mail is for it."""
QUEUE = "find /queue/incoming /queue/active /queue/deferred -type f | wc -l"
SPOOL = "cd /var/spool/postfix && find maildrop incoming active deferred -type f | wc -l"

Say = Callable[[str], None]


class StillWaiting(AssertionError):
    """Mail is under way when all should have come to rest: it may not be lost, but nobody can say yet."""


@dataclass(frozen=True, slots=True)
class Result:
    """What a run came to."""

    seed: int
    rounds: int
    judgement: Judgement

    @property
    def is_good(self) -> bool:
        """Whether no promise was broken."""
        return not self.judgement.breaks

    def __str__(self) -> str:
        verdict = self.judgement
        return f"seed {self.seed}: {self.rounds} rounds, {verdict.accepted} accepted, {len(verdict.lost)} lost, {verdict.duplicates} duplicates"


def run(lab: TwoSites, seed: int, rounds: Iterator[list[Step]], say: Say = print) -> Result:
    """Play the rounds while mail flows, wait until all queues are empty, and judge."""
    users = _users(lab)
    began, first_fault = time.time(), len(lab.faults.history)
    traffic = Traffic(lab, users, seed, f"c{secrets.token_hex(4)}")
    settings.amend(lab, "backup", ["qmgr", "mx"], {"routing.relayhost": TEMPTATION})
    lab.faults.is_patient = False  # what has just been started may be hit again before it works
    traffic.start()
    played = 0
    try:
        for steps in rounds:
            played += 1
            play(lab, played, steps, say)
    finally:
        lab.faults.is_patient = True
        lab.faults.undo_all()
        traffic.stop()
    say(f"all is whole again; {len(traffic.workload.accepted)} deliveries accepted, waiting until the queues are empty")
    rest(lab)
    events = [event for event in lab.events.matching() if float(event.get("time", began)) >= began]
    history = History(traffic.workload, _mailboxes(lab, users, traffic), events, lab.faults.periods(first_fault), lab.parties.by_address("world"))
    return Result(seed, played, judge(history))


def play(lab: TwoSites, number: int, steps: list[Step], say: Say) -> None:
    """Make and undo the faults of one round at their times, as soon as this machine can."""
    timeline = sorted((at, order, step) for order, step in enumerate(steps) for at in (step.begins, step.begins + step.lasts))
    clock, begin = threading.Event(), time.monotonic()
    made: dict[int, Fault] = {}
    for at, order, step in timeline:
        clock.wait(max(0.0, begin + at - time.monotonic()))
        if order in made:
            made[order].undo()
        else:
            say(f"round {number}: {step}")
            made[order] = step.make(lab)


def rounds_of(seed: int, *, count: int | None = None, minutes: float | None = None) -> Iterator[list[Step]]:
    """The schedule of a seed: so many rounds, or as many as begin within some minutes."""
    rng, end = random.Random(seed), time.monotonic() + 60 * (minutes or 0)
    played = 0
    while (count is not None and played < count) or (minutes is not None and time.monotonic() < end):
        yield draw_round(rng)
        played += 1


def rest(lab: TwoSites) -> None:
    """Wait until nothing is under way on either site or in the world, or raise ``StillWaiting``."""
    deadline, clock, flushed = time.monotonic() + REST_SECONDS, threading.Event(), 0.0
    waiting: dict[str, int] = {}
    while time.monotonic() < deadline:
        waiting = {name: count for name, count in _waiting(lab).items() if count}
        if not waiting:
            return
        if time.monotonic() - flushed > 10:
            lab.projects["world"].execute("postfix", "postqueue", "-f")
            flushed = time.monotonic()
        clock.wait(1.0)
    raise StillWaiting(f"still waiting after {REST_SECONDS:g} s: {waiting}")


def _waiting(lab: TwoSites) -> dict[str, int]:
    """How many messages each queue holds, seen from outside: files and the words of Postfix and Exim."""
    asked = {
        "primary": ("primary/keeper", QUEUE),
        "backup": ("backup/keeper", QUEUE),
        "postfix": ("world/postfix", SPOOL),
        "exim": ("world/exim", "exim4 -bpc"),
    }
    said = {name: lab.parties.container(party).exec_run(["sh", "-c", script]).output for name, (party, script) in asked.items()}
    return {name: int(output) for name, output in said.items() if isinstance(output, bytes)}


def _users(lab: TwoSites) -> Users:
    word = secrets.token_hex(3)
    users = Users(f"alice-{word}@example.test", f"bob-{word}@example.test", PASSWORD)
    for address in (users.alice, users.bob):
        lab.primary.add_account(address, PASSWORD)
    lab.backup.malle("mx", "sync")  # it shall know them before the primary is gone
    return users


def _mailboxes(lab: TwoSites, users: Users, traffic: Traffic) -> dict[str, list[bytes]]:
    """All mailboxes that messages of this run went to."""
    found = {address: lab.primary.messages(address, PASSWORD) for address in (users.alice, users.bob)}
    found |= lab.sunk(recipient for _, recipient in traffic.workload.marks if recipient.endswith("@sink.test"))
    found[CAROL] = lab.world.carol()
    return {address: [content for content in contents if _is_of(traffic.run, content)] for address, contents in found.items()}


def _is_of(run: str, content: bytes) -> bool:
    return (match := KEY.search(content)) is not None and match[1].decode().startswith(run)
