"""What an interrupted run leaves, and what ends a wait."""

import json
import os
import signal
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from tests.bench.__main__ import measured, save, stop_on_signals
from tests.bench.kinds import FRONTS, OPENSMTPD, OURS, PEER
from tests.bench.running import Better, Figure, Load, run
from tests.bench.stacks import Conversation, Stack


class Named:
    """All that the rounds ask of a stack."""

    name = OURS


def load(name: str, measure: Callable[[Any], Mapping[str, float]]) -> Load:
    return Load(name, [Figure("rate", "1/s", Better.HIGHER)], measure)


def interrupted(_: object) -> Mapping[str, float]:
    raise KeyboardInterrupt


def failing(_: object) -> Mapping[str, float]:
    raise TimeoutError


def write_all(loads: Sequence[Load], folder: Path) -> None:
    for results, failed in measured(loads, [Named()], 1):  # type: ignore[list-item]  # of a stack only the name is asked
        save(results, {"failed": failed, "cores": 2, "memory_gib": 8, "kernel": "6.1"}, folder)


def test_what_was_measured_before_an_interrupt_is_written(tmp_path: Path) -> None:
    loads = [load("done", lambda _: {"rate": 1.0}), load("failing", failing), load("long", interrupted)]
    with pytest.raises(KeyboardInterrupt):
        write_all(loads, tmp_path)
    document = json.loads((tmp_path / "latest.json").read_text())
    assert [figure["load"] for figure in document["figures"]] == ["done"]
    assert document["facts"]["failed"] == ["failing"]


def test_third_stack_that_fails_leaves_the_figures_of_the_others() -> None:
    def measure(stack: Stack) -> Mapping[str, float]:
        return failing(stack) if stack.name == OPENSMTPD else {"rate": 1.0}

    stacks = [SimpleNamespace(name=name) for name in FRONTS]
    told: list[str] = []
    (series,) = run(replace(load("delivery", measure), stacks=FRONTS), stacks, 2, told.append)  # type: ignore[arg-type]  # only the name is asked
    assert series.values == {OURS: [1.0, 1.0], PEER: [1.0, 1.0]}
    assert len([line for line in told if "left out" in line]) == 1


SIGNALS = (signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def handlers() -> Iterator[None]:
    """Those of the tests are there again afterwards."""
    before = {number: signal.signal(number, lambda *_: None) for number in SIGNALS}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("handlers")
@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_run_as_an_interrupt_does(number: signal.Signals) -> None:
    stop_on_signals()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(number)


@pytest.mark.usefixtures("handlers")
def test_a_run_under_nohup_goes_on_without_its_terminal() -> None:
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    stop_on_signals()
    assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN


def test_a_tool_that_does_not_answer_is_given_up() -> None:
    reading, writing = os.pipe()
    with open(reading) as answers, open(writing, "w") as silent, open(os.devnull, "w") as questions:
        with pytest.raises(TimeoutError, match="no answer to flags"):
            Conversation(questions, answers, 0.01).ask("flags")
        silent.write("{}\n")
        silent.flush()
        assert Conversation(questions, answers, 60).ask("flags") == {}
