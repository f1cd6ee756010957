"""Who shares something with whom, and where it is found again."""

import os
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from services.kernel.mailbox import acl, checking, index, shares, volume
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.user import UserMail
from tests.unit.kernel.mailbox.conftest import ADDRESS, Machine

BOB = "bob@example.test"
CAROL = "carol@other.test"


def give(user: UserMail, folder: str, identifier: str, letters: str) -> None:
    user.change_acl(folder, identifier, lambda _: acl.parse(letters))


def test_sharing_is_known_to_other_processes_at_once(machine: Machine, alice: UserMail) -> None:
    other = machine.process().shares
    assert other.owners(BOB) == []
    alice.create("Work")
    give(alice, "Work", f"user={BOB}", "l")
    assert other.owners(BOB) == [ADDRESS] and other.owners(CAROL) == []
    assert other.has(ADDRESS, BOB) and not other.has(ADDRESS, CAROL)
    give(alice, "Work", f"user={BOB}", "")
    assert other.owners(BOB) == []


@pytest.mark.parametrize("identifier", ["anyone", "authenticated"])
def test_sharing_with_all_is_told_all_but_the_owner(store: MailStore, alice: UserMail, identifier: str) -> None:
    give(alice, "INBOX", identifier, "l")
    assert store.shares.owners(BOB) == [ADDRESS] and store.shares.owners(ADDRESS) == []


def test_line_that_takes_rights_shares_nothing(store: MailStore, alice: UserMail) -> None:
    give(alice, "INBOX", f"-user={BOB}", "l")
    give(alice, "INBOX", "owner", "lr")
    give(alice, "INBOX", f"user={ADDRESS}", "lr")
    assert store.shares.owners(BOB) == [] and store.shares.owners("owner") == []


def test_deleted_folder_is_shared_no_more(store: MailStore, alice: UserMail) -> None:
    alice.create("Work")
    give(alice, "Work", f"user={BOB}", "l")
    alice.delete("Work")
    assert store.shares.owners(BOB) == []


def test_others_wait_for_nobody_whose_files_are_read(machine: Machine, alice: UserMail, monkeypatch: pytest.MonkeyPatch) -> None:
    read, bob = acl.read, machine.process().user(BOB)

    def meanwhile(path: Path) -> acl.Acl:
        monkeypatch.setattr(acl, "read", read)
        give(bob, "INBOX", f"user={CAROL}", "l")
        return read(path)

    give(alice, "INBOX", f"user={BOB}", "l")
    (machine.maildir / acl.NAME).write_text(f"user={CAROL} l\n")
    monkeypatch.setattr(shares, "WAIT_SECONDS", 0.1)
    monkeypatch.setattr(acl, "read", meanwhile)
    alice.note_sharing()
    assert machine.process().shares.owners(CAROL) == [ADDRESS, BOB] and not machine.process().shares.has(ADDRESS, BOB)


def test_sharing_of_one_user_is_read_by_one_at_a_time(machine: Machine, alice: UserMail, monkeypatch: pytest.MonkeyPatch) -> None:
    def meanwhile(path: Path) -> acl.Acl:
        with sqlite3.connect(machine.maildir / index.NAME, timeout=0) as db, pytest.raises(sqlite3.OperationalError, match="locked"):
            db.execute("BEGIN IMMEDIATE")
        return acl.Acl()

    give(alice, "INBOX", f"user={BOB}", "l")
    monkeypatch.setattr(acl, "read", meanwhile)
    alice.note_sharing()
    assert machine.process().shares.owners(BOB) == []


def test_folder_that_is_renamed_while_the_cache_is_made_is_in_it(machine: Machine, alice: UserMail, monkeypatch: pytest.MonkeyPatch) -> None:
    alice.create("Work")
    give(alice, "Work", f"user={BOB}", "l")
    monkeypatch.setattr(os, "listdir", lambda _: [])  # the old name was gone already, and the new one not there yet
    checking.check(alice)
    monkeypatch.undo()
    alice.rename("Work", "Play")
    assert machine.process().shares.owners(BOB) == [ADDRESS]


@pytest.mark.parametrize("damage", [None, b"", b"no database at all" * 100])
def test_cache_that_is_lost_or_damaged_is_made_anew(machine: Machine, alice: UserMail, damage: bytes | None) -> None:
    give(alice, "INBOX", f"user={BOB}", "l")
    give(machine.process().user(CAROL), "INBOX", "anyone", "lr")
    path = machine.root / shares.NAME
    path.unlink() if damage is None else path.write_bytes(damage)
    store = machine.process()
    assert store.shares.owners(BOB) == [ADDRESS, CAROL]
    assert store.shares.owners(ADDRESS) == [CAROL]


def test_acl_that_someone_else_put_there_is_found_by_a_check(machine: Machine, store: MailStore, alice: UserMail) -> None:
    assert store.shares.owners(BOB) == []
    alice.folders()
    (machine.maildir / ".Sent/dovecot-acl").write_text(f"user={BOB} lr\n")
    (machine.maildir / ".Junk/dovecot-acl").write_text("nonsense\n")
    checking.check(alice)
    assert store.shares.owners(BOB) == [ADDRESS]


@pytest.mark.parametrize("address", ["a.b@example.test", '"a/b"@example.test', ".hidden@example.test", "50%@example.test", "%2e@example.test"])
def test_every_mailbox_is_found_on_the_volume(machine: Machine, store: MailStore, address: str) -> None:
    store.user(address)
    assert list(volume.present(machine.root)) == [address]


@pytest.mark.parametrize("kind", [PermissionError, NotADirectoryError, FileNotFoundError])
def test_directory_that_cannot_be_read_keeps_nobody_from_the_others(
    machine: Machine, alice: UserMail, monkeypatch: pytest.MonkeyPatch, kind: type[OSError]
) -> None:
    def strict(work: Callable[[Path], object]) -> Callable[[Path], object]:
        def does(path: Path) -> object:
            if {"lost+found", "carol"} & set(Path(path).parts):
                raise kind(str(path))
            return work(path)

        return does

    give(alice, "INBOX", f"user={BOB}", "l")
    machine.process().user(CAROL)
    (machine.root / "lost+found").mkdir()
    (machine.root / shares.NAME).unlink()
    monkeypatch.setattr(os, "scandir", strict(os.scandir))
    monkeypatch.setattr(os, "listdir", strict(os.listdir))
    store = machine.process()
    assert store.shares.owners(BOB) == [ADDRESS]
    assert store.shares.visible(CAROL, BOB) == []


def test_so_many_folders_of_one_owner_are_looked_at_and_those_without_lines_do_not_count(machine: Machine, alice: UserMail) -> None:
    for name in ("A", "B", "C", "D"):
        alice.create(name)
    for name in ("D", "C", "B"):
        give(alice, name, f"user={BOB}", "l")
    assert shares.Shares(machine.root, 2).visible(ADDRESS, BOB) == ["B", "C"]


def test_mailbox_of_an_address_that_has_none_is_not_made(machine: Machine, store: MailStore) -> None:
    assert store.known_user(BOB) is None
    assert list(machine.root.iterdir()) == []
