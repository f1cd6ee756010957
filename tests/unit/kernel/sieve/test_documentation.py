"""The page for users tells the truth."""

import re
from pathlib import Path

import pytest

from services.kernel.sieve.capabilities import CAPABILITIES, METADATA
from services.kernel.sieve.script import compile_script

PAGE = (Path(__file__).resolve().parents[4] / "docs/sieve.md").read_text()
EXAMPLES = re.findall(r"(?s)```sieve\n(.*?)```", PAGE)


def test_there_are_examples() -> None:
    assert len(EXAMPLES) >= 5


@pytest.mark.parametrize("example", EXAMPLES)
def test_example_is_a_script_without_errors(example: str) -> None:
    assert compile_script(example.encode()).commands


@pytest.mark.parametrize("capability", sorted(CAPABILITIES | METADATA))
def test_every_capability_is_on_the_page(capability: str) -> None:
    assert f"`{capability.removeprefix('comparator-')}`" in PAGE
