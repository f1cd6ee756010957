import errno
import os
from collections.abc import Callable

import pytest

from services.kernel.mailbox.draft import MEMORY_BYTES, Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import FlagChange, FlagWord, Origin, Quota
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import NoSuchFolder, NoSuchMessage, TooManyKeywords
from services.kernel.mailbox.user import UserMail
from tests.unit.kernel.mailbox.conftest import ADDRESS, Machine

MakeDraft = Callable[[bytes], Draft]
MESSAGE = b"Subject: hello\r\n\r\nworld\r\n"
SEEN = FlagChange(FlagWord.ADD, frozenset({"\\Seen"}))
DELETED = FlagChange(FlagWord.ADD, frozenset({"\\Deleted"}))


def test_appended_message_is_listed_and_read_back(inbox: Folder, draft: MakeDraft) -> None:
    appended = inbox.append(draft(MESSAGE), Origin(frozenset({"\\Seen", "$Work"}), 1_000_000_000))
    (message,) = inbox.messages()
    assert (appended.uid, message.uid, message.size, message.internaldate) == (1, 1, len(MESSAGE), 1_000_000_000)
    assert message.flags == {"\\Seen", "$Work"}
    assert inbox.content(1) == MESSAGE
    assert inbox.keywords() == ("$Work",)


def test_large_message_goes_by_way_of_a_file_and_is_mapped(inbox: Folder, store: MailStore) -> None:
    large = store.draft()
    blocks = [bytes([65 + number]) * 70_000 + b"\r\n" for number in range(20)]
    for block in blocks:
        large.write(block)
    assert large.size > MEMORY_BYTES
    inbox.append(large, Origin())
    large.close()
    content = inbox.content(1)
    assert not isinstance(content, bytes)
    assert content[:] == b"".join(blocks)


def test_message_without_carriage_returns_is_served_with_them(inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(b"a: b\n\nmixed\r\nlines\n"), Origin())
    (message,) = inbox.messages()
    assert inbox.content(1) == b"a: b\r\n\r\nmixed\r\nlines\r\n"
    assert message.size == len(inbox.content(1))


def test_line_end_split_between_two_blocks_is_one_line_end(inbox: Folder, store: MailStore) -> None:
    split = store.draft()
    for block in (b"a: b\r", b"\n\r\n", b"c\n", b"\n"):
        split.write(block)
    assert split.bare_lf == 2
    inbox.append(split, Origin())
    assert inbox.content(1) == b"a: b\r\n\r\nc\r\n\r\n"


def test_each_change_takes_a_new_modseq_and_shows_in_the_feed(inbox: Folder, draft: MakeDraft) -> None:
    for _ in range(3):
        inbox.append(draft(MESSAGE), Origin())
    before = inbox.status().highestmodseq
    inbox.store_flags([2], SEEN)
    inbox.store_flags([3], DELETED)
    inbox.expunge()
    changes = inbox.changes(before)
    assert [message.uid for message in changes.changed] == [2]
    assert changes.vanished == [3]
    assert changes.status.highestmodseq == before + 3
    assert (changes.status.messages, changes.status.unseen, changes.status.uidnext) == (2, 1, 4)


def test_storing_flags_that_are_there_already_changes_nothing(inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin(frozenset({"\\Seen"})))
    before = inbox.status()
    stored = inbox.store_flags([1], SEEN)
    assert [message.flags for message in stored.messages] == [{"\\Seen"}]
    assert inbox.status() == before


def test_store_leaves_alone_what_changed_since(inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    inbox.append(draft(MESSAGE), Origin())
    known = inbox.status().highestmodseq
    inbox.store_flags([1], SEEN)
    stored = inbox.store_flags([1, 2, 99], FlagChange(FlagWord.ADD, frozenset({"\\Flagged"}), known))
    assert stored.modified == [1]
    assert [message.uid for message in stored.messages] == [2]
    assert [message.flags for message in inbox.messages()] == [{"\\Seen"}, {"\\Flagged"}]


def test_replace_and_remove_change_flags_as_told(inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin(frozenset({"\\Seen", "Work"})))
    inbox.store_flags([1], FlagChange(FlagWord.REPLACE, frozenset({"\\Flagged", "Home"})))
    assert inbox.messages()[0].flags == {"\\Flagged", "Home"}
    inbox.store_flags([1], FlagChange(FlagWord.REMOVE, frozenset({"\\Flagged", "Never"})))
    assert inbox.messages()[0].flags == {"Home"}
    assert "Never" not in inbox.keywords()


def test_too_many_keywords_leave_the_message_as_it_was(inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    with pytest.raises(TooManyKeywords):
        inbox.store_flags([1], FlagChange(FlagWord.ADD, frozenset(f"k{number}" for number in range(27))))
    assert inbox.messages()[0].flags == frozenset()


def test_expunge_takes_only_deleted_messages_and_only_those_named(inbox: Folder, draft: MakeDraft) -> None:
    for _ in range(4):
        inbox.append(draft(MESSAGE), Origin())
    inbox.store_flags([1, 2], DELETED)
    assert inbox.expunge([2, 3]) == [2]
    assert inbox.expunge() == [1]
    assert inbox.remove([3, 77]) == [3]
    assert inbox.uids() == [4]
    with pytest.raises(NoSuchMessage):
        inbox.content(3)


def test_uid_is_never_used_again(inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    inbox.remove([1])
    assert inbox.append(draft(MESSAGE), Origin()).uid == 2


def test_copy_keeps_flags_dates_and_facts_and_maps_keywords(alice: UserMail, inbox: Folder, draft: MakeDraft) -> None:
    alice.create("Work")
    work = alice.folder("Work")
    work.append(draft(MESSAGE), Origin(frozenset({"Other"})))
    inbox.append(draft(MESSAGE), Origin(frozenset({"\\Flagged", "Mine"}), 1_000_000_000))
    inbox.append(draft(MESSAGE), Origin())
    inbox.remember({1: b"envelope"})
    copied = inbox.copy([1, 2, 99], work)
    assert (copied.uidvalidity, copied.uids) == (work.uidvalidity, [(1, 2), (2, 3)])
    assert [(message.flags, message.internaldate) for message in work.messages([2])] == [(frozenset({"\\Flagged", "Mine"}), 1_000_000_000)]
    assert work.facts([1, 2, 3], bytes) == {2: b"envelope"}
    assert work.content(2) == inbox.content(1) == MESSAGE


def test_move_leaves_a_tombstone_where_the_message_was(alice: UserMail, inbox: Folder, draft: MakeDraft) -> None:
    alice.create("Work")
    work = alice.folder("Work")
    inbox.append(draft(MESSAGE), Origin())
    before = inbox.status().highestmodseq
    assert inbox.move([1], work).uids == [(1, 1)]
    assert inbox.changes(before).vanished == [1]
    assert work.content(1) == MESSAGE
    assert alice.usage().messages == 1


def test_copy_within_one_folder_gives_a_second_message(inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    assert inbox.copy([1], inbox).uids == [(1, 2)]
    assert inbox.move([1], inbox).uids == [(1, 3)]
    assert inbox.uids() == [2, 3]


def test_recent_messages_belong_to_the_first_who_claims_them(inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    assert inbox.claim_recent() == 1
    inbox.append(draft(MESSAGE), Origin())
    assert inbox.status().recent_from == 2
    assert (inbox.claim_recent(), inbox.claim_recent()) == (2, 3)


def test_facts_are_kept_for_messages_that_exist(inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    inbox.remember({1: b"one", 2: b"nobody's"})
    assert inbox.facts([1, 2], bytes) == {1: b"one"}
    inbox.remove([1])
    assert inbox.facts([1], bytes) == {}


def test_copy_of_a_file_that_can_have_no_more_names_is_a_file_of_its_own(
    alice: UserMail, inbox: Folder, draft: MakeDraft, monkeypatch: pytest.MonkeyPatch
) -> None:
    alice.create("Work")
    work = alice.folder("Work")
    inbox.append(draft(MESSAGE), Origin(internaldate=1_000_000_000))

    def refuse(old: str, new: str) -> None:
        raise OSError(errno.EMLINK, os.strerror(errno.EMLINK), old, None, new)

    monkeypatch.setattr(os, "link", refuse)
    assert inbox.copy([1], work).uids == [(1, 1)]
    (copy,), (first,) = ([*folder.directory.glob("cur/*"), *folder.directory.glob("new/*")] for folder in (work, inbox))
    assert work.content(1) == MESSAGE
    assert copy.stat().st_ino != first.stat().st_ino
    assert copy.stat().st_mtime_ns == first.stat().st_mtime_ns


def test_facts_of_a_folder_are_its_own_however_uids_lie(alice: UserMail, inbox: Folder, draft: MakeDraft) -> None:
    alice.create("Work")
    work = alice.folder("Work")
    for folder, name in (inbox, b"inbox"), (work, b"work"):
        for _ in range(9):
            folder.append(draft(MESSAGE), Origin())
        folder.remember({uid: b"%b %d" % (name, uid) for uid in folder.uids()})
    for wanted in [2, 3, 5], [9, 1], [1, 9_999], [-7, 0, 8, 1 << 32], list(range(-50, 50)), []:
        found = {folder.name: folder.facts(wanted, bytes) for folder in (inbox, work)}
        there = sorted(uid for uid in wanted if 1 <= uid <= 9)
        assert found == {"INBOX": {uid: b"inbox %d" % uid for uid in there}, "Work": {uid: b"work %d" % uid for uid in there}}


def test_another_process_sees_every_change(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    other = machine.process().user(ADDRESS).folder("INBOX")
    inbox.append(draft(MESSAGE), Origin())
    other.store_flags([1], SEEN)
    assert inbox.messages()[0].flags == {"\\Seen"}
    other.remove([1])
    assert inbox.changes(1).vanished == [1]


def test_handle_of_a_deleted_folder_says_so_even_when_there_is_a_new_one(alice: UserMail, draft: MakeDraft) -> None:
    first = alice.create("Work").uidvalidity
    work = alice.folder("Work")
    alice.delete("Work")
    with pytest.raises(NoSuchFolder):
        work.append(draft(MESSAGE), Origin())
    second = alice.create("Work").uidvalidity
    assert second > first
    with pytest.raises(NoSuchFolder):
        work.status()


def test_reader_of_a_removed_large_message_keeps_it(inbox: Folder, draft: MakeDraft) -> None:
    large = b"x" * (MEMORY_BYTES * 2) + b"\r\n"
    inbox.append(draft(large), Origin())
    content = inbox.content(1)
    inbox.remove([1])
    assert content[:] == large


def test_many_are_read_though_some_are_renamed_and_some_go_meanwhile(inbox: Folder, draft: MakeDraft) -> None:
    for number in range(4):
        inbox.append(draft(b"%d\r\n" % number), Origin())
    reading = inbox.read([1, 2, 3, 4, 77])
    assert next(reading) == (1, b"0\r\n")
    inbox.store_flags([2], SEEN)
    inbox.remove([3])
    assert list(reading) == [(2, b"1\r\n"), (4, b"3\r\n")]


def test_file_of_another_size_than_its_name_says_is_served_whole(inbox: Folder, machine: Machine, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    (path,) = (machine.maildir / "new").iterdir()
    path.write_bytes(MESSAGE * 50_000)
    assert inbox.content(1) == MESSAGE * 50_000


def test_mail_is_readable_for_the_group_only(inbox: Folder, machine: Machine, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    (entry,) = os.listdir(machine.maildir / "new")
    assert (machine.maildir / "new" / entry).stat().st_mode & 0o777 == 0o660
    assert machine.maildir.stat().st_mode & 0o7777 == 0o2770
    assert (machine.maildir / "malleposte.index").stat().st_mode & 0o777 == 0o660


@pytest.mark.parametrize(("size", "messages", "fits"), [(0, 0, True), (100, 0, False), (120, 1, False), (120, 2, True), (1000, 1, False)])
def test_quota_is_for_all_folders_together(size: int, messages: int, fits: bool) -> None:
    from services.kernel.mailbox.records import Usage

    assert Quota(size, messages).allows(Usage(110, 2)) is fits


def test_folder_that_is_opened_again_is_seen_as_it_is(inbox: Folder, draft: MakeDraft) -> None:
    for _ in range(3):
        inbox.append(draft(MESSAGE), Origin())
    opened = inbox.snapshot(0).messages
    inbox.store_flags([1], SEEN)
    inbox.remove([2])
    inbox.append(draft(MESSAGE), Origin())
    again = inbox.snapshot(0).messages
    assert [again.message(place) for place in range(len(again))] == inbox.messages()
    assert list(opened.uids) == [1, 2, 3]
