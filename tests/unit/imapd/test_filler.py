"""The catalogue fills, and forgets, while nobody waits for it."""

import contextlib
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from services.imapd import filler
from services.imapd.commands import search
from services.imapd.service import Settings
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.user import UserMail
from tests.unit.imapd.mail import HELLO, MIXED
from tests.unit.imapd.site import ALICE, WAIT_SECONDS, Client, Running


def wait_until(is_done: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WAIT_SECONDS
    while not is_done():
        assert time.monotonic() < deadline


def known(alice: UserMail, folder: str = "INBOX") -> frozenset[int]:
    return alice.folder(folder).shelf().words()


def fill(client: Client, count: int, folder: str = "INBOX") -> None:
    for number in range(count):
        client.append(folder, HELLO if number % 2 else MIXED)


def test_opened_folder_is_filled(imapd: Running, alice: UserMail) -> None:
    with imapd.signed_in() as client:
        fill(client, 45)
        client.ask("SELECT INBOX")
        wait_until(lambda: known(alice) == frozenset(range(1, 46)))
    shelf = alice.folder("INBOX").shelf()
    assert shelf.confirm("WORLD", range(1, 46), in_header=False, in_body=True).fitting == frozenset(range(2, 46, 2))
    assert shelf.headings() == known(alice)


def test_expunged_message_is_forgotten(imapd: Running, alice: UserMail) -> None:
    with imapd.signed_in() as client:
        fill(client, 3)
        client.ask("SELECT INBOX")
        wait_until(lambda: known(alice) == {1, 2, 3})
        client.ask("STORE 2 +FLAGS (\\Deleted)")
        client.ask("EXPUNGE")
        client.ask("EXAMINE INBOX")
        wait_until(lambda: known(alice) == {1, 3})


def test_deleted_folder_is_forgotten(imapd: Running, alice: UserMail) -> None:
    with imapd.signed_in() as client:
        client.ask("CREATE Old")
        fill(client, 3, "Old")
        client.ask("SELECT Old")
        wait_until(lambda: known(alice, "Old") == {1, 2, 3})
        client.ask("SELECT INBOX")
        client.ask("DELETE Old")
        client.ask("SELECT INBOX")
        wait_until(lambda: alice.tidy_catalog(0))


def test_damaged_catalogue_does_not_stop_it(imapd: Running, alice: UserMail) -> None:
    with imapd.signed_in() as client:
        fill(client, 3)
        path = next(imapd.root.rglob("malleposte.index")).with_name("malleposte.catalog")
        path.write_bytes(b"no database" * 1000)
        client.ask("SELECT INBOX")
        assert client.ask("SEARCH BODY world")[0] == b"* SEARCH 2"
        client.ask("SELECT INBOX")
        wait_until(lambda: known(alice) == {1, 2, 3})


@pytest.mark.parametrize(("most", "kept"), [(3, {1, 2, 3}), (2, set())])
def test_search_that_must_read_much_leaves_the_words_to_it(
    imapd: Running, alice: UserMail, monkeypatch: pytest.MonkeyPatch, most: int, kept: set[int]
) -> None:
    monkeypatch.setattr(filler, "PAUSE_SECONDS", WAIT_SECONDS)
    monkeypatch.setattr(search, "KEEP_MESSAGES", most)
    with imapd.signed_in() as client:
        fill(client, 3)
        client.ask("SELECT INBOX")
        for _ in range(2):
            assert client.ask("SEARCH BODY world")[0] == b"* SEARCH 2"
        assert known(alice) == kept


def test_search_that_leaves_the_words_to_it_asks_for_them(imapd: Running, alice: UserMail, monkeypatch: pytest.MonkeyPatch) -> None:
    """A session may stay in a folder for days while mail comes in."""
    monkeypatch.setattr(search, "KEEP_MESSAGES", 0)
    with imapd.signed_in() as client:
        fill(client, 1)
        client.ask("SELECT INBOX")
        wait_until(lambda: known(alice) == {1})
        fill(client, 2)
        client.ask("SEARCH BODY world")
        wait_until(lambda: known(alice) == {1, 2, 3})


def test_search_keeps_all_words_where_nothing_is_filled(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "KEEP_MESSAGES", 0)
    imapd = Running(tmp_path, catalogue_in_background=False)
    with imapd.signed_in() as client:
        fill(client, 3)
        client.ask("SELECT INBOX")
        client.ask("SEARCH BODY world")
    imapd.stop()
    with contextlib.closing(MailStore(Settings(imapd.configuration).mailbox)) as store:
        assert known(store.user(ALICE)) == {1, 2, 3}


def test_nothing_is_filled_when_it_is_switched_off(tmp_path: Path) -> None:
    imapd = Running(tmp_path, catalogue_in_background=False)
    with imapd.signed_in() as client:
        fill(client, 3)
        client.ask("SELECT INBOX")
    imapd.stop()
    with contextlib.closing(MailStore(Settings(imapd.configuration).mailbox)) as store:
        assert known(store.user(ALICE)) == set()
