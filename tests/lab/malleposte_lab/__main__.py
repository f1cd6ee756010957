"""The lab with two sites, by hand: ``python -m malleposte_lab up|down|chaos|soak``, run in the folder that has ``compose.yaml``."""

import argparse
import os
import random
import sys
from pathlib import Path

from malleposte_lab import chaos
from malleposte_lab.twosites import TwoSitePlan, TwoSites, bring_down, bring_up, running_two_sites

NAME = "malleposte-lab"
PASSWORD = "lab"


def main(words: list[str]) -> int:
    """Run one command and return its exit status."""
    parser = argparse.ArgumentParser(prog="malleposte_lab", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("up", help="start both sites and leave them running")
    commands.add_parser("down", help="take away what `up` started, with all its mail")
    for name, measure, unit in (("chaos", "--rounds", int), ("soak", "--minutes", float)):
        command = commands.add_parser(name, help="break things by a seeded schedule while mail flows; exit status 1 when a message was lost")
        command.add_argument("--seed", type=int, default=random.SystemRandom().randrange(1_000_000))
        command.add_argument(measure, type=unit, default=10)
    chosen = parser.parse_args(words)
    if chosen.command == "up":
        return up()
    if chosen.command == "down":
        bring_down(plan(NAME))
        return 0
    return storm(chosen.seed, getattr(chosen, "rounds", None), getattr(chosen, "minutes", None))


def plan(name: str) -> TwoSitePlan:
    """The lab of this folder's product."""
    return TwoSitePlan(name, Path.cwd(), os.environ.get("MALLEPOSTE_VERSION", "dev"))


def up() -> int:
    """Start both sites with a first user, and say what to do next."""
    lab = bring_up(plan(NAME))
    furnish(lab)
    if lab.primary.try_malle("account", "add", "alice@example.test", "--password-stdin", stdin=f"{PASSWORD}\n").status != 0:
        print("alice@example.test is there already")
    lab.backup.malle("mx", "sync")
    ports = {"primary MX": lab.primary.ports["MX"], "primary IMAPS": lab.primary.ports["IMAPS"], "backup MX": lab.backup.ports["MX"]}
    print("Both sites run. On 127.0.0.1: " + ", ".join(f"{name} {port}" for name, port in ports.items()))
    print(f"alice@example.test has the password {PASSWORD!r}. What to see and do: docs/lab.md. `python -m malleposte_lab down` ends it.")
    return 0


def furnish(lab: TwoSites) -> None:
    """Let the backup site stand in for the primary's domain."""
    lab.backup.malle("domain", "add", "example.test", "--class", "backup")


def storm(seed: int, rounds: int | None, minutes: float | None) -> int:
    """Chaos on a lab of its own, which is taken down afterwards."""
    print(f"seed {seed}", flush=True)
    with running_two_sites(plan(f"{NAME}-{os.getpid()}")) as lab:
        furnish(lab)
        try:
            result = chaos.run(lab, seed, chaos.rounds_of(seed, count=rounds, minutes=minutes), lambda text: print(text, flush=True))
        except BaseException:
            leave_behind(lab, seed)
            raise
        if not result.is_good:
            leave_behind(lab, seed)
            print(result.judgement)
    print(result)
    return 0 if result.is_good else 1


def leave_behind(lab: TwoSites, seed: int) -> None:
    """Save what a run that went wrong is understood by."""
    where = Path("build/lab") / f"seed-{seed}"
    lab.save(where)
    print(f"logs, events and queues: {where}", flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
