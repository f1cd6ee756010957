"""The id of a folder: its own, whatever its UIDVALIDITY, and for good."""

import shutil

from services.kernel.mailbox.user import UserMail
from tests.unit.kernel.mailbox.conftest import ADDRESS, Machine

LIST_OF_DOVECOT = "3 V1500000000 N44 Gabc\n"


def bring(machine: Machine, folder: str) -> None:
    """A folder as Dovecot leaves it."""
    directory = machine.maildir / folder
    for part in ("cur", "new", "tmp"):
        (directory / part).mkdir(parents=True)
    (directory / "dovecot-uidlist").write_text(LIST_OF_DOVECOT)


def ids(user: UserMail, *names: str) -> list[str]:
    return [user.folder(name).mailbox_id() for name in names]


def test_folders_that_come_with_one_uidvalidity_have_ids_of_their_own_for_good(machine: Machine, alice: UserMail) -> None:
    alice.folders()
    bring(machine, ".A")
    bring(machine, ".B")
    first, second = ids(alice, "A", "B")
    assert first == "F1500000000" != second
    assert {alice.status(name).uidvalidity for name in ("A", "B")} == {1500000000}
    alice.rename("A", "Z")
    alice.rename("B", "Y")
    assert ids(alice, "Z", "Y") == [first, second]
    alice.home.index.renew()
    assert ids(machine.process().user(ADDRESS), "Z", "Y") == [first, second]


def test_copy_of_a_folders_files_is_another_folder(machine: Machine, alice: UserMail) -> None:
    alice.folders()
    bring(machine, ".A")
    bring(machine, ".B")
    assert ids(alice, "A", "B")
    shutil.copytree(machine.maildir / ".B", machine.maildir / ".C")
    assert len(set(ids(alice, "A", "B", "C"))) == 3


def test_unreadable_id_does_not_close_a_folder(machine: Machine, alice: UserMail) -> None:
    created = alice.create("A").mailbox_id()
    (machine.maildir / ".A" / "malleposte.mailboxid").write_bytes(b"\xff )")
    assert ids(alice, "A") == [created]
