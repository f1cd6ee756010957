from collections.abc import Callable

import pytest

from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import Origin
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import BadFolderName, FolderExists, Locked, NoSuchFolder
from services.kernel.mailbox.user import UserMail
from tests.unit.kernel.mailbox.conftest import ADDRESS, Machine

MakeDraft = Callable[[bytes], Draft]


def names(alice: UserMail) -> list[str]:
    return [info.name for info in alice.folders()]


def test_new_mailbox_has_the_special_folders_subscribed(alice: UserMail) -> None:
    assert [(info.name, info.special_use, info.subscribed) for info in alice.folders()] == [
        ("INBOX", "", True),
        ("Archive", "\\Archive", True),
        ("Drafts", "\\Drafts", True),
        ("Junk", "\\Junk", True),
        ("Sent", "\\Sent", True),
        ("Trash", "\\Trash", True),
    ]


def test_first_list_waits_for_no_index_and_the_index_then_has_all_folders(alice: UserMail, machine: Machine) -> None:
    listed = names(alice)
    assert not (machine.maildir / "malleposte.index").exists()
    assert sorted(alice.survey()) == sorted(listed)


def test_special_folders_come_beside_mail_that_came_before_the_first_list(alice: UserMail, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(b"a: b\r\n"), Origin())
    assert sorted(names(alice)) == sorted(alice.survey())


def test_special_folder_that_was_deleted_stays_away(alice: UserMail) -> None:
    alice.folders()
    alice.delete("Junk")
    assert "Junk" not in names(alice)


def test_parent_without_a_folder_is_listed_as_not_existing(alice: UserMail) -> None:
    alice.create("A.B.C")
    found = {info.name: (info.exists, info.has_children) for info in alice.folders() if info.name.startswith("A")}
    assert found == {"A": (False, True), "A.B": (False, True), "A.B.C": (True, False), "Archive": (True, False)}


def test_address_is_compared_without_case(store: MailStore, alice: UserMail) -> None:
    assert store.user("Alice@EXAMPLE.Test") is alice


@pytest.mark.parametrize("address", ['"../../x"@example.test', '".."@example.test', '"a/b"@example.test', ".hidden@example.test"])
def test_no_address_leads_out_of_its_place(store: MailStore, machine: Machine, address: str) -> None:
    path = store.user(address).notify_path
    assert path.parent.name == "Maildir" and path.parents[2] == machine.root / "example.test"


def test_create_refuses_what_exists(alice: UserMail) -> None:
    alice.create("Work")
    with pytest.raises(FolderExists):
        alice.create("Work")
    with pytest.raises(FolderExists):
        alice.create("inbox")


def test_inbox_cannot_be_deleted(alice: UserMail) -> None:
    with pytest.raises(BadFolderName):
        alice.delete("Inbox")


def test_delete_takes_the_messages_and_leaves_the_children(alice: UserMail, draft: MakeDraft) -> None:
    alice.create("A")
    alice.create("A.B")
    alice.folder("A").append(draft(b"x: y\r\n\r\n"), Origin())
    alice.delete("A")
    with pytest.raises(NoSuchFolder):
        alice.folder("A")
    assert alice.usage().messages == 0
    assert "A.B" in names(alice)


def test_rename_takes_the_children_along_and_keeps_uids(alice: UserMail, draft: MakeDraft) -> None:
    uidvalidity = alice.create("A").uidvalidity
    alice.create("A.B")
    alice.folder("A").append(draft(b"x: y\r\n\r\n"), Origin())
    alice.rename("A", "Z")
    assert [name for name in names(alice) if name in ("A", "A.B", "Z", "Z.B")] == ["Z", "Z.B"]
    assert (alice.folder("Z").uidvalidity, alice.folder("Z").uids()) == (uidvalidity, [1])


def test_rename_refuses_what_is_in_the_way_and_changes_nothing(alice: UserMail) -> None:
    alice.create("A")
    alice.create("A.B")
    alice.create("Z.B")
    with pytest.raises(FolderExists):
        alice.rename("A", "Z")
    with pytest.raises(BadFolderName):
        alice.rename("A", "A.C")
    with pytest.raises(NoSuchFolder):
        alice.rename("Nothing", "N")
    assert {"A", "A.B", "Z.B"} <= set(names(alice))


def test_renaming_inbox_moves_its_messages_and_leaves_it(alice: UserMail, draft: MakeDraft) -> None:
    alice.folder("INBOX").append(draft(b"x: y\r\n\r\n"), Origin())
    alice.rename("INBOX", "Old")
    assert (alice.status("INBOX").messages, alice.status("Old").messages) == (0, 1)


def test_subscription_outlives_its_folder(alice: UserMail) -> None:
    alice.subscribe("Gone")
    alice.subscribe("Gone")
    assert alice.subscriptions() == {"Gone"}
    alice.unsubscribe("Gone")
    alice.unsubscribe("Gone")
    assert alice.subscriptions() == frozenset()


def test_only_one_pop3_session_at_a_time(machine: Machine, alice: UserMail, draft: MakeDraft) -> None:
    other = machine.process().user(ADDRESS)
    with alice.pop3_lock():
        with pytest.raises(Locked), other.pop3_lock():
            pass
        other.folder("INBOX").append(draft(b"x: y\r\n\r\n"), Origin())
    with other.pop3_lock():
        pass


def test_mailboxes_beyond_the_limit_are_closed_and_open_again(machine: Machine) -> None:
    store = machine.process()
    users = [store.user(f"user{number}@example.test") for number in range(200)]
    assert users[0].usage().messages == 0
    assert store.user("user0@example.test") is not users[0]
