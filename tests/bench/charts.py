"""The figures as pictures: throughput by load, CPU a message by stage, and what a queue or a mailbox costs as it grows."""

import statistics
from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from matplotlib.figure import Figure as Drawing

from tests.bench.kinds import OURS
from tests.bench.running import Better, Series

COLOURS = {OURS: "tab:blue"}
OTHERS = ["tab:orange", "tab:green", "tab:red"]
STAGE = "cpu "
"""A figure with this before its name is the part of one service."""

Lines = Mapping[str, list[tuple[int, float]]]
"""Stack -> size and median, by size."""


def draw(folder: Path, results: Sequence[Series]) -> list[Path]:
    """Draw what there are figures for; the files."""
    drawings = {"throughput": throughput(results), "stages": stages(results), "growth": growth(results)}
    files = []
    for name, drawing in drawings.items():
        if drawing is not None:
            files.append(folder / f"{name}.png")
            drawing.savefig(files[-1], dpi=110)
    return files


def throughput(results: Sequence[Series]) -> Drawing | None:
    """A row a load, a dot a stack, with a line from the least to the greatest, on a logarithmic axis."""
    rates = [series for series in results if series.figure.better is Better.HIGHER and not series.size]
    if not rates:
        return None
    stacks = _stacks(rates)
    drawing = Drawing(figsize=(9, 1.5 + 0.3 * len(rates)), layout="constrained")
    axes = drawing.add_subplot(xscale="log", title="Throughput by load (more to the right is better)", xlabel="a second")
    for stack in stacks:
        rows = [(row, series.values[stack]) for row, series in enumerate(rates) if series.values.get(stack)]
        medians = [statistics.median(values) for _, values in rows]
        below = [median - min(values) for median, (_, values) in zip(medians, rows, strict=True)]
        above = [max(values) - median for median, (_, values) in zip(medians, rows, strict=True)]
        axes.errorbar(medians, [row for row, _ in rows], xerr=[below, above], fmt="o", capsize=3, color=_colour(stack, stacks), label=stack)
    axes.set_yticks(range(len(rates)), [_rate_name(series) for series in rates])
    axes.grid(axis="both", alpha=0.3)
    axes.invert_yaxis()
    axes.legend()
    return drawing


def _rate_name(series: Series) -> str:
    return f"{series.load if series.figure.name == 'rate' else series.name} [{series.figure.unit}]"


def stages(results: Sequence[Series]) -> Drawing | None:
    """A bar a stack, cut into what each service took of a message."""
    parts = [series for series in results if series.figure.name.startswith(STAGE) and series.load == "delivery/1"]
    if not parts:
        return None
    stacks = _stacks(parts)
    drawing = Drawing(figsize=(9, 1.5 + 0.6 * len(stacks)), layout="constrained")
    axes = drawing.add_subplot(title="CPU of one message into its mailbox, by stage (lower is better)", xlabel="milliseconds")
    for stack in stacks:
        left = 0.0
        for series in parts:
            if values := series.values.get(stack):
                width = statistics.median(values)
                bar = axes.barh(stack, width, left=left, edgecolor="white", color=_colour(stack, stacks))
                axes.bar_label(bar, [series.figure.name.removeprefix(STAGE)], label_type="center", color="white", fontsize=8)
                left += width
    axes.invert_yaxis()
    return drawing


def growth(results: Sequence[Series]) -> Drawing | None:
    """A small picture a figure, a line a stack."""
    lines = growing(results)
    if not lines:
        return None
    stacks = sorted({stack for one in lines.values() for stack in one}, key=lambda stack: stack != OURS)
    columns = min(3, len(lines))
    rows = -(-len(lines) // columns)
    drawing = Drawing(figsize=(4 * columns, 3 * rows), layout="constrained")
    for number, (name, one) in enumerate(lines.items(), 1):
        axes = drawing.add_subplot(rows, columns, number, title=name, xlabel="messages", xscale="log")
        for stack, points in one.items():
            axes.plot(*zip(*points, strict=True), marker="o", label=stack, color=_colour(stack, stacks))
        axes.set_ylim(bottom=0)
        axes.legend()
    return drawing


def growing(results: Sequence[Series]) -> dict[str, Lines]:
    """The figures of loads that are there in several sizes: name with unit -> lines."""
    found: dict[str, dict[str, list[tuple[int, float]]]] = defaultdict(lambda: defaultdict(list))
    for series in results:
        family, _, _ = series.load.rpartition("/")
        for stack, values in series.values.items():
            if series.size and values:
                found[f"{family}: {series.figure.name} [{series.figure.unit}]"][stack].append((series.size, statistics.median(values)))
    lines = {name: {stack: sorted(points) for stack, points in one.items()} for name, one in found.items()}
    return {name: one for name, one in lines.items() if any(len(points) > 1 for points in one.values())}


def _stacks(results: Sequence[Series]) -> list[str]:
    return list(dict.fromkeys(stack for series in results for stack, values in series.values.items() if values))


def _colour(stack: str, stacks: Sequence[str]) -> str:
    return COLOURS.get(stack) or OTHERS[[name for name in stacks if name not in COLOURS].index(stack)]
