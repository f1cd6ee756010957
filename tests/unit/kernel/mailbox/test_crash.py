"""The process dies before each step that it takes on the disk; another one opens the mailbox afterwards."""

import asyncio
import contextlib
import errno
import itertools
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from services.kernel.mailbox import disk
from services.kernel.mailbox.arrival import SYNC_ALL_FROM, Arrival
from services.kernel.mailbox.delivery import Delivery, Letter
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.records import Appended, FlagChange, FlagWord, Origin, Quota
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxFull, MailboxTrouble, NoSuchFolder, NoSuchMessage, OverQuota
from tests.unit.kernel.mailbox.conftest import ADDRESS, BreakingDisk, Killed, Machine

MESSAGE = b"Subject: hello\r\n\r\nworld\r\n"
Deed = Callable[[MailStore], object]


def draft(store: MailStore, content: bytes = MESSAGE) -> Draft:
    made = store.draft()
    made.write(content)
    return made


def append(store: MailStore) -> Appended:
    return store.user(ADDRESS).folder("INBOX").append(draft(store), Origin(frozenset({"\\Seen", "New"})))


def append_several(store: MailStore) -> object:
    folder = store.user(ADDRESS).folder("INBOX")
    arrivals = [Arrival(folder.stage(draft(store), None), frozenset(words)) for words in ((), ("\\Seen", "New"), ())]
    return folder.admit(arrivals)


def replace(store: MailStore) -> None:
    user = store.user(ADDRESS)
    inbox, work = user.folder("INBOX"), user.folder("Work")
    staged = work.stage(draft(store), None)
    # a client that asks again after the death finds it done
    with contextlib.suppress(NoSuchMessage):
        work.replace(Arrival(staged, frozenset()), inbox, 1)


def annotate(store: MailStore) -> None:
    store.user(ADDRESS).annotate("Work", {"/private/comment": b"x", "/shared/comment": b"y"})


def flag(store: MailStore) -> object:
    return store.user(ADDRESS).folder("INBOX").store_flags([1, 2], FlagChange(FlagWord.ADD, frozenset({"\\Flagged", "Key"})))


def copy(store: MailStore) -> object:
    return store.user(ADDRESS).folder("INBOX").copy([1, 2], store.user(ADDRESS).folder("Work"))


def move(store: MailStore) -> object:
    return store.user(ADDRESS).folder("INBOX").move([1, 2], store.user(ADDRESS).folder("Work"))


def remove(store: MailStore) -> object:
    return store.user(ADDRESS).folder("INBOX").remove([1, 2])


def rename(store: MailStore) -> None:
    # a client that asks again after the death finds it done
    with contextlib.suppress(NoSuchFolder):
        store.user(ADDRESS).rename("Work", "Play")


def prepare(machine: Machine) -> None:
    """Three messages in INBOX, one in Work."""
    store = machine.process()
    user = store.user(ADDRESS)
    user.create("Work")
    for folder in ("INBOX", "INBOX", "INBOX", "Work"):
        user.folder(folder).append(draft(store), Origin())


def die_at_each_step(machine: Machine, deed: Deed) -> int:
    """Do the deed once for each step at which the process may die, and look at the mailbox after each; return the number of deaths."""
    for step in itertools.count():
        disk = BreakingDisk()
        process = machine.process(disk)
        process.user(ADDRESS).folder("INBOX").status()
        disk.dies_at = disk.steps + step
        try:
            deed(process)
        except Killed:
            check(machine)
            continue
        return step
    raise AssertionError


def check(machine: Machine) -> dict[str, int]:
    """Every message that is listed can be read, every file is listed once, UIDs are distinct, and the figures are right."""
    user = machine.process().user(ADDRESS)
    totals = {}
    for info in user.folders():
        folder = user.folder(info.name)
        status = folder.status()
        messages = folder.messages()
        assert all(folder.content(message.uid) == MESSAGE for message in messages)
        assert (status.messages, status.size_bytes) == (len(messages), sum(message.size for message in messages))
        assert status.uidnext > max((message.uid for message in messages), default=0)
        directory = user.home.directory(info.name)
        assert len(messages) == sum(1 for part in ("new", "cur") for _ in (directory / part).iterdir())
        totals[info.name] = len(messages)
    return totals


@pytest.mark.parametrize("deed", [append, append_several, replace, flag, copy, move, remove], ids=lambda deed: deed.__name__)
def test_death_at_any_step_leaves_a_mailbox_that_adds_up(machine: Machine, deed: Deed) -> None:
    prepare(machine)
    assert die_at_each_step(machine, deed) >= 2


def test_death_in_a_move_loses_nothing(machine: Machine) -> None:
    prepare(machine)
    die_at_each_step(machine, move)
    totals = check(machine)
    assert totals["INBOX"] + totals["Work"] == 4


def test_death_in_a_replacement_leaves_the_old_message_or_the_new_one(machine: Machine) -> None:
    prepare(machine)
    die_at_each_step(machine, replace)
    totals = check(machine)
    assert totals["INBOX"] == 2 and totals["Work"] >= 2


def test_death_while_annotating_leaves_all_annotations_or_none(machine: Machine) -> None:
    prepare(machine)
    die_at_each_step(machine, annotate)
    assert len(machine.process().user(ADDRESS).annotations("Work")) == 2


def test_death_in_a_rename_leaves_the_folder_under_one_of_its_names(machine: Machine) -> None:
    prepare(machine)
    die_at_each_step(machine, rename)
    totals = check(machine)
    assert ("Work" in totals, totals.get("Play")) == (False, 1)


def test_message_that_was_acknowledged_is_there_after_any_death(machine: Machine) -> None:
    prepare(machine)
    before = check(machine)["INBOX"]
    died = die_at_each_step(machine, append)
    assert before + 1 <= check(machine)["INBOX"] <= before + 1 + died


@pytest.mark.parametrize(("number", "trouble"), [(errno.ENOSPC, MailboxFull), (errno.EDQUOT, MailboxFull), (errno.EIO, MailboxTrouble)])
@pytest.mark.parametrize("deed", [append, append_several, replace, flag, copy, move], ids=lambda deed: deed.__name__)
def test_disk_that_fails_is_trouble_and_changes_nothing(machine: Machine, deed: Deed, number: int, trouble: type[Exception]) -> None:
    prepare(machine)
    before = check(machine)
    disk = BreakingDisk()
    process = machine.process(disk)
    process.user(ADDRESS).folder("INBOX").status()
    disk.fails_with = number
    with pytest.raises(trouble):
        deed(process)
    disk.fails_with = 0
    assert check(machine) == before


def test_deliveries_of_many_are_committed_and_all_of_them_are_there(machine: Machine) -> None:
    store = machine.process()
    addresses = [f"user{number % 7}@example.test" for number in range(60)]
    answers = asyncio.run(deliver(store, BreakingDisk(), addresses))
    assert all(isinstance(answer, Appended) for answer in answers)
    folders = [store.user(address).folder("INBOX") for address in sorted(set(addresses))]
    assert sorted(len(folder.messages()) for folder in folders) == [8, 8, 8, 9, 9, 9, 9]
    assert folders[0].content(1) == b"X: user0@example.test\r\n" + MESSAGE


def test_delivery_beyond_the_quota_is_refused_and_the_rest_goes_in(machine: Machine) -> None:
    store = machine.process()
    answers = asyncio.run(deliver(store, BreakingDisk(), [ADDRESS] * 4, Quota(messages=2)))
    assert [type(answer) for answer in answers].count(OverQuota) == 2
    folder = store.user(ADDRESS).folder("INBOX")
    assert folder.status().messages == 2
    assert list((machine.maildir / "tmp").iterdir()) == []


@pytest.mark.parametrize("count", [1, SYNC_ALL_FROM])
def test_delivery_that_cannot_be_synced_is_not_acknowledged(machine: Machine, count: int) -> None:
    store = machine.process()
    disk = BreakingDisk()
    disk.fails_with = errno.EIO
    answers = asyncio.run(deliver(store, disk, [ADDRESS] * count))
    assert [type(answer) for answer in answers] == [MailboxTrouble] * count
    assert check(machine)["INBOX"] == 0


@pytest.mark.parametrize(("count", "calls"), [(1, ["fsync tmp", "fsync new"]), (SYNC_ALL_FROM, ["syncfs tmp", "fsync new"])], ids=["one", "several"])
def test_delivery_is_on_stable_storage_content_and_name_before_it_is_acknowledged(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, count: int, calls: list[str]
) -> None:
    store = machine.process()
    store.user(ADDRESS).folder("INBOX").status()
    synced = note_syncs(monkeypatch)
    answers = asyncio.run(deliver(store, BreakingDisk(), [ADDRESS] * count))
    assert all(isinstance(answer, Appended) for answer in answers)
    assert synced == calls


@pytest.mark.parametrize(("flags", "part"), [((), "new"), (("\\Seen",), "cur")])
def test_append_syncs_the_content_and_the_directory_that_got_the_name_alone(
    machine: Machine, monkeypatch: pytest.MonkeyPatch, flags: tuple[str, ...], part: str
) -> None:
    store = machine.process()
    folder = store.user(ADDRESS).folder("INBOX")
    folder.append(draft(store), Origin(frozenset()))
    synced = note_syncs(monkeypatch)
    folder.append(draft(store), Origin(frozenset(flags)))
    assert synced == ["fsync tmp", f"fsync {part}"]


def note_syncs(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What is synced from now on: the call, and the directory in question or that of the file."""
    synced: list[str] = []

    def noting(name: str, call: Callable[[int], int | None]) -> Callable[[int], int | None]:
        def note(file: int) -> int | None:
            path = Path(os.readlink(f"/proc/self/fd/{file}"))
            synced.append(f"{name} {path.name if path.is_dir() else path.parent.name}")
            return call(file)

        return note

    monkeypatch.setattr(os, "fsync", noting("fsync", os.fsync))
    monkeypatch.setattr(disk._libc, "syncfs", noting("syncfs", disk._libc.syncfs))
    return synced


async def deliver(store: MailStore, disk: BreakingDisk, addresses: list[str], quota: Quota | None = None) -> list[Appended | BaseException]:
    delivery = Delivery(store, disk)
    delivery.start()
    letters = [Letter(address, f"X: {address}\r\n".encode(), draft(store), quota or Quota()) for address in addresses]
    try:
        return await asyncio.gather(*(delivery.deliver(letter) for letter in letters), return_exceptions=True)
    finally:
        await asyncio.to_thread(delivery.close)
