"""Files of the site's: mail that a transport table sends to ``mbox:NAME``, by LMTP."""

import os
import stat
from pathlib import Path

import pytest

from services.kernel.mail import mbox
from services.kernel.mailbox import volume
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.trouble import MailboxTrouble
from services.mda.mbox.home import SiteHome
from tests.unit.mda.conftest import Running
from tests.unit.mda.test_delivery import connect, deliver
from tests.unit.mda.test_mbox_delivery import FIELDS, TRICKY, held, limited_mda, messages, subjects

__all__ = ["limited_mda"]
STRANGER = "somebody@lists.test"
TO_LISTS = " XMBOX=lists"


def place(mda: Running, name: str = "lists") -> Path:
    return mda.root / "mail" / ".mbox" / name


def test_message_for_anybody_is_appended_to_the_file_that_is_named(mda: Running) -> None:
    assert connect(mda).has_extn("xmbox")
    assert deliver(connect(mda), [STRANGER, "alice@example.test"], TRICKY, TO_LISTS) == [(250, b"2.0.0 stored")] * 2
    assert deliver(connect(mda), [STRANGER], options=" XMBOX=Team.2026")[0][0] == 250
    found = {message["Delivered-To"]: message for message in messages(place(mda))}
    assert found.keys() == {STRANGER, "alice@example.test"}
    assert mbox.unquoted(bytes(found[STRANGER])) == FIELDS.format(STRANGER).encode() + TRICKY.replace(b"\r\n", b"\n")
    assert subjects(place(mda, "Team.2026")) == ["hello"]
    assert mda.inbox("alice@example.test") == []


def test_file_and_its_directory_are_for_mda_alone(mda: Running) -> None:
    deliver(connect(mda), [STRANGER], options=TO_LISTS)
    assert [stat.S_IMODE(os.stat(path).st_mode) for path in (place(mda).parent, place(mda))] == [0o700, 0o600]
    assert list(volume.present(mda.root / "mail")) == []


@pytest.mark.parametrize("name", ["nosuch", "../mail/x", "", "lists.lock", "LISTS", "."])
def test_name_that_is_not_set_is_temporary_and_makes_no_file(mda: Running, name: str) -> None:
    client = connect(mda)
    assert client.docmd(f"MAIL FROM:<carol@world.test> XMBOX={name}")[0] in (451, 501)
    assert client.docmd("RCPT TO:<alice@example.test>")[0] == 503
    assert not place(mda).parent.exists()


def test_reload_brings_new_names(mda: Running) -> None:
    path = mda.root / "malleposte.yaml"
    path.write_text(path.read_text().replace("mboxes: [lists,", "mboxes: [fresh,"))
    mda.reload()
    assert deliver(connect(mda), [STRANGER], options=" XMBOX=fresh")[0][0] == 250
    assert connect(mda).docmd("MAIL FROM:<> XMBOX=lists")[0] == 451
    path.write_text("routing: {mboxes: [a/b]}")
    mda.reload()
    assert "a/b" in mda.events("trouble")[-1]["reason"]
    assert deliver(connect(mda), [STRANGER], options=" XMBOX=fresh")[0][0] == 250


def test_next_transaction_of_the_connection_is_for_mailboxes_again(mda: Running) -> None:
    client = connect(mda)
    deliver(client, ["alice@example.test"], options=TO_LISTS)
    deliver(client, ["alice@example.test"])
    assert (len(messages(place(mda))), len(mda.inbox("alice@example.test"))) == (1, 1)


def test_rules_of_nobody_hold_for_it(root: Path) -> None:
    (root / "before" / "all.sieve").write_text("discard;")
    mda = Running(root)
    mda.start()
    mda.script("alice@example.test", "discard;")
    deliver(connect(mda), ["alice@example.test"], options=TO_LISTS)
    mda.stop()
    assert subjects(place(mda)) == ["hello"]


def test_message_that_says_that_it_was_delivered_before_is_stored_all_the_same(mda: Running) -> None:
    looping = b"Delivered-To: somebody@lists.test\r\nSubject: again\r\n\r\nhello\r\n"
    assert deliver(connect(mda), [STRANGER], looping, TO_LISTS) == [(250, b"2.0.0 stored")]
    assert subjects(place(mda)) == ["again"]


def test_event_says_which_file(mda: Running) -> None:
    deliver(connect(mda), [STRANGER], options=TO_LISTS + " XTRACE=0BCDFGHJKLMN01/0BCDFGHJKLMN02")
    (stored,) = mda.events("stored")
    assert (stored["folder"], stored["recipient"], stored["trace"]) == ("mbox:lists", STRANGER, "0BCDFGHJKLMN01")


def test_file_that_stays_locked_is_temporary_and_not_touched(mda: Running) -> None:
    deliver(connect(mda), [STRANGER], options=TO_LISTS)
    before = place(mda).read_bytes()
    with held(place(mda)):
        assert deliver(connect(mda), [STRANGER], options=TO_LISTS) == [(451, b"4.2.0 mailbox is locked by another program")]
    assert place(mda).read_bytes() == before


def test_file_that_is_too_large_is_temporary(limited_mda: Running) -> None:
    content = b"Subject: half\r\n\r\n" + b"x" * 600 + b"\r\n"
    replies = [deliver(connect(limited_mda), [STRANGER], content, TO_LISTS)[0] for _ in range(3)]
    assert replies == [(250, b"2.0.0 stored"), *[(452, b"4.2.2 mailbox is full")] * 2]
    assert subjects(place(limited_mda)) == ["half"]


@pytest.mark.parametrize("where", [".mbox", ".mbox/lists"])
def test_link_in_place_of_the_file_or_its_directory_is_temporary_and_not_followed(mda: Running, where: str) -> None:
    path, elsewhere = mda.root / "mail" / where, mda.root / "elsewhere"
    path.parent.mkdir(exist_ok=True)
    elsewhere.mkdir()
    path.symlink_to(elsewhere if where == ".mbox" else elsewhere / "file")
    assert deliver(connect(mda), [STRANGER], options=TO_LISTS)[0][0] == 451
    assert list(elsewhere.iterdir()) == []
    assert "lists" in mda.events("trouble")[0]["reason"] or ".mbox" in mda.events("trouble")[0]["reason"]


@pytest.mark.parametrize("name", ["", ".", "..", "a/b", "../x", "x.lock"])
def test_path_of_no_file_is_ever_made(tmp_path: Path, name: str) -> None:
    with pytest.raises(MailboxTrouble):
        SiteHome(tmp_path).path(name)


class WatchedDisk(Disk):
    """Notes what is brought to stable storage."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def sync(self, file: int) -> None:
        self.done.append(os.readlink(f"/proc/self/fd/{file}"))


def test_new_directory_is_on_stable_storage(tmp_path: Path) -> None:
    disk = WatchedDisk()
    SiteHome(tmp_path).make(disk)
    SiteHome(tmp_path).make(disk)
    assert disk.done == [str(tmp_path)]
