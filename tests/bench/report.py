"""The results: one JSON file, and a table for the terminal."""

import dataclasses
import json
import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tests.bench.kinds import OURS, PEER
from tests.bench.ratios import Ratio, ratio, summary
from tests.bench.running import Series


def document(results: Sequence[Series], facts: dict[str, Any]) -> dict[str, Any]:
    """What ``latest.json`` holds. ``ratios``: headlines and each figure by name, ours divided by the peer's (Postfix and Dovecot)."""
    ratios: dict[str, float] = {}
    spreads: dict[str, dict[str, Any]] = {}
    for series in results:
        found = ratio(series, OURS, PEER)
        for name in (series.figure.headline, series.name) if found else ():
            if name and found:
                ratios[name] = round(found.value, 3)
                spreads[name] = {"low": round(found.low, 3), "high": round(found.high, 3), "better": found.better}
    return {"facts": facts, "ratios": ratios, "spreads": spreads, "figures": [_described(series) for series in results]}


def _described(series: Series) -> dict[str, Any]:
    figure = {key: value for key, value in dataclasses.asdict(series.figure).items() if value}
    return {"load": series.load, **figure, "stacks": {name: _row(values) for name, values in series.values.items() if values}}


def _row(values: Sequence[float]) -> dict[str, Any]:
    return {**dataclasses.asdict(summary(values)), "rounds": list(values)}


def machine() -> dict[str, Any]:
    """What the figures depend on."""
    pages = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return {"cores": os.cpu_count(), "memory_gib": round(pages / 2**30, 1), "kernel": platform.release(), "load_average": os.getloadavg()}


def write(path: Path, results: Sequence[Series], facts: dict[str, Any]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document(results, facts), indent=1) + "\n")


def markdown(results: Sequence[Series], facts: dict[str, Any]) -> str:
    """The figures that stand for their kind, ready for a page: what the machine is, and a row for each."""
    rows = {series.figure.headline: (series, found) for series in results if series.figure.headline and (found := ratio(series, OURS, PEER))}
    lines = [f"{facts['cores']} cores, {facts['memory_gib']} GiB, Linux {facts['kernel']}", ""]
    lines += ["| | load | ours | Postfix, Dovecot | ratio (from, to) | better is |", "|---|---|---|---|---|---|"]
    for name, (series, found) in rows.items():
        mine, theirs = (f"{summary(series.values[stack]).median:.4g} {series.figure.unit}" for stack in (OURS, PEER))
        lines.append(f"| {name} | `{series.load}` | {mine} | {theirs} | {found.value:.2f} ({found.low:.2f}, {found.high:.2f}) | {found.better} |")
    return "\n".join(lines) + "\n"


def table(results: Sequence[Series]) -> str:
    """A line a figure: medians of each stack with least and greatest, and the ratios to each peer with their spread."""
    width = max((len(series.name) for series in results), default=0)
    return "\n".join(line for series in results for line in _lines(series, width))


def _lines(series: Series, width: int) -> list[str]:
    lines = []
    for number, (stack, values) in enumerate((name, values) for name, values in series.values.items() if values):
        is_first = number == 0
        shown = summary(values)
        found = None if stack == OURS else ratio(series, OURS, stack)
        name = series.name if is_first else ""
        lines.append(
            f"{name:{width}}  {stack:10} {shown.median:10.4g} {series.figure.unit if is_first else '':12} ({shown.low:.4g} to {shown.high:.4g})"
            f"{'  ' + _told(found) if found else ''}"
        )
    return lines


def _told(found: Ratio) -> str:
    good = "better" if found.is_good else "WORSE"
    return f"ratio {found.value:.2f} ({found.low:.2f} to {found.high:.2f}), {found.better} is better: {good}"
