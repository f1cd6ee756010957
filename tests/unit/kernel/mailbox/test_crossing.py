"""Messages on their way from one user's folder to another's."""

import contextlib
from collections.abc import Callable

import pytest

from services.kernel.mailbox import acl
from services.kernel.mailbox.arrival import Arrival
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import FlagChange, FlagWord, Origin
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import NoSuchMessage, TooManyKeywords
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
    assert his.content(1) == MESSAGE and his.facts((1,)) == {1: b"facts"}
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


def arrival(folder: Folder, draft: Callable[[bytes], Draft]) -> Arrival:
    return Arrival(folder.stage(draft(MESSAGE), None), frozenset())


def test_replaced_message_is_gone_and_the_new_one_there(hers: Folder, his: Folder, draft: Callable[[bytes], Draft]) -> None:
    assert his.replace(arrival(his, draft), hers, 2) == 1
    assert list(hers.uids()) == [1, 3] and list(his.uids()) == [1]
    with pytest.raises(NoSuchMessage):
        his.replace(arrival(his, draft), hers, 2)
    assert list(his.uids()) == [1]
