"""End to end beside the peer: SMTP in, queue on disk, LMTP, Maildir. Run it with ``make bench``.

Both stacks run on this machine in one run, interleaved (ours, peer, ours, peer ...), with the same messages from Postfix's own smtp-source, each
in containers with volumes on the same file system. Prints messages a second, CPU milliseconds a message over all containers, and the
ratio of the medians.
"""

import argparse
import json
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from malleposte_lab.project import Project

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_SECONDS = 300.0


@dataclass(frozen=True, slots=True)
class Stack:
    """One side: its project, the name its front door has, and where its mailboxes are."""

    name: str
    project: Project
    server: str
    store: str
    count: str


@dataclass(frozen=True, slots=True)
class Load:
    """What one run sends: ``mailboxes`` senders in parallel with ``sessions`` connections each."""

    mailboxes: int
    sessions: int
    messages: int
    size_bytes: int
    reuse: bool

    @property
    def total(self) -> int:
        return self.mailboxes * self.messages


@dataclass(frozen=True, slots=True)
class Figures:
    """What one run gave."""

    accepted_per_second: float
    delivered_per_second: float
    cpu_ms_per_message: float


def stored(stack: Stack) -> int:
    return int(stack.project.check(stack.store, "sh", "-c", stack.count))


def cpu_seconds(stack: Stack) -> float:
    containers = [c for c in stack.project.containers() if c.labels["com.docker.compose.service"] not in ("client", "dns", "world", "sink", "gate")]
    stats: list[Any] = [c.stats(stream=False) for c in containers if c.status == "running"]
    return float(sum(s["cpu_stats"]["cpu_usage"]["total_usage"] for s in stats)) / 1e9


def run(stack: Stack, load: Load) -> Figures:
    before, cpu = stored(stack), cpu_seconds(stack)
    again = "-d" if load.reuse else ""
    words = f"{again} -s {load.sessions} -m {load.messages} -l {load.size_bytes} -f carol@world.test"
    script = f"for n in $(seq {load.mailboxes}); do smtp-source {words} -t bench$n@example.test {stack.server}:25 & done; wait"
    started = time.monotonic()
    stack.project.check("client", "sh", "-c", script, seconds=DEADLINE_SECONDS)
    accepted = time.monotonic() - started
    wait_until(lambda: stored(stack) >= before + load.total)
    delivered = time.monotonic() - started
    return Figures(load.total / accepted, load.total / delivered, (cpu_seconds(stack) - cpu) * 1000 / load.total)


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + DEADLINE_SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError("messages are missing")
        time.sleep(0.05)


def ours() -> Stack:
    ports = {f"MALLEPOSTE_PORT_{name}": "0" for name in ("MX", "SUBMISSION", "SUBMISSIONS", "IMAP", "IMAPS", "POP3", "POP3S", "SIEVE", "PANEL")}
    project = Project("mpbench-ours", [ROOT / "compose.yaml", ROOT / "tests/lab/compose.lab.yaml"], ports)
    count = "find /mail -type f -path '*/new/*' | wc -l"
    return Stack("malleposte", project, "mx", "mda", count)


def peer() -> Stack:
    project = Project("mpbench-peer", [ROOT / "tests/bench/compose.peer.yaml"], {})
    return Stack("postfix+dovecot", project, "postfix", "dovecot", "find /mail -type f -path '*/new/*' | wc -l")


def start(stack: Stack, load: Load) -> None:
    done = stack.project.compose("up", "-d", "--wait", seconds=DEADLINE_SECONDS)
    if done.status != 0:
        raise RuntimeError(done.err.decode(errors="replace"))
    if stack.name == "malleposte":
        for number in range(1, load.mailboxes + 1):
            stack.project.check("admin", "malle", "account", "add", f"bench{number}@example.test", "--password-stdin", stdin=b"secret\n")


def memory_mb(stack: Stack) -> float:
    running: list[Any] = [c.stats(stream=False) for c in stack.project.containers() if c.status == "running"]
    stats = [one["memory_stats"] for one in running]
    return float(sum(s["usage"] - s["stats"].get("total_inactive_file", s["stats"].get("inactive_file", 0)) for s in stats)) / 2**20


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--messages", type=int, default=300, help="for each of the mailboxes")
    parser.add_argument("--mailboxes", type=int, default=10)
    parser.add_argument("--sessions", type=int, default=2, help="for each of the mailboxes")
    parser.add_argument("--size", type=int, default=4096)
    parser.add_argument("--reuse", action="store_true", help="keep connections")
    words = parser.parse_args()
    load = Load(words.mailboxes, words.sessions, words.messages, words.size, words.reuse)
    stacks = [ours(), peer()]
    results: dict[str, list[Figures]] = {stack.name: [] for stack in stacks}
    try:
        for stack in stacks:
            print(f"starting {stack.name}", flush=True)
            start(stack, load)
        for number in range(words.rounds):
            for stack in stacks:
                figures = run(stack, load)
                results[stack.name].append(figures)
                print(f"round {number} {stack.name}: {figures}", flush=True)
    finally:
        for stack in stacks:
            stack.project.compose("down", "-v", "-t", "2", "--remove-orphans", seconds=DEADLINE_SECONDS)
    report(results)


def report(results: dict[str, list[Figures]]) -> None:
    medians = {
        name: {field: statistics.median(getattr(f, field) for f in figures) for field in Figures.__slots__} for name, figures in results.items()
    }
    mine, theirs = medians["malleposte"], medians["postfix+dovecot"]
    ratios = {"accept": mine["accepted_per_second"] / theirs["accepted_per_second"]}
    ratios["end_to_end"] = mine["delivered_per_second"] / theirs["delivered_per_second"]
    ratios["cpu"] = mine["cpu_ms_per_message"] / theirs["cpu_ms_per_message"]
    out = ROOT / "build/bench/latest.json"
    out.parent.mkdir(parents=True, exist_ok=True)
    out.write_text(json.dumps({"medians": medians, "ratios": ratios}, indent=1))
    for name, values in medians.items():
        print(f"{name:16} " + "  ".join(f"{field} {value:8.2f}" for field, value in values.items()))
    print("ratios           " + "  ".join(f"{name} {value:.2f}" for name, value in ratios.items()))


if __name__ == "__main__":
    main()
