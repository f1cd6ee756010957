"""What the next look makes of a directory that changed behind the index's back."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from services.kernel.mailbox import look, uids
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.look import LITTER_SECONDS
from services.kernel.mailbox.records import FlagChange, FlagWord, Message, Origin
from services.kernel.mailbox.trouble import MailboxTrouble, NoSuchFolder
from services.kernel.mailbox.user import UserMail
from tests.unit.kernel.mailbox.conftest import ADDRESS, Machine

MakeDraft = Callable[[bytes], Draft]
MESSAGE = b"Subject: hello\r\n\r\nworld\r\n"


def drop(path: Path, content: bytes = MESSAGE) -> None:
    """Put a file into a folder as another program does."""
    path.write_bytes(content)
    touch(path.parent)


def age(path: Path, seconds: float) -> None:
    """Make a file, or a directory, older by so much, but for the time of its inode, which nobody can set."""
    stat = path.stat()
    os.utime(path, (stat.st_atime, stat.st_mtime - seconds))


def touch(directory: Path) -> None:
    """Make sure that the directory's time moves, however coarse the file system's clock is."""
    stat = directory.stat()
    os.utime(directory, ns=(stat.st_atime_ns, stat.st_mtime_ns + 1))


def facts(messages: list[Message] | object) -> list[tuple[int, frozenset[str], int, int]]:
    assert isinstance(messages, list)
    return [(message.uid, message.flags, message.internaldate, message.size) for message in messages]


def test_file_of_a_stranger_gets_a_uid_and_keeps_it(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    drop(machine.maildir / "cur" / "1.foreign:2,FS", b"a: b\n\nlf\n")
    changes = inbox.changes(inbox.messages()[0].modseq)
    assert [(message.uid, message.flags, message.size) for message in changes.changed] == [(2, frozenset({"\\Flagged", "\\Seen"}), 12)]
    assert inbox.content(2) == b"a: b\r\n\r\nlf\r\n"
    assert os.listdir(machine.maildir / "cur") == ["1.foreign,S=9,W=12,U=2:2,FS"]
    assert inbox.status().messages == 2


def test_file_that_a_stranger_removed_leaves_a_tombstone(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    before = inbox.status().highestmodseq
    (entry,) = (machine.maildir / "new").iterdir()
    entry.unlink()
    touch(machine.maildir / "new")
    assert inbox.changes(before).vanished == [1]


def test_flags_that_a_stranger_set_are_taken_over(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    before = inbox.status().highestmodseq
    (entry,) = (machine.maildir / "new").iterdir()
    entry.rename(machine.maildir / "cur" / f"{entry.name}:2,SR")
    touch(machine.maildir / "cur")
    changes = inbox.changes(before)
    assert [(message.uid, message.flags) for message in changes.changed] == [(1, frozenset({"\\Seen", "\\Answered"}))]
    assert changes.status.unseen == 0
    assert inbox.content(1) == MESSAGE


def test_copy_of_a_file_by_hand_is_another_message(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    (entry,) = (machine.maildir / "new").iterdir()
    shutil.copy(entry, machine.maildir / "new" / f"copy.{entry.name}")
    touch(machine.maildir / "new")
    inbox.status()
    assert inbox.uids() == [1, 2]


def test_message_put_back_after_its_removal_gets_a_new_uid(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    (entry,) = (machine.maildir / "new").iterdir()
    kept = machine.root / "kept"
    shutil.copy(entry, kept)
    inbox.remove([1])
    shutil.copy(kept, entry)
    touch(machine.maildir / "new")
    inbox.status()
    assert inbox.uids() == [2]


def test_uid_in_a_name_that_was_never_given_out_is_not_believed(machine: Machine, inbox: Folder) -> None:
    drop(machine.maildir / "new" / "1.evil,S=1,W=1,U=4294967294")
    assert inbox.status().uidnext == 2
    assert inbox.uids() == [1]
    assert inbox.content(1) == MESSAGE


@pytest.mark.parametrize("lost", ["malleposte.index", "malleposte.index malleposte.index-wal malleposte.index-shm"])
def test_lost_index_is_made_anew_without_a_change_of_uids(machine: Machine, alice: UserMail, inbox: Folder, draft: MakeDraft, lost: str) -> None:
    alice.create("Work")
    work = alice.folder("Work")
    for flags in (frozenset[str](), frozenset({"\\Seen", "Mine"}), frozenset({"Other"})):
        inbox.append(draft(MESSAGE), Origin(flags, 1_000_000_000))
    inbox.copy([2, 3], work)
    inbox.remove([1])
    work.remove([2])
    before = facts(inbox.messages()), facts(work.messages()), alice.usage()
    status = inbox.status()
    for name in lost.split():
        (machine.maildir / name).unlink()
    after = inbox.status()
    assert (facts(inbox.messages()), facts(work.messages()), alice.usage()) == before
    assert after.uidvalidity == status.uidvalidity
    assert after.uidnext >= status.uidnext and after.highestmodseq > status.highestmodseq
    assert inbox.changes(status.highestmodseq).vanished is None
    assert len(inbox.changes(status.highestmodseq).changed) == 2


def test_other_process_notices_that_the_index_is_a_new_one(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    other = machine.process().user(ADDRESS).folder("INBOX")
    other.append(draft(MESSAGE), Origin())
    (machine.maildir / "malleposte.index").unlink()
    inbox.append(draft(MESSAGE), Origin())
    assert len(other.messages()) == 2
    assert inbox.messages() == other.messages()


def test_damaged_index_is_put_aside_and_made_anew(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin(frozenset({"\\Seen"})))
    machine.close()
    path = machine.maildir / "malleposte.index"
    path.write_bytes(b"not a database" * 100)
    again = machine.process().user(ADDRESS)
    with pytest.raises(MailboxTrouble):
        again.folder("INBOX")
    assert [(message.uid, message.flags) for message in again.folder("INBOX").messages()] == [(1, frozenset({"\\Seen"}))]
    assert path.with_suffix(".damaged").exists()


def test_restart_of_the_machine_gives_no_uid_twice(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    before = inbox.status()
    machine.restart()
    again = machine.process().user(ADDRESS).folder("INBOX")
    assert again.append(draft(MESSAGE), Origin()).uid == before.uidnext - 1 + uids.UID_STEP
    assert again.uidvalidity == inbox.uidvalidity
    assert again.status().highestmodseq > before.highestmodseq


def test_folder_of_dovecot_keeps_its_uids(machine: Machine, alice: UserMail) -> None:
    maildir = machine.maildir
    (maildir / "dovecot-uidlist").write_text("3 V1300000000 N30 G0123456789abcdef\n12 :1.first\n15 S9 W12 :2.second,S=9,W=12\n20 :3.gone\n")
    (maildir / "dovecot-keywords").write_text("0 $Forwarded\n1 Junk\n")
    drop(maildir / "cur" / "2.second,S=9,W=12:2,Sb", b"a: b\n\nlf\n")
    drop(maildir / "cur" / "1.first:2,")
    drop(maildir / "new" / "4.unlisted")
    inbox = alice.folder("INBOX")
    assert inbox.uidvalidity == 1_300_000_000
    assert {message.uid: message.flags for message in inbox.messages()} == {12: frozenset(), 15: frozenset({"\\Seen", "Junk"}), 30: frozenset()}
    assert inbox.keywords() == ("$Forwarded", "Junk")


def test_folder_put_in_place_of_another_has_its_own_uidvalidity(machine: Machine, alice: UserMail, draft: MakeDraft) -> None:
    alice.create("A")
    other = alice.create("B").uidvalidity
    alice.folder("A").append(draft(MESSAGE), Origin())
    alice.folder("B").append(draft(MESSAGE), Origin())
    shutil.rmtree(machine.maildir / ".A")
    shutil.copytree(machine.maildir / ".B", machine.maildir / ".A")
    touch(machine.maildir / ".A" / "new")
    assert alice.folder("A").uidvalidity != other
    with pytest.raises(NoSuchFolder):
        alice.folder("A").status()
    assert alice.folder("A").uidvalidity == other
    assert alice.folder("A").content(1) == MESSAGE


def test_litter_is_swept_after_a_day_and_a_half(machine: Machine, inbox: Folder, monkeypatch: pytest.MonkeyPatch) -> None:
    old, new = machine.maildir / "tmp" / "old", machine.maildir / "tmp" / "new"
    old.write_bytes(b"x")
    new.write_bytes(b"x")
    age(new, -LITTER_SECONDS)
    monkeypatch.setattr(look, "LITTER_SECONDS", -10)
    drop(machine.maildir / "new" / "1.any")
    inbox.status()
    assert (old.exists(), new.exists()) == (False, True)


def test_file_that_just_came_with_an_old_time_is_no_litter(machine: Machine, inbox: Folder) -> None:
    copied = machine.maildir / "tmp" / "copied"
    copied.write_bytes(b"x")
    os.utime(copied, (0, 0))
    drop(machine.maildir / "new" / "1.any")
    inbox.status()
    assert copied.exists()


def test_mail_that_never_finished_moving_in_is_swept_and_what_still_comes_is_not(
    machine: Machine, inbox: Folder, monkeypatch: pytest.MonkeyPatch
) -> None:
    trees = [machine.maildir / "tmp" / name for name in ("moving-old", "moving-new", "strange")]
    for tree in trees:
        (tree / "cur").mkdir(parents=True)
        (tree / "cur" / "1.a").write_bytes(MESSAGE)
    age(trees[1], -LITTER_SECONDS)
    monkeypatch.setattr(look, "LITTER_SECONDS", -10)
    drop(machine.maildir / "new" / "1.any")
    inbox.status()
    assert [tree.exists() for tree in trees] == [False, True, True]


def test_store_of_a_flag_on_a_file_that_is_gone_is_passed_over(machine: Machine, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    stat = (machine.maildir / "new").stat()
    next((machine.maildir / "new").iterdir()).unlink()
    os.utime(machine.maildir / "new", ns=(stat.st_atime_ns, stat.st_mtime_ns))
    inbox.store_flags([1], FlagChange(FlagWord.ADD, frozenset({"\\Seen"})))
    touch(machine.maildir / "new")
    inbox.status()
    assert inbox.uids() == []
