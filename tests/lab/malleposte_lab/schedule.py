"""Random schedules of faults over the lab with two sites: the same seed gives the same schedule, on any machine."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from malleposte_lab.faults import Fault
from malleposte_lab.twosites import TwoSites

ROUND_SECONDS = 4.0
"""When the last fault of a round begins, at the latest half of this; when it ends, at the latest this."""
KILLABLE = ["primary/mx", "primary/qmgr", "primary/relay", "primary/mda", "primary/submission", "backup/mx", "backup/qmgr", "backup/relay"]
PAUSABLE = ["primary/mx", "primary/qmgr", "primary/relay", "primary/mda", "backup/mx", "backup/qmgr", "backup/relay"]
LINKS = [
    ("primary", "backup"),
    ("primary/mx", "world/postfix"),
    ("primary/mx", "world/exim"),
    ("primary/relay", "world/sink"),
    ("backup/relay", "primary/mx"),
    ("backup/relay", "world/dns"),
]
"""Pairs between which mail, or a question about its way, goes."""


@dataclass(frozen=True, slots=True)
class Step:
    """One fault of a schedule: a method of ``Faults`` (or of ``Zones``) with its words, when it begins and how long it lasts."""

    kind: str
    words: tuple[str | float, ...]
    begins: float
    lasts: float

    def make(self, lab: TwoSites) -> Fault:
        """Make the fault now. Where the disks of the lab always have power, the site is killed instead."""
        if self.kind == "power" and not lab.has_disks:
            return lab.faults.kill(self.stops)
        where = lab.dns if self.kind == "servfail" else lab.faults
        fault: Fault = getattr(where, self.kind)(*self.words)
        return fault

    @property
    def stops(self) -> str:
        """The party whose containers do not run meanwhile, if it is a fault of that sort. A disk is shared by half a site."""
        party = str(self.words[0])
        return party if self.kind in {"kill", "stop", "pause"} else party.partition("/")[0] if self.kind == "power" else ""

    def __str__(self) -> str:
        return f"{self.kind} {' '.join(str(word) for word in self.words)} at {self.begins:.1f} s for {self.lasts:.1f} s"


Draw = Callable[[random.Random], tuple[str, tuple[str | float, ...]]]
MENU: Sequence[tuple[int, Draw]] = (
    (6, lambda rng: ("kill", (rng.choice(KILLABLE),))),
    (2, lambda rng: ("kill", (rng.choice(["primary", "backup"]),))),
    (1, lambda rng: ("stop", (rng.choice(["primary", "backup"]),))),
    (2, lambda rng: ("stop", (rng.choice(KILLABLE),))),
    (3, lambda rng: ("pause", (rng.choice(PAUSABLE),))),
    (4, lambda rng: ("partition", rng.choice(LINKS))),
    (4, lambda rng: ("deaf", rng.choice(LINKS[1:]))),
    (2, lambda rng: _lossy(rng.choice(LINKS[1:]), round(rng.uniform(0.05, 0.3), 2))),
    (1, lambda rng: ("slow", (rng.choice(["backup/relay", "primary/relay"]), rng.choice(["32kbit", "128kbit"])))),
    (1, lambda rng: ("latency", ("backup/relay", "primary/mx", round(rng.uniform(0.05, 0.4), 2)))),
    (2, lambda rng: ("full", (rng.choice(["primary/mx", "backup/mx"]), "/queue"))),
    (1, lambda _: ("servfail", ("example.test",))),
    (3, lambda rng: ("power", rng.choice([("primary/mx", "/queue"), ("backup/mx", "/queue"), ("primary/mda", "/mail")]))),
)
"""Weight and draw of each kind of fault."""


def _lossy(link: tuple[str, str], probability: float) -> tuple[str, tuple[str | float, ...]]:
    return ("lossy", (link[0], probability, link[1]))


def draw_round(rng: random.Random) -> list[Step]:
    """One to three faults that overlap; no container is stopped by two of them."""
    steps: list[Step] = []
    for _ in range(rng.randint(1, 3)):
        kind, words = rng.choices([draw for _, draw in MENU], [weight for weight, _ in MENU])[0](rng)
        begins = rng.uniform(0.0, ROUND_SECONDS / 2)
        step = Step(kind, words, round(begins, 1), round(rng.uniform(0.3, ROUND_SECONDS - begins), 1))
        if not any(_overlap(step, other) for other in steps):
            steps.append(step)
    return sorted(steps, key=lambda step: step.begins)


def _overlap(one: Step, other: Step) -> bool:
    if one.kind == other.kind and one.words == other.words:
        return True
    parties = (one.stops, other.stops)
    return all(parties) and (parties[0].startswith(parties[1]) or parties[1].startswith(parties[0]))


def schedule(seed: int, rounds: int) -> list[list[Step]]:
    """The first rounds of a seed; more rounds continue the same schedule."""
    rng = random.Random(seed)
    return [draw_round(rng) for _ in range(rounds)]
