"""Fixtures of imapd's tests."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.imapd.site import Running


@pytest.fixture
def imapd(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.stop()
