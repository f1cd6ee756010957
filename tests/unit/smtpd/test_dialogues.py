"""Whole conversations, each a file of ``dialogues/`` named after what it shows; the first word of the name is the role."""

from pathlib import Path

import pytest

from tests.unit.smtpd.dialogue import Dialogue
from tests.unit.smtpd.site import Site

FILES = sorted((Path(__file__).parent / "dialogues").glob("*.txt"))


def test_there_are_dialogues() -> None:
    assert len(FILES) > 10


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_dialogue(path: Path, site: Site) -> None:
    running = site.start(path.stem.split("-")[0], hard_error_limit=12)
    try:
        Dialogue(running).run(path)
    finally:
        running.stop()
