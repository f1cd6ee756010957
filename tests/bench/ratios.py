"""Medians, and ours divided by a peer's with the spread of that."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from tests.bench.running import Better, Series


@dataclass(frozen=True, slots=True)
class Summary:
    """Median, least and greatest of the rounds."""

    median: float
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Ratio:
    """Ours divided by the peer's: of the medians, and the least and greatest of single rounds."""

    value: float
    low: float
    high: float
    better: Better

    @property
    def is_good(self) -> bool:
        """Whether ours is at least as good."""
        return self.value >= 1 if self.better is Better.HIGHER else self.value <= 1


def summary(values: Sequence[float]) -> Summary:
    return Summary(statistics.median(values), min(values), max(values))


def ratio(series: Series, ours: str, peer: str) -> Ratio | None:
    """None where one of them was not measured, or the peer's is zero."""
    mine, theirs = series.values.get(ours), series.values.get(peer)
    if not mine or not theirs or not all(theirs):
        return None
    rounds = [one / other for one, other in zip(mine, theirs, strict=True)]
    return Ratio(statistics.median(mine) / statistics.median(theirs), min(rounds), max(rounds), series.figure.better)
