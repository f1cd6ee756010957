"""What the benchmark says of what it measured."""

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.bench import report, running
from tests.bench.kinds import OPENSMTPD, OURS, PEER
from tests.bench.ratios import ratio, summary
from tests.bench.running import Better, Figure, Load, Series


def series(better: Better, ours: list[float], peer: list[float], headline: str = "", load: str = "accept/4KB") -> Series:
    return Series(load, Figure("rate", "messages/s", better, headline), {OURS: ours, PEER: peer})


def test_ratio_is_of_the_medians_with_the_spread_of_single_rounds() -> None:
    found = ratio(series(Better.HIGHER, [100, 300, 200], [50, 100, 100]), OURS, PEER)
    assert found is not None
    assert (found.value, found.low, found.high) == (2.0, 2.0, 3.0)


@pytest.mark.parametrize(("better", "ours", "is_good"), [("higher", 2, True), ("higher", 0.5, False), ("lower", 2, False), ("lower", 0.5, True)])
def test_rates_are_better_high_and_times_low(better: str, ours: float, is_good: bool) -> None:
    found = ratio(series(Better(better), [ours], [1]), OURS, PEER)
    assert found is not None
    assert found.is_good is is_good


@pytest.mark.parametrize("peer", [[], [0.0]], ids=["not measured", "zero"])
def test_there_is_no_ratio_to_nothing(peer: list[float]) -> None:
    assert ratio(series(Better.LOWER, [1], peer), OURS, PEER) is None


def test_summary_is_the_median_between_the_extremes() -> None:
    found = summary([5, 1, 2])
    assert (found.low, found.median, found.high) == (1, 2, 5)


def test_document_has_each_ratio_by_the_name_of_its_figure_and_by_its_short_name(tmp_path: Path) -> None:
    report.write(tmp_path / "new/latest.json", [series(Better.HIGHER, [3], [2], "accept"), series(Better.LOWER, [1], [4], load="x")], {"cores": 2})
    document = json.loads((tmp_path / "new/latest.json").read_text())
    assert document["ratios"] == {"accept": 1.5, "accept/4KB: rate": 1.5, "x: rate": 0.25}
    assert document["spreads"]["accept"] == {"low": 1.5, "high": 1.5, "better": "higher"}
    assert document["figures"][0]["stacks"][OURS] == {"median": 3, "low": 3, "high": 3, "rounds": [3]}


def test_short_name_is_that_of_the_last_and_largest() -> None:
    small, large = (series(Better.LOWER, [ours], [2], "deferred_start", f"deferred/{ours}") for ours in (1, 3))
    assert report.document([small, large], {})["ratios"]["deferred_start"] == 1.5


def test_table_tells_where_ours_is_worse() -> None:
    good, bad = report.table([series(Better.HIGHER, [2], [1]), series(Better.LOWER, [2], [1])]).splitlines()[1::2]
    assert good.endswith("ratio 2.00 (2.00 to 2.00), higher is better: better")
    assert bad.endswith("ratio 2.00 (2.00 to 2.00), lower is better: WORSE")


def test_page_has_a_row_for_each_figure_that_stands_for_its_kind() -> None:
    results = [series(Better.HIGHER, [3], [2], "accept"), series(Better.LOWER, [1], [4], load="x")]
    page = report.markdown(results, {"cores": 2, "memory_gib": 8, "kernel": "6.1"}).splitlines()
    assert page[0] == "2 cores, 8 GiB, Linux 6.1"
    assert page[4:] == ["| accept | `accept/4KB` | 3 messages/s | 2 messages/s | 1.50 (1.50, 1.50) | higher |"]


class Named:
    """All that the rounds ask of a stack."""

    def __init__(self, name: str) -> None:
        self.name = name


def rounds(load: Load, count: int) -> list[Series]:
    stacks = [Named(name) for name in (OURS, PEER, OPENSMTPD)]
    return running.run(load, stacks, count, lambda _: None)  # type: ignore[arg-type]  # of a stack only the name is asked


def test_stacks_take_turns_that_change_places_and_only_those_that_can_take_the_load() -> None:
    order: list[str] = []

    def measure(stack: Named) -> Mapping[str, float]:
        order.append(stack.name)
        return {"rate": len(order)}

    (found,) = rounds(Load("x", [Figure("rate", "1/s", Better.HIGHER)], measure), 2)  # type: ignore[arg-type]  # see above
    assert order == [OURS, PEER, PEER, OURS]
    assert found.values == {OURS: [1, 4], PEER: [2, 3]}


def test_what_was_prepared_is_cleared_after_a_failure() -> None:
    done: list[str] = []

    def measure(_: object) -> Mapping[str, float]:
        raise TimeoutError

    load = Load("x", [], measure, prepare=lambda _: done.append("prepare"), clear=lambda _: done.append("clear"))
    with pytest.raises(TimeoutError):
        rounds(load, 1)
    assert done == ["prepare", "clear"]


def test_figure_that_a_stack_does_not_have_is_left_out() -> None:
    figures = [Figure(name, "ms", Better.LOWER) for name in ("cpu mx", "cpu front")]
    load = Load("x", figures, lambda stack: {"cpu mx": 1.0} if stack.name == OURS else {"cpu front": 2.0})
    assert [one.values for one in rounds(load, 1)] == [{OURS: [1.0], PEER: []}, {OURS: [], PEER: [2.0]}]
