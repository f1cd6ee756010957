"""Messages on their way from one user's folder to another's."""

import contextlib
import errno
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from services.kernel.mailbox import acl, crossing
from services.kernel.mailbox.arrival import Arrival
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.ledger import Ledger, Row
from services.kernel.mailbox.records import Copied, FlagChange, FlagWord, Origin
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble, MovedInPart, NoSuchMessage, TooManyKeywords
from tests.unit.kernel.mailbox.conftest import ADDRESS, BreakingDisk, Killed, Machine

BOB = "bob@example.test"
MESSAGE = b"Subject: x\r\n\r\nhello\r\n"
FLAGS = frozenset({"\\Seen", "$Work"})


@pytest.fixture
def hers(inbox: Folder, draft: Callable[[bytes], Draft]) -> Folder:
    for _ in range(3):
        inbox.append(draft(MESSAGE), Origin(FLAGS, 1_700_000_000))
    return inbox


@pytest.fixture
def his(store: MailStore) -> Folder:
    return store.user(BOB).folder("INBOX")


def test_copy_has_content_date_and_flags(hers: Folder, his: Folder) -> None:
    hers.remember({2: b"facts"})
    copied = hers.copy((2, 3, 9), his)
    assert (copied.uidvalidity, copied.uids) == (his.uidvalidity, [(2, 1), (3, 2)])
    assert [(message.flags, message.internaldate) for message in his.messages()] == [(FLAGS, 1_700_000_000)] * 2
    assert his.content(1) == MESSAGE and his.facts((1,), bytes) == {1: b"facts"}
    assert list(hers.uids()) == [1, 2, 3]


def test_copy_has_the_flags_that_rights_set(hers: Folder, his: Folder) -> None:
    hers.copy((1,), his, acl.parse("is"))
    assert [message.flags for message in his.messages()] == [{"\\Seen"}] and his.keywords() == ()


def test_copies_change_apart_from_each_other(hers: Folder, his: Folder) -> None:
    hers.copy((1,), his)
    his.store_flags((1,), FlagChange(FlagWord.REPLACE, frozenset()))
    assert hers.messages((1,))[0].flags == FLAGS
    hers.remove((1,))
    assert his.content(1) == MESSAGE


def test_all_are_copied_or_none(hers: Folder, his: Folder, draft: Callable[[bytes], Draft]) -> None:
    his.append(draft(MESSAGE), Origin(frozenset(f"k{number}" for number in range(26))))
    with pytest.raises(TooManyKeywords):
        hers.copy((1, 2), his)
    assert list(his.uids()) == [1]
    assert list((his._home.maildir / "tmp").iterdir()) == []


def test_message_that_goes_meanwhile_is_left_out(hers: Folder, his: Folder) -> None:
    for path in (hers._directory / "cur").glob("*U=2:*"):
        path.unlink()  # its row stays until the next look
    assert hers.copy((1, 2, 3), his).uids == [(1, 1), (3, 2)]


def test_moved_messages_are_in_one_of_the_two_after_a_crash(machine: Machine, hers: Folder, his: Folder) -> None:
    for step in range(12):
        disk = BreakingDisk()
        store = machine.process(disk)
        source, target = store.user(ADDRESS).folder("INBOX"), store.user(BOB).folder("INBOX")
        disk.dies_at = disk.steps + step
        with contextlib.suppress(Killed):
            source.move((3,), target)
        after = machine.process()
        left, come = after.user(ADDRESS).folder("INBOX"), after.user(BOB).folder("INBOX")
        assert left.status().messages == 3 or come.status().messages >= 1
    assert list(left.uids()) == [1, 2]


class ReadOnly(Disk):
    """In ``directories`` nothing can be removed or renamed any more, from a message on that is not the first."""

    def __init__(self, *directories: Path, spares: int = 0) -> None:
        self._directories = directories
        self._spares = spares

    def _check(self, path: str) -> None:
        if Path(path).parent.name != "tmp" and Path(path).parent.parent in self._directories:
            self._spares -= 1
            if self._spares < 0:
                raise PermissionError(errno.EACCES, "Permission denied", path)

    def rename(self, old: str, new: str) -> None:
        self._check(old)
        super().rename(old, new)

    def unlink(self, path: str) -> None:
        self._check(path)
        super().unlink(path)


@pytest.mark.parametrize("spares", [0, 1, 2])
def test_messages_that_cannot_be_removed_stay_where_they_are_and_can_be_moved_later(machine: Machine, hers: Folder, his: Folder, spares: int) -> None:
    store = machine.process(ReadOnly(hers._directory, spares=spares))
    with pytest.raises(MailboxTrouble, match="Permission denied"):
        store.user(ADDRESS).folder("INBOX").move((1, 2, 3), store.user(BOB).folder("INBOX"))
    assert his.status().messages == 0
    assert [(message.uid, message.flags) for message in hers.messages()] == [(uid, FLAGS) for uid in (1, 2, 3)]
    assert list((hers._home.maildir / "tmp").iterdir()) == []
    assert [old for old, _ in hers.move((1, 2, 3), his).uids] == [1, 2, 3]
    assert (hers.status().messages, his.status().messages) == (0, 3)
    assert his.content(his.uids()[0]) == MESSAGE


class Unsynced(Disk):
    """Names in ``directory`` do not come to stable storage."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def sync_directory(self, path: str | Path, *, whole: bool = False) -> None:
        if Path(path).parent == self._directory:
            raise OSError(errno.EIO, "Input/output error", str(path))
        super().sync_directory(path, whole=whole)


@pytest.mark.parametrize("work", [Folder.copy, Folder.move])
def test_copies_go_again_where_their_names_do_not_come_to_stable_storage(
    machine: Machine, hers: Folder, his: Folder, work: Callable[..., Copied]
) -> None:
    store = machine.process(Unsynced(his._directory))
    with pytest.raises(MailboxTrouble, match="Input/output error"):
        work(store.user(ADDRESS).folder("INBOX"), (1, 2), store.user(BOB).folder("INBOX"))
    assert (hers.status().messages, his.status().messages) == (3, 0)
    assert [old for old, _ in work(hers, (1, 2), his).uids] == [1, 2]
    assert his.status().messages == 2


def test_copies_go_again_where_the_index_of_the_source_cannot_be_written(hers: Folder, his: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    bury = Ledger.bury

    def fail(ledger: Ledger, rows: list[Row]) -> None:
        if len(rows) == 2 and ledger.counters.uidnext == 4:
            raise sqlite3.OperationalError("disk I/O error")
        bury(ledger, rows)

    monkeypatch.setattr(Ledger, "bury", fail)
    with pytest.raises(MailboxTrouble, match="disk I/O error"):
        hers.move((1, 2), his)
    assert his.status().messages == 0
    assert [hers.content(uid) for uid in hers.uids()] == [MESSAGE] * 3


def test_copies_that_cannot_be_taken_back_are_told_of(machine: Machine, hers: Folder, his: Folder) -> None:
    store = machine.process(ReadOnly(hers._directory, his._directory))
    with pytest.raises(MovedInPart, match="the copies in INBOX stay"):
        store.user(ADDRESS).folder("INBOX").move((1,), store.user(BOB).folder("INBOX"))
    assert (hers.status().messages, his.status().messages) == (3, 1)


def test_copy_stays_while_its_original_is_not_seen(hers: Folder, his: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(source: Folder, uids: list[int]) -> None:
        source.remove(uids[:1])
        raise MailboxTrouble("broken")

    monkeypatch.setattr(crossing, "_withdraw", fail)
    with pytest.raises(MovedInPart, match="1 of 2 copies in INBOX stay"):
        hers.move((1, 2), his)
    assert (list(hers.uids()), his.status().messages) == ([2, 3], 1)


@pytest.mark.parametrize(("is_broken", "copies"), [(False, 2), (True, 3)])
def test_message_that_another_session_moves_at_the_same_time_is_moved_once_and_the_others_are_told(
    machine: Machine, hers: Folder, his: Folder, monkeypatch: pytest.MonkeyPatch, is_broken: bool, copies: int
) -> None:
    def fail(*_: object) -> None:
        raise MailboxTrouble("broken")

    copy = crossing.copy

    def overtaken(*args: Any) -> Copied:
        monkeypatch.setattr(crossing, "copy", copy)
        copied = copy(*args)
        machine.process().user(ADDRESS).folder("INBOX").move((2,), machine.process().user(BOB).folder("INBOX"))
        if is_broken:
            monkeypatch.setattr(Folder, "remove", fail)
        return copied

    monkeypatch.setattr(crossing, "copy", overtaken)
    assert [old for old, _ in hers.move((1, 2), his).uids] == [1]
    assert (list(hers.uids()), his.status().messages) == ([3], copies)


def arrival(folder: Folder, draft: Callable[[bytes], Draft]) -> Arrival:
    return Arrival(folder.stage(draft(MESSAGE), None), frozenset())


def test_replaced_message_is_gone_and_the_new_one_there(hers: Folder, his: Folder, draft: Callable[[bytes], Draft]) -> None:
    assert his.replace(arrival(his, draft), hers, 2) == 1
    assert list(hers.uids()) == [1, 3] and list(his.uids()) == [1]
    with pytest.raises(NoSuchMessage):
        his.replace(arrival(his, draft), hers, 2)
    assert list(his.uids()) == [1]


def test_new_message_goes_again_where_the_replaced_one_cannot_be_removed(
    machine: Machine, hers: Folder, his: Folder, draft: Callable[[bytes], Draft]
) -> None:
    store = machine.process(ReadOnly(hers._directory))
    with pytest.raises(MailboxTrouble, match="Permission denied"):
        store.user(BOB).folder("INBOX").replace(arrival(his, draft), store.user(ADDRESS).folder("INBOX"), 2)
    assert (list(hers.uids()), his.status().messages) == ([1, 2, 3], 0)
