"""The figures as pictures."""

from collections.abc import Sequence
from pathlib import Path

from tests.bench.running import Series


def draw(folder: Path, results: Sequence[Series]) -> list[Path]:
    """Draw what there are figures for; the files."""
    return []
