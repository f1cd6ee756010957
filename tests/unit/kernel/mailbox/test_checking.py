"""An index made anew, and what was different."""

from collections.abc import Callable

from services.kernel.mailbox.checking import Checked, check
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import Origin
from services.kernel.mailbox.user import UserMail
from tests.unit.kernel.mailbox.conftest import Machine

MakeDraft = Callable[[bytes], Draft]
MESSAGE = b"Subject: hello\r\n\r\nworld\r\n"


def of_inbox(user: UserMail) -> Checked:
    (found,) = [folder for folder in check(user).folders if folder.folder == "INBOX"]
    return found


def test_index_that_agrees_is_said_to_and_uids_stay(alice: UserMail, inbox: Folder, draft: MakeDraft) -> None:
    for _ in range(3):
        inbox.append(draft(MESSAGE), Origin(frozenset({"\\Seen", "Work"})))
    inbox.remove([2])
    assert of_inbox(alice).is_sound
    assert [(message.uid, message.flags) for message in inbox.messages()] == [(1, frozenset({"\\Seen", "Work"})), (3, frozenset({"\\Seen", "Work"}))]


def test_what_happened_behind_the_index_is_counted(machine: Machine, alice: UserMail, inbox: Folder, draft: MakeDraft) -> None:
    for _ in range(3):
        inbox.append(draft(MESSAGE), Origin(frozenset({"\\Seen"})))
    first, second, _third = sorted((machine.maildir / "cur").iterdir())
    first.unlink()
    second.rename(second.with_name(second.name + "F"))
    (machine.maildir / "new" / "9.stranger").write_bytes(MESSAGE)
    found = of_inbox(alice)
    assert (found.messages, found.found, found.lost, found.changed, found.renumbered) == (3, 1, 1, 1, 0)


def test_damaged_index_is_told_and_made_anew(machine: Machine, alice: UserMail, inbox: Folder, draft: MakeDraft) -> None:
    inbox.append(draft(MESSAGE), Origin(frozenset({"\\Seen"})))
    alice.home.index.close()
    (machine.maildir / "malleposte.index").write_bytes(b"no database" * 1000)
    report = check(alice)
    assert "index" in report.trouble
    assert [(folder.folder, folder.messages) for folder in report.folders] == [("INBOX", 1)]
    assert inbox.uids() == [1]
