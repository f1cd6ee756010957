"""``make profile``: where the CPU time of one message goes, from SMTP into its mailbox: ``python -m tests.bench.profile``."""

import argparse
import collections
import json
import secrets
from collections.abc import Mapping
from pathlib import Path

from tests.bench.kinds import PROFILED
from tests.bench.loads.delivery import SESSIONS, SIZE_BYTES
from tests.bench.loads.mail import carry
from tests.bench.stacks import running_stacks

STAGES = ("mx", "qmgr", "relay", "mda")
TOP = 12
"""Functions shown of each stage."""

Sums = Mapping[str, Mapping[str, float]]
"""Stage -> function -> microseconds a message."""


def read(folder: Path, messages: int) -> Sums:
    """What the samplers of all processes wrote."""
    sums: dict[str, dict[str, float]] = {stage: collections.defaultdict(float) for stage in STAGES}
    for file in folder.glob("*.json"):
        for name, seconds in json.loads(file.read_text()).items():
            sums[file.name.split("-")[0]][name] += seconds * 1e6 / messages
    return sums


def package(function: str) -> str:
    """``kernel/spool`` of ``kernel/spool/intake Intake.add``, ``smtpd`` of ``smtpd/message Message.end``."""
    first, *rest = function.split(maxsplit=1)[0].split("/")
    return f"kernel/{rest[0]}" if first == "kernel" and rest else first if rest else function


def packages_table(sums: Sums) -> str:
    """A line a package, a column a stage: microseconds a message."""
    rows: dict[str, dict[str, float]] = collections.defaultdict(lambda: dict.fromkeys(sums, 0.0))
    for stage, functions in sums.items():
        for name, micros in functions.items():
            for row in (package(name), "all"):
                rows[row][stage] += micros
    width = max(map(len, rows))
    head = f"{'µs a message':{width}}" + "".join(f"{stage:>8}" for stage in (*sums, "sum"))
    ordered = sorted(rows.items(), key=lambda row: sum(row[1].values()), reverse=True)
    lines = [f"{name:{width}}" + "".join(f"{micros:8.1f}" for micros in (*row.values(), sum(row.values()))) for name, row in ordered]
    return "\n".join([head, *lines])


def functions_table(sums: Sums) -> str:
    """The dearest functions of each stage: with what they call outside of ours, without what they call of ours."""
    lines = []
    for stage, functions in sums.items():
        lines.append(f"{stage}:")
        dearest = sorted(functions.items(), key=lambda one: one[1], reverse=True)[:TOP]
        lines += [f"{micros:9.1f}  {name}" for name, micros in dearest]
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--messages", type=int, default=3000)
    words = parser.parse_args()
    with running_stacks([PROFILED], secrets.token_hex(3)) as (stack,):
        carry(stack, sessions=SESSIONS, messages=words.messages // 10, size_bytes=SIZE_BYTES)  # mailboxes are made, caches are warm
        (stack.folder / "profiles/begin").touch()
        sent = carry(stack, sessions=SESSIONS, messages=words.messages, size_bytes=SIZE_BYTES)
        stack.project.compose("stop", *STAGES)
        sums = read(stack.folder / "profiles", words.messages)
    print(packages_table(sums), functions_table(sums), sep="\n\n")
    print("CPU by container, µs a message: " + ", ".join(f"{stage} {sent.cpu_seconds[stage] * 1e6 / words.messages:.0f}" for stage in STAGES))


if __name__ == "__main__":
    main()
