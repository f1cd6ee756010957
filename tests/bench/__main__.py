"""``python -m tests.bench``: measure, show, write ``build/bench/latest.json`` and charts beside it."""

import argparse
import os
import secrets
import signal
import sys
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from tests.bench import charts, report, running
from tests.bench.kinds import FRONTS, OURS, PEER, ROOT
from tests.bench.loads import chosen
from tests.bench.running import Load, Series
from tests.bench.stacks import Stack, running_stacks

OUT = ROOT / "build/bench"


def measured(loads: Sequence[Load], stacks: Sequence[Stack], rounds: int) -> Iterator[tuple[list[Series], list[str]]]:
    """After each load: all figures so far, and the names of loads that failed."""
    results: list[Series] = []
    failed = []
    for load in loads:
        print(load.name, flush=True)
        try:
            results += running.run(load, stacks, rounds, lambda line: print(line, flush=True))
        except Exception:  # noqa: BLE001  # one load that fails leaves the figures of the others
            traceback.print_exc()
            failed.append(load.name)
        yield results, failed


def save(results: Sequence[Series], facts: dict[str, Any], out: Path = OUT) -> list[Path]:
    """Write the figures; the files."""
    report.write(out / "latest.json", results, facts)
    (out / "latest.md").write_text(report.markdown(results, facts))
    return [out / "latest.json", out / "latest.md"]


def stop_on_signals() -> None:
    """Whoever stops us, the stacks are taken down; what ``nohup`` keeps away stays away."""
    for number in (signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, signal.default_int_handler)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="few messages, one figure of each kind")
    parser.add_argument("--only", default="", help="loads whose names begin so, separated by blanks")
    parser.add_argument("--rounds", type=int, default=0)
    words = parser.parse_args()
    loads = chosen(words.only, words.quick)
    if not loads:
        sys.exit(f"no such load; there are: {', '.join(load.name for load in chosen('', words.quick))}")
    wanted = [name for name in ((OURS, PEER) if words.quick else FRONTS) if any(name in load.stacks for load in loads)]
    began = time.time()
    stop_on_signals()
    with running_stacks(wanted, os.environ.get("BENCH_RUN") or secrets.token_hex(3)) as stacks:
        for results, failed in measured(loads, stacks, words.rounds or (2 if words.quick else 3)):
            files = save(results, {"seconds": round(time.time() - began), "quick": words.quick, "failed": failed, **report.machine()})
        print(report.table(results), flush=True)
    for file in [*files, *charts.draw(OUT, results)]:
        print(file.relative_to(ROOT))
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
