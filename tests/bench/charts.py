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
    """A group of bars a load, a bar a stack, on a logarithmic axis; thin lines from the least to the greatest."""
    rates = [series for series in results if series.figure.better is Better.HIGHER]
    if not rates:
        return None
    stacks = _stacks(rates)
    drawing = Drawing(figsize=(9, 1.5 + 0.22 * len(rates) * (len(stacks) + 1)), layout="constrained")
    axes = drawing.add_subplot(xscale="log", title="Throughput by load (higher is better)", xlabel="a second")
    height = 1 / (len(stacks) + 1)
    for place, stack in enumerate(stacks):
        for row, series in enumerate(rates):
            if values := series.values.get(stack):
                median = statistics.median(values)
                spread = [[median - min(values)], [max(values) - median]]
                label = stack if stack not in axes.get_legend_handles_labels()[1] else None
                axes.barh(row + place * height, median, height, xerr=spread, color=_colour(stack, stacks), label=label, ecolor="0.3")
    axes.set_yticks([row + height * (len(stacks) - 1) / 2 for row in range(len(rates))], [_rate_name(series) for series in rates])
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
        axes = drawing.add_subplot(rows, columns, number, title=name, xlabel="messages", xscale="log", ylim=(0, None))
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
