"""Fixtures of imapd's tests."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.imapd.service import Settings
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.user import UserMail
from tests.unit.imapd.site import ALICE, Running


@pytest.fixture
def imapd(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path)
    yield running
    running.stop()


@pytest.fixture
def alice(imapd: Running) -> Iterator[UserMail]:
    """The mailbox as another process sees it."""
    with contextlib.closing(MailStore(Settings(imapd.configuration).mailbox)) as store:
        yield store.user(ALICE)
