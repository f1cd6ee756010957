"""What a load is, and how the stacks take turns at it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from tests.bench.kinds import OURS, PEER
from tests.bench.stacks import Stack


class Better(StrEnum):
    """Which way a figure is good: rates are better high, times, memory and CPU low."""

    HIGHER = "higher"
    LOWER = "lower"


@dataclass(frozen=True, slots=True)
class Figure:
    """One number that a load yields in each round."""

    name: str
    unit: str
    better: Better
    headline: str = ""
    """The short name of its ratio, where the figure stands for its kind; of several the last counts, which is the largest."""


@dataclass(frozen=True, slots=True)
class Load:
    """``measure`` gives a stack the load and returns the values of ``figures`` by name; a stack may have no value of some.

    ``prepare`` is called once, with all stacks, before the first round (full mailboxes, a calibration); ``clear`` once after the last. ``rounds``
    limits how often a long one is repeated.
    """

    name: str
    figures: Sequence[Figure]
    measure: Callable[[Stack], Mapping[str, float]]
    stacks: Sequence[str] = (OURS, PEER)
    prepare: Callable[[Sequence[Stack]], None] | None = None
    clear: Callable[[Sequence[Stack]], None] | None = None
    rounds: int | None = None
    size: int = 0
    """How much there is already, in messages: loads with one name but for their last word are a line of a chart."""


@dataclass(slots=True)
class Series:
    """The values of one figure: stack -> one value a round."""

    load: str
    figure: Figure
    values: dict[str, list[float]] = field(default_factory=dict)
    size: int = 0

    @property
    def name(self) -> str:
        return f"{self.load}: {self.figure.name}"


def run(load: Load, stacks: Sequence[Stack], rounds: int, tell: Callable[[str], None]) -> list[Series]:
    """All rounds of one load over those of the stacks that can take it, in turns, whose order changes.

    Raises what ``measure`` raises for us and the peer; a third one that fails is left out.
    """
    able = [stack for stack in stacks if stack.name in load.stacks]
    left = list(able)
    series = [Series(load.name, figure, {stack.name: [] for stack in able}, load.size) for figure in load.figures]
    try:
        if load.prepare:
            load.prepare(able)
        for number in range(min(rounds, load.rounds or rounds)):
            for stack in left[:: 1 if number % 2 == 0 else -1]:
                try:
                    values = load.measure(stack)
                except Exception as error:  # ours and the peer's are raised again; of a third server nothing it does may cost their figures
                    if stack.name in (OURS, PEER):
                        raise
                    tell(f"  {load.name}  round {number + 1}  {stack.name:12} left out: {error}")
                    left.remove(stack)
                    for one in series:
                        del one.values[stack.name]
                    continue
                for one in series:
                    if one.figure.name in values:
                        one.values[stack.name].append(values[one.figure.name])
                shown = "  ".join(f"{name} {value:.4g}" for name, value in values.items())
                tell(f"  {load.name}  round {number + 1}  {stack.name:12} {shown}")
    finally:
        if load.clear:
            load.clear(able)
    return series
