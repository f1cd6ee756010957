"""Mail that moves in from a tree of files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from services.kernel.mailbox import attributes
from services.kernel.mailbox.attributes import form
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.moving import Moved, MovedIn, move_in
from services.kernel.mailbox.records import FlagChange, FlagWord, Origin
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.user import UserMail
from tests.unit.kernel.mailbox.conftest import ADDRESS, BreakingDisk, Killed, Machine

MakeDraft = Callable[[bytes], Draft]
MESSAGE = b"Subject: hello\r\n\r\nworld\r\n"


@pytest.fixture
def tree(machine: Machine, alice: UserMail) -> Path:
    """Where files are put before they move in: on the disk of the mailbox."""
    assert alice.folders()
    return machine.maildir / "tmp" / "moving-1"


def put(tree: Path, path: str, content: bytes | str = MESSAGE) -> None:
    (tree / path).parent.mkdir(parents=True, exist_ok=True)
    (tree / path).write_bytes(content if isinstance(content, bytes) else content.encode())


def told(folder: Folder) -> list[tuple[int, set[str]]]:
    return [(message.uid, set(message.flags)) for message in folder.messages()]


def dovecots(tree: Path, folder: str = "") -> None:
    """What Dovecot leaves of a folder with three messages of which the second is gone."""
    put(tree, f"{folder}dovecot-uidlist", "3 V1500000000 N44 Gabc\n7 :100.M1.mail,S=25,W=25\n43 W25 :102.M3.mail:2,S\n")
    put(tree, f"{folder}dovecot-keywords", "0 $Forwarded\n3 Work\n")
    put(tree, f"{folder}cur/100.M1.mail,S=25,W=25:2,Sd")
    put(tree, f"{folder}cur/102.M3.mail:2,FRa")


def test_dovecots_folders_keep_uidvalidity_uids_flags_keywords_and_subscriptions(alice: UserMail, tree: Path) -> None:
    dovecots(tree)
    dovecots(tree, ".Work.2026/")
    put(tree, "subscriptions", "V\t2\n\nWork\t2026\nINBOX\nB&APw-cher\tOdd &- x\n")
    moved = move_in(alice, tree)
    assert moved == Moved((MovedIn("INBOX", 1500000000, 2, 0, True), MovedIn("Work.2026", 1500000000, 2, 0, True)), ())
    for name in ("INBOX", "Work.2026"):
        folder = alice.folder(name)
        assert told(folder) == [(7, {"\\Seen", "Work"}), (43, {"\\Flagged", "\\Answered", "$Forwarded"})]
        assert (folder.status().uidvalidity, folder.status().uidnext) == (1500000000, 44)
        assert folder.content(7) == MESSAGE
    assert alice.subscriptions() >= {"Work.2026", "Bücher.Odd & x"}


def test_modseqs_are_above_all_that_the_other_server_gave_out(alice: UserMail, tree: Path) -> None:
    dovecots(tree)
    move_in(alice, tree)
    assert alice.folder("INBOX").status().highestmodseq > 10**9


def test_folder_that_has_mail_keeps_its_uids_and_gives_new_ones(alice: UserMail, inbox: Folder, tree: Path, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin())
    dovecots(tree)
    moved = move_in(alice, tree)
    assert (moved.folders[0].keeps_uids, moved.folders[0].uidvalidity) == (False, inbox.uidvalidity)
    assert [uid for uid, _ in told(inbox)] == [1, 2, 3]


def test_second_time_nothing_comes_twice(alice: UserMail, tree: Path) -> None:
    dovecots(tree)
    move_in(alice, tree)
    dovecots(tree)
    assert move_in(alice, tree).folders == (MovedIn("INBOX", 1500000000, 0, 2, True),)
    assert len(told(alice.folder("INBOX"))) == 2


def test_message_that_was_expunged_comes_back_under_a_new_uid(alice: UserMail, tree: Path) -> None:
    dovecots(tree)
    move_in(alice, tree)
    inbox = alice.folder("INBOX")
    inbox.remove([7])
    dovecots(tree)
    assert move_in(alice, tree).folders == (MovedIn("INBOX", 1500000000, 1, 1, True, renumbered=1),)
    assert [uid for uid, _ in told(inbox)] == [43, 44]


def test_message_without_a_uid_there_is_counted_apart(alice: UserMail, tree: Path) -> None:
    dovecots(tree)
    put(tree, "new/200.M9.mail")
    assert move_in(alice, tree).folders == (MovedIn("INBOX", 1500000000, 3, 0, True, renumbered=1),)
    assert [uid for uid, _ in told(alice.folder("INBOX"))] == [7, 43, 44]


def test_keyword_without_a_free_letter_is_named_and_its_message_taken(alice: UserMail, inbox: Folder, tree: Path, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin(frozenset(f"own{number}" for number in range(26))))
    put(tree, "dovecot-keywords", "0 Theirs\n1 OWN3\n")
    put(tree, "cur/1.x:2,ab")
    moved = move_in(alice, tree)
    assert moved.folders[0].lost_keywords == ("Theirs",)
    assert told(inbox)[1][1] == {"own3"}


def test_folders_of_layout_fs_and_names_that_are_none(alice: UserMail, tree: Path) -> None:
    put(tree, "Archive/2026/cur/1.x:2,")
    put(tree, "v1.0/new/2.x")
    put(tree, ".Bad./cur/3.x:2,")
    moved = move_in(alice, tree)
    assert ([folder.folder for folder in moved.folders], moved.passed_over) == (["Archive.2026", "v1_0"], (".Bad.",))
    assert (tree / ".Bad./cur/3.x:2,").exists()


def test_bare_line_feeds_are_served_with_carriage_returns(alice: UserMail, tree: Path) -> None:
    put(tree, "new/1.x", b"a: b\n\nlf\n")
    move_in(alice, tree)
    inbox = alice.folder("INBOX")
    assert (inbox.content(1), inbox.messages()[0].size) == (b"a: b\r\n\r\nlf\r\n", 12)


@pytest.mark.parametrize("step", range(1, 12))
def test_killed_at_any_step_it_loses_nothing_and_can_go_on(machine: Machine, step: int) -> None:
    disk = BreakingDisk()
    first = machine.process(disk).user(ADDRESS)
    tree = machine.maildir / "tmp" / "moving-1"
    assert first.folders()
    dovecots(tree)
    disk.dies_at = disk.steps + step
    try:
        move_in(first, tree)
    except Killed:
        machine.restart()
    else:
        assert disk.steps < disk.dies_at
    alice = machine.process().user(ADDRESS)
    move_in(alice, tree)
    inbox = alice.folder("INBOX")
    assert inbox.status().messages == 2
    assert sorted(bytes(inbox.content(uid)) for uid in inbox.uids()) == [MESSAGE, MESSAGE]
    assert told(inbox)[0][1] == {"\\Seen", "Work"}


def test_session_sees_what_moved_in(machine: Machine, inbox: Folder, tree: Path, store: MailStore) -> None:
    before = inbox.status().highestmodseq
    put(tree, "cur/1.x:2,F")
    move_in(machine.process().user(ADDRESS), tree)
    assert [message.flags for message in inbox.changes(before).changed] == [frozenset({"\\Flagged"})]
    inbox.store_flags([1], FlagChange(FlagWord.ADD, frozenset({"\\Seen"})))
    assert told(inbox) == [(1, {"\\Flagged", "\\Seen"})]


def test_annotations_come_along_where_the_folder_has_none(alice: UserMail, tree: Path) -> None:
    dovecots(tree, ".Work/")
    put(tree, ".Work/malleposte.attributes", form({"/private/comment": b"from there", "/shared/x": b"there", attributes.SPECIAL_USE: b"\\Junk"}))
    put(tree, "malleposte.server-attributes", form({"/private/theme": b"dark"}))
    alice.create("Work")
    alice.annotate("Work", {"/shared/x": b"here"})
    move_in(alice, tree)
    assert alice.annotations("Work") == {"/private/comment": b"from there", "/shared/x": b"here"}
    assert alice.annotations() == {"/private/theme": b"dark"}


def test_special_use_comes_along_where_it_is_free(alice: UserMail, tree: Path) -> None:
    alice.delete("Junk")
    dovecots(tree, ".Spam/")
    put(tree, ".Spam/malleposte.attributes", form({attributes.SPECIAL_USE: b"\\Junk"}))
    move_in(alice, tree)
    assert {info.name: info.special_use for info in alice.folders()}["Spam"] == "\\Junk"
