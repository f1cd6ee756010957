"""Mailboxes that fill up: warnings to their owners, and what smtpd hears."""

import asyncio
import shutil
from email import message_from_bytes
from pathlib import Path

import pytest

from services.admin.directory import DirectoryWriter
from services.kernel.directory import MailboxFormat
from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.reader import Directory
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.fullness import warning
from services.kernel.mailbox.records import Growth, Origin, Quota, Usage
from services.kernel.mailbox.store import MailStore
from services.kernel.wire import room
from services.kernel.wire.events import Emitter
from services.kernel.wire.room import Room
from services.mda.quotas import QuotaRules, Quotas, Rooms
from tests.unit.mda.conftest import Running
from tests.unit.mda.test_rules import deliver

DAVE = "dave@example.test"
FIELDS_BYTES = len(f"Return-Path: <carol@world.test>\r\nDelivered-To: {DAVE}\r\nX-Original-To: {DAVE}\r\n")


@pytest.fixture
def writer(root: Path) -> DirectoryWriter:
    made = DirectoryWriter(DirectorySettings.model_validate({"url": f"sqlite:///{root}/directory.sqlite"}))
    made.add_account(DAVE, "", 10_000, 0)
    return made


def content(stored_bytes: int) -> bytes:
    """A message that takes this much of the mailbox."""
    head = b"Subject: x\r\n\r\n"
    return head + b"y" * (stored_bytes - FIELDS_BYTES - len(head) - 2) + b"\r\n"


def subjects(mda: Running) -> list[str]:
    found = [str(message_from_bytes(each)["Subject"]) for each in mda.inbox(DAVE)]
    return [subject for subject in found if subject != "x"]


@pytest.mark.parametrize(
    ("sizes", "expected"),
    [
        ([7900], []),
        ([8000], ["Your mailbox is 80 % full"]),
        ([7000, 1500], ["Your mailbox is 80 % full"]),
        ([9600], ["Your mailbox is 95 % full"]),
        ([10_000, 500], ["Your mailbox is 95 % full"]),
    ],
)
def test_owner_is_warned_at_each_threshold(root: Path, writer: DirectoryWriter, sizes: list[int], expected: list[str]) -> None:
    mda = Running(root)
    mda.start()
    for size in sizes:
        deliver(mda, content(size), recipient=DAVE)
    mda.stop()
    assert subjects(mda) == expected
    assert len(mda.events("warned")) == len(expected)


def test_warning_comes_once_until_room_is_made(root: Path, writer: DirectoryWriter) -> None:
    writer.change_account(DAVE, quota_bytes=0, quota_messages=5)
    mda = Running(root)
    mda.start()
    for _ in range(4):
        deliver(mda, recipient=DAVE)
    mda.stop()
    assert subjects(mda).count("Your mailbox is 80 % full") == 1
    again = Running(root)
    again.start()
    assert deliver(again, recipient=DAVE)[0] == 552  # the warning itself took the last place
    again.stop()
    assert subjects(again).count("Your mailbox is 80 % full") == 1


def test_warning_says_how_full_it_is() -> None:
    growth = Growth(DAVE, Quota(10 << 20, 100), Usage(0, 0), Usage(9 << 20, 42))
    message = message_from_bytes(warning(growth, 80, "<1@mail.example.test>", 0))
    text = str(message.get_payload())
    assert (message["To"], message["From"], message["Auto-Submitted"]) == (DAVE, "Mail system <postmaster@example.test>", "auto-generated")
    assert "9.0 MB of 10.0 MB" in text and "42 of 100 messages" in text


class Watched:
    """A site's quotas without a server."""

    def __init__(self, root: Path) -> None:
        self.store = MailStore(MailboxSettings(root=root / "mail"))
        self.directory = Directory(DirectorySettings.model_validate({"url": f"sqlite:///{root}/directory.sqlite"}))
        self.folder = root / "room"
        self.rooms = Rooms(self.folder, 5000)
        rules = QuotaRules("mail.example.test", (), 5000)
        self.quotas = Quotas(self.store, self.directory, self.rooms, rules, Emitter("main", "mda", "0", root / "events", stdout=False))

    def put(self, size_bytes: int) -> None:
        draft = self.store.draft()
        draft.write(b"z" * size_bytes)
        self.store.user(DAVE).folder("INBOX").append(draft, Origin())

    def look(self) -> dict[str, Room]:
        asyncio.run(self.quotas.look(self.rooms))
        return room.read(self.folder)

    def close(self) -> None:
        self.store.close()
        self.directory.close()


def test_smtpd_hears_of_little_room_and_of_room_that_was_made(root: Path, writer: DirectoryWriter) -> None:
    site = Watched(root)
    site.put(6000)
    site.quotas.grown(Growth(DAVE, Quota(10_000), Usage(0, 0), Usage(6000, 1)))
    assert site.look() == {DAVE: Room(4000, -1)}
    site.put(3000)  # by IMAP: nobody tells
    assert site.look() == {DAVE: Room(1000, -1)}
    inbox = site.store.user(DAVE).folder("INBOX")
    inbox.remove(inbox.uids())
    assert site.look() == {}
    site.close()


def test_full_mailbox_stays_known_though_deliveries_report_in_the_wrong_order(root: Path, writer: DirectoryWriter) -> None:
    writer.change_account(DAVE, quota_bytes=0, quota_messages=2)
    site = Watched(root)
    quota = Quota(0, 2)
    site.put(100)
    site.put(100)
    site.quotas.grown(Growth(DAVE, quota, Usage(100, 1), Usage(200, 2)))
    site.quotas.grown(Growth(DAVE, quota, Usage(0, 0), Usage(100, 1)))
    assert site.look() == {DAVE: Room(-1, 0)}
    assert site.look() == {DAVE: Room(-1, 0)}
    site.close()


def test_report_that_comes_during_a_look_is_not_undone_by_it(root: Path, writer: DirectoryWriter, monkeypatch: pytest.MonkeyPatch) -> None:
    writer.change_account(DAVE, quota_bytes=0, quota_messages=2)
    site = Watched(root)
    quota = Quota(0, 2)
    site.put(100)
    site.quotas.grown(Growth(DAVE, quota, Usage(100, 1), Usage(200, 2)))
    usage = site.quotas._usage

    def overtaken(address: str) -> Usage:
        found = usage(address)
        site.put(100)
        site.quotas.grown(Growth(DAVE, quota, Usage(100, 1), Usage(200, 2)))
        return found

    monkeypatch.setattr(site.quotas, "_usage", overtaken)
    assert site.look() == {DAVE: Room(-1, 0)}
    monkeypatch.undo()
    assert site.look() == {DAVE: Room(-1, 0)}
    site.close()


def test_change_of_the_quota_is_seen(root: Path, writer: DirectoryWriter) -> None:
    site = Watched(root)
    site.put(6000)
    site.quotas.grown(Growth(DAVE, Quota(10_000), Usage(0, 0), Usage(6000, 1)))
    assert DAVE in site.look()
    writer.change_account(DAVE, quota_bytes=7000)
    assert site.look() == {DAVE: Room(1000, -1)}
    writer.change_account(DAVE, mailbox_format=MailboxFormat.MBOX)  # then the Maildir says nothing of what fits
    assert site.look() == {}
    site.quotas.grown(Growth(DAVE, Quota(10_000), Usage(0, 0), Usage(6000, 1)))
    writer.change_account(DAVE, mailbox_format=MailboxFormat.MAILDIR)
    assert DAVE in site.look()
    writer.delete_account(DAVE)
    assert site.look() == {}
    site.close()


def test_what_was_known_survives_a_restart(root: Path, writer: DirectoryWriter) -> None:
    site = Watched(root)
    site.put(9000)
    site.quotas.grown(Growth(DAVE, Quota(10_000), Usage(0, 0), Usage(9000, 1)))
    site.look()
    site.close()
    again = Watched(root)
    assert again.look() == {DAVE: Room(1000, -1)}
    again.close()


def test_volume_that_is_missing_is_told_once(root: Path, writer: DirectoryWriter) -> None:
    site = Watched(root)
    shutil.rmtree(root / "room")
    site.look()
    site.look()
    told = (root / "events" / "mda.0.jsonl").read_text().splitlines()
    assert len(told) == 1 and "room.json" in told[0]
    site.close()


def test_what_is_set_while_the_file_is_written_is_in_it_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    rooms, write = Rooms(tmp_path, 1000), room.write
    rooms.set(DAVE, Room(60))

    def write_while_mail_comes(directory: Path, found: dict[str, Room]) -> None:
        write(directory, found)
        rooms.set(DAVE, Room(10))

    monkeypatch.setattr(room, "write", write_while_mail_comes)
    rooms.publish(0)
    monkeypatch.undo()
    rooms.publish(0)
    assert room.read(tmp_path) == {DAVE: Room(10, -1)}


def test_file_that_could_not_be_written_is_written_the_next_time(tmp_path: Path) -> None:
    rooms = Rooms(tmp_path / "room", 1000)
    rooms.set(DAVE, Room(60))
    with pytest.raises(OSError, match="room"):
        rooms.publish(0)
    (tmp_path / "room").mkdir()
    rooms.publish(0)
    assert room.read(tmp_path / "room") == {DAVE: Room(60, -1)}
