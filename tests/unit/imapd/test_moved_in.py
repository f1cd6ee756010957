"""A mailbox that has just moved in, while its folders are filled."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.imapd.site import ALICE, BOB, Running

CLIENTS = 4


@contextlib.contextmanager
def filling_that_lasts(imapd: Running, address: str) -> Iterator[None]:
    """Somebody's Maildir has a file that can be opened only when this ends."""
    local, _, domain = address.partition("@")
    path = imapd.root / "mail" / domain / local / "Maildir" / "new" / "pipe"
    path.parent.mkdir(parents=True)
    os.mkfifo(path)
    try:
        yield
    finally:
        path.open("wb").close()


@pytest.fixture
def imapd(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, catalogue_in_background=False)
    yield running
    running.stop()


def test_other_users_do_not_wait_for_it(imapd: Running) -> None:
    with contextlib.ExitStack() as clients, imapd.signed_in(BOB) as bob:
        with filling_that_lasts(imapd, ALICE):
            waiting = [clients.enter_context(imapd.signed_in(ALICE)) for _ in range(CLIENTS)]
            for alice in waiting:
                alice.send(b"s SELECT INBOX\r\n")
            assert bob.ask("SELECT INBOX")[-1].startswith(b"OK")
        assert all(alice.replies(b"s")[-1].startswith(b"OK") for alice in waiting)
