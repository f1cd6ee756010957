"""Accounts of the format mbox, by LMTP, with Python's mailbox module as the program that reads them."""

import asyncio
import contextlib
import errno
import mailbox
import os
import select
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.mail import mbox
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.delivery import Letter
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.records import Place, Quota
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble, OverQuota
from services.mda.config import MboxSettings
from services.mda.mbox.delivery import BATCH, MboxDelivery
from services.mda.mbox.file import Spoilt
from services.mda.quotas import Quotas
from services.mda.service import Mda, read_settings
from tests.unit.mda.conftest import CONFIGURATION, Running
from tests.unit.mda.test_delivery import MESSAGE, connect, deliver

BOXED, TIGHT, ALICE = "boxed@example.test", "tight@example.test", "alice@example.test"
FIELDS = "Return-Path: <carol@world.test>\nDelivered-To: {0}\nX-Original-To: {0}\n"
TRICKY = b"Subject: tricky\r\n\r\nFrom the start\r\n>From before\r\n\r\nFrom x@y.test Tue Nov 14 22:13:20 2023\r\nend\r\n"


def home(mda: Running, address: str) -> Path:
    local, _, domain = address.partition("@")
    return mda.root / "mail" / domain / local


def messages(path: Path) -> list[mailbox.mboxMessage]:
    with contextlib.closing(mailbox.mbox(path, create=False)) as box:
        return list(box)


def subjects(path: Path) -> list[str]:
    return [message["Subject"] for message in messages(path)] if path.exists() else []


@contextlib.contextmanager
def held(path: Path) -> Iterator[None]:
    """Another program has the dot lock."""
    path.parent.mkdir(parents=True, exist_ok=True)
    lock = path.with_name(f"{path.name}.lock")
    lock.touch()
    yield
    lock.unlink()


@pytest.fixture
def endless_mda(root: Path) -> Iterator[Running]:
    running = Running(root, mbox_lock_seconds=300)
    running.start()
    yield running
    running.stop()


@pytest.fixture
def limited_mda(root: Path) -> Iterator[Running]:
    running = Running(root, mbox_size_limit=1500)
    running.start()
    yield running
    running.stop()


def test_message_is_stored_with_its_fields_and_can_be_had_back_as_it_came(mda: Running) -> None:
    assert deliver(connect(mda), ["Boxed@example.test"], TRICKY)[0][0] == 250
    assert deliver(connect(mda), [BOXED])[0][0] == 250
    first, second = messages(home(mda, BOXED) / "mbox")
    assert (first.get_from().split(" ")[0], first.get_flags()) == ("carol@world.test", "")
    assert mbox.unquoted(bytes(first)) == FIELDS.format("Boxed@example.test").encode() + TRICKY.replace(b"\r\n", b"\n")
    assert bytes(second) == FIELDS.format(BOXED).encode() + MESSAGE.replace(b"\r\n", b"\n")


def test_nothing_of_a_maildir_is_made_for_it(mda: Running) -> None:
    mda.script(BOXED, 'require "fileinto"; if header :is "Subject" "none" { fileinto "X"; }')
    deliver(connect(mda), [BOXED])
    assert not (home(mda, BOXED) / "Maildir").exists()
    assert subjects(home(mda, BOXED) / "mbox") == ["hello"]


def test_bounce_is_from_the_mailer_daemon(mda: Running) -> None:
    client = connect(mda)
    client.docmd("MAIL FROM:<>")
    client.docmd(f"RCPT TO:<{BOXED}>")
    client.docmd("DATA")
    client.send(MESSAGE + b".\r\n")
    assert client.getreply()[0] == 250
    assert (home(mda, BOXED) / "mbox").read_bytes().startswith(b"From MAILER-DAEMON ")


def test_large_message_arrives_whole(mda: Running) -> None:
    large = b"Subject: big\r\n\r\n" + b"From 0123456789\r\n>From\r\n" * 60_000
    assert deliver(connect(mda), [BOXED], large)[0][0] == 250
    (message,) = messages(home(mda, BOXED) / "mbox")
    assert mbox.unquoted(bytes(message)).endswith(large.replace(b"\r\n", b"\n"))


def test_messages_at_the_same_time_are_there_once_each(mda: Running) -> None:
    def send(number: int) -> None:
        for each in range(5):
            assert deliver(connect(mda), [BOXED, ALICE], b"Subject: %d-%d\r\n\r\nbody\r\n" % (number, each)) == [(250, b"2.0.0 stored")] * 2

    threads = [threading.Thread(target=send, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(subjects(home(mda, BOXED) / "mbox")) == sorted(f"{number}-{each}" for number in range(8) for each in range(5))


def test_delivery_waits_for_a_lock_that_is_given_back(mda: Running) -> None:
    with held(home(mda, BOXED) / "mbox"):
        client = connect(mda)
        client.docmd("MAIL FROM:<carol@world.test>")
        client.docmd(f"RCPT TO:<{BOXED}>")
        client.docmd("DATA")
        client.send(MESSAGE + b".\r\n")
        assert deliver(connect(mda), [ALICE])[0][0] == 250
    assert client.getreply() == (250, b"2.0.0 stored")


def test_mailbox_that_stays_locked_is_temporary_and_in_nobody_elses_way(mda: Running) -> None:
    deliver(connect(mda), [BOXED])
    path = home(mda, BOXED) / "mbox"
    before = path.read_bytes()
    with held(path):
        replies = deliver(connect(mda), [BOXED, ALICE])
        assert replies == [(451, b"4.2.0 mailbox is locked by another program"), (250, b"2.0.0 stored")]
    assert path.read_bytes() == before
    assert deliver(connect(mda), [BOXED])[0][0] == 250
    assert f"{path}.lock" in mda.events("trouble")[0]["reason"]


def test_lock_of_the_kernel_that_another_program_has_is_respected(mda: Running) -> None:
    deliver(connect(mda), [BOXED])
    path = home(mda, BOXED) / "mbox"
    script = "import fcntl, sys; file = open(sys.argv[1], 'r+b'); fcntl.lockf(file, fcntl.LOCK_EX); print(flush=True); sys.stdin.read()"
    with subprocess.Popen([sys.executable, "-c", script, str(path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdin is not None and other.stdout is not None
        other.stdout.readline()
        assert deliver(connect(mda), [BOXED])[0] == (451, b"4.2.0 mailbox is locked by another program")
        other.stdin.close()
    assert deliver(connect(mda), [BOXED])[0][0] == 250


def test_few_wait_for_a_locked_mailbox_and_the_others_hear_at_once(endless_mda: Running) -> None:
    clients = [connect(endless_mda) for _ in range(8)]
    with held(home(endless_mda, BOXED) / "mbox"):
        for client in clients:
            client.docmd("MAIL FROM:<carol@world.test>")
            client.docmd(f"RCPT TO:<{BOXED}>")
            client.docmd("DATA")
            client.send(MESSAGE + b".\r\n")
        while len(clients) > 3:
            ready, _, _ = select.select([client.file for client in clients if client.file], [], [], 10)
            answers = {client: client.getreply()[0] for client in clients if client.file in ready}
            assert set(answers.values()) == {451}
            clients = [client for client in clients if client not in answers]
    assert [client.getreply()[0] for client in clients] == [250] * 3


def test_mailbox_that_is_a_link_is_trouble_that_is_told(mda: Running) -> None:
    home(mda, BOXED).mkdir(parents=True)
    (home(mda, BOXED) / "mbox").symlink_to(mda.root / "elsewhere")
    assert deliver(connect(mda), [BOXED])[0][0] == 451
    assert not (mda.root / "elsewhere").exists()
    assert "is no regular file" in mda.events("trouble")[0]["reason"]


def test_quota_is_of_all_files_together_and_its_owner_is_warned(root: Path) -> None:
    mda = Running(root)
    mda.start()
    mda.script(TIGHT, 'require ["fileinto", "mailbox"]; if header :is "Subject" "file" { fileinto :create "Old"; }')
    assert deliver(connect(mda), [TIGHT], b"Subject: file\r\n\r\n" + b"x" * 350 + b"\r\n")[0][0] == 250
    assert deliver(connect(mda), [TIGHT], b"Subject: too much\r\n\r\n" + b"x" * 500 + b"\r\n")[0] == (552, b"5.2.2 mailbox is full")
    assert deliver(connect(mda), [TIGHT], b"Subject: fits\r\n\r\n" + b"x" * 150 + b"\r\n")[0][0] == 250
    mda.stop()
    assert subjects(home(mda, TIGHT) / "mail" / "Old") == ["file"]
    assert subjects(home(mda, TIGHT) / "mbox") == ["fits", "Your mailbox is 80 % full"]


def test_size_limit_is_of_each_file(limited_mda: Running) -> None:
    content = b"Subject: half\r\n\r\n" + b"x" * 600 + b"\r\n"
    assert [deliver(connect(limited_mda), [BOXED], content)[0][0] for _ in range(3)] == [250, 552, 552]
    assert subjects(home(limited_mda, BOXED) / "mbox") == ["half"]


def test_rules_file_into_mbox_files_with_flags(mda: Running) -> None:
    mda.script(
        BOXED,
        'require ["fileinto", "mailbox", "imap4flags", "copy", "editheader", "special-use"];'
        'addheader "X-Seen-By" "rules";'
        'fileinto :copy :create :flags ["\\\\Seen", "\\\\Flagged", "Work"] "Lists/lab";'
        'if mailboxexists "Lists.lab" { fileinto :copy :flags "\\\\Seen" "Lists.lab"; }'
        'if specialuse_exists "\\\\Junk" { fileinto :copy :specialuse "\\\\Junk" "Spam"; }'
        'fileinto :copy "Nowhere"; fileinto :copy :create "a.lock";',
    )
    deliver(connect(mda), [BOXED])
    folder = home(mda, BOXED) / "mail" / "Lists.lab"
    (message,) = messages(folder)
    assert (message.get_flags(), message["X-Keywords"], message["X-Seen-By"], message["Return-Path"]) == ("RF", "Work", "rules", "<carol@world.test>")
    assert message.get_from().startswith("carol@world.test ")
    assert subjects(home(mda, BOXED) / "mbox") == ["hello"]
    assert subjects(home(mda, BOXED) / "mail" / "Junk") == ["hello"]
    assert "there is no folder 'Nowhere'" in mda.log(BOXED) and "the name would be that of a lock" in mda.log(BOXED)
    deliver(connect(mda), [BOXED])
    assert len(messages(folder)) == 2


class WatchedDisk(Disk):
    """Notes what is brought to stable storage."""

    def __init__(self) -> None:
        self.done: list[str] = []

    def sync(self, file: int) -> None:
        self.done.append(os.readlink(f"/proc/self/fd/{file}"))


def test_file_and_a_new_name_are_on_stable_storage_before_the_answer(tmp_path: Path) -> None:
    async def scene() -> None:
        store, disk = MailStore(MailboxSettings(root=tmp_path)), WatchedDisk()
        delivery = MboxDelivery(store, disk, MboxSettings())
        path = tmp_path / "example.test" / "boxed" / "mbox"
        for expected in ([str(path), str(path.parent)], [str(path)]):
            disk.done.clear()
            draft = store.draft()
            draft.write(MESSAGE)
            await delivery.deliver(Letter(BOXED, b"", draft, Quota()))
            draft.close()
            assert disk.done[-len(expected) :] == expected
        assert len(disk.done) == 1
        await delivery.close()
        store.close()

    asyncio.run(scene())


async def deliver_together(root: Path, disk: Disk, *contents: bytes) -> list[Exception | None]:
    """What became of messages that come at the same time."""
    store = MailStore(MailboxSettings(root=root))
    delivery = MboxDelivery(store, disk, MboxSettings())
    drafts = [store.draft() for _ in contents]
    for draft, content in zip(drafts, contents, strict=True):
        draft.write(content)
    found = await asyncio.gather(*(delivery.deliver(Letter(BOXED, b"", draft, Quota())) for draft in drafts), return_exceptions=True)
    await delivery.close()
    store.close()
    return [each if isinstance(each, Exception) else None for each in found]


class BadDisk(Disk):
    """Breaks in the middle of a message."""

    def write(self, file: int, blocks: list[bytes]) -> None:
        whole = b"".join(blocks)
        super().write(file, [whole[: len(whole) // 2 if b"bad" in whole else None]])
        if b"bad" in whole:
            raise OSError(errno.EIO, "Input/output error")


MESSAGES = (MESSAGE, b"Subject: bad\r\n\r\n", MESSAGE)


def test_message_that_breaks_takes_no_other_with_it(tmp_path: Path) -> None:
    first, second, third = asyncio.run(deliver_together(tmp_path, BadDisk(), *MESSAGES))
    assert (first, type(second), third) == (None, MailboxTrouble, None)
    assert subjects(tmp_path / "example.test" / "boxed" / "mbox") == ["hello", "hello"]


def test_message_that_breaks_and_cannot_be_cut_fails_all_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_file: int, _length: int) -> None:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "ftruncate", fail)
    assert [type(trouble) for trouble in asyncio.run(deliver_together(tmp_path, BadDisk(), *MESSAGES))] == [Spoilt] * 3


def test_sender_has_no_say_in_what_is_read_or_deleted(mda: Running) -> None:
    content = b"X-IMAP: 1 2\r\nSubject: DON'T DELETE: FOLDER INTERNAL DATA\r\nStatus: RO\r\nX-Status: D\r\nX-Keywords: x\r\n y\r\n\r\nbody\r\n"
    assert deliver(connect(mda), [BOXED], content)[0][0] == 250
    (message,) = messages(home(mda, BOXED) / "mbox")
    assert (message.get_flags(), message["X-Keywords"], message["X-IMAP"], message.get_payload()) == ("", None, None, "body\n")


def test_lock_is_free_for_a_time_after_each_full_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "example.test" / "boxed" / "mbox"
    pauses: list[tuple[bool, int]] = []

    async def sleep(_seconds: float) -> None:
        pauses.append((path.with_name("mbox.lock").exists(), len(subjects(path))))

    monkeypatch.setattr(asyncio, "sleep", sleep)
    assert asyncio.run(deliver_together(tmp_path, Disk(), *[MESSAGE] * (2 * BATCH))) == [None] * 2 * BATCH
    assert pauses == [(False, BATCH)]


def test_warning_that_the_last_delivery_leads_to_is_stored_before_the_end(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """That delivery has lost its caller, and is slow: it goes on when it is waited for."""
    may_go_on, path, found = threading.Event(), root / "mail" / "example.test" / "tight" / "mbox", list[str]()
    close_delivery, close_quotas, sync = MboxDelivery.close, Quotas.close, Disk.sync

    async def slow_close_delivery(delivery: MboxDelivery) -> None:
        may_go_on.set()
        await close_delivery(delivery)

    async def watched_close_quotas(quotas: Quotas) -> None:
        await close_quotas(quotas)
        found.extend(subjects(path))

    def slow_sync(disk: Disk, file: int) -> None:
        assert may_go_on.wait(10)
        sync(disk, file)

    async def scene() -> None:
        (root / "malleposte.yaml").write_text(CONFIGURATION.format(root=root, sieve="", defers="false", mbox_size_limit=0, lock_seconds=1))
        mda, store = Mda(read_settings(root / "malleposte.yaml")), MailStore(MailboxSettings(root=root / "mail"))
        await mda.start()
        with contextlib.closing(store.draft()) as draft:
            draft.write(b"Subject: big\r\n\r\n" + b"x" * 800)
            delivery = asyncio.create_task(mda._mbox_delivery.deliver(Letter(TIGHT, b"", draft, Quota(1000))))
            await mda.stop()
            await delivery
        store.close()

    monkeypatch.setattr(MboxDelivery, "close", slow_close_delivery)
    monkeypatch.setattr(Quotas, "close", watched_close_quotas)
    monkeypatch.setattr(Disk, "sync", slow_sync)
    asyncio.run(scene())
    assert found == ["big", "Your mailbox is 80 % full"]


class MeetingDisk(Disk):
    """Has two deliveries write at the same time, if they are there."""

    def __init__(self) -> None:
        self.meeting = threading.Barrier(2)

    def write(self, file: int, blocks: list[bytes]) -> None:
        with contextlib.suppress(threading.BrokenBarrierError):
            self.meeting.wait(0.5)
        super().write(file, blocks)


def test_quota_holds_for_deliveries_to_two_files_at_the_same_time(tmp_path: Path) -> None:
    async def scene() -> None:
        store = MailStore(MailboxSettings(root=tmp_path))
        delivery = MboxDelivery(store, MeetingDisk(), MboxSettings())
        with contextlib.closing(store.draft()) as draft:
            draft.write(b"Subject: big\r\n\r\n" + b"x" * 600)
            letters = [Letter(TIGHT, b"", draft, Quota(1000), Place(folder)) for folder in ("INBOX", "Other")]
            found = await asyncio.gather(*map(delivery.deliver, letters), return_exceptions=True)
        assert [type(each) for each in found].count(OverQuota) == 1
        await delivery.close()
        store.close()

    asyncio.run(scene())
