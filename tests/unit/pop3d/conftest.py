"""Fixtures of pop3d's tests: mailboxes in memory and a worker that serves them."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.pop3d.shelf import ListedAccounts, Shelf
from tests.unit.pop3d.site import Running


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def accounts() -> ListedAccounts:
    return ListedAccounts("alice@example.test", "bob@example.test")


@pytest.fixture
def pop3d(tmp_path: Path, shelf: Shelf, accounts: ListedAccounts) -> Iterator[Running]:
    running = Running(tmp_path, shelf, accounts)
    yield running
    running.stop()
