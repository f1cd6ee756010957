"""pop3d on the site's own mailboxes, as mda and imapd leave them."""

import asyncio
import poplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import Origin
from services.kernel.mailbox.store import MailStore
from services.pop3d.config import Pop3dSettings
from services.pop3d.mailbox import open_mailbox
from tests.unit.pop3d.shelf import PASSWORD, ListedAccounts
from tests.unit.pop3d.site import Running

ALICE = "alice@example.test"


@pytest.fixture
def store(tmp_path: Path) -> Iterator[MailStore]:
    (tmp_path / "mail").mkdir()
    store = MailStore(MailboxSettings.model_validate({"root": tmp_path / "mail"}))
    yield store
    store.close()


@pytest.fixture
def inbox(store: MailStore) -> Folder:
    return store.user(ALICE).folder("INBOX")


@pytest.fixture
def pop3d(tmp_path: Path, store: MailStore, accounts: ListedAccounts) -> Iterator[Running]:
    """A worker with a store of its own, as in a container of its own."""
    running = Running(tmp_path, MailStore(MailboxSettings.model_validate({"root": tmp_path / "mail"})), accounts)
    yield running
    running.stop()


def append(store: MailStore, folder: Folder, content: bytes) -> int:
    draft = store.draft()
    draft.write(content)
    try:
        return folder.append(draft, Origin()).uid
    finally:
        draft.close()


def sign_in(pop3d: Running) -> poplib.POP3_SSL:
    client = poplib.POP3_SSL("localhost", pop3d.tls_port, context=pop3d.client_tls)
    client.user(ALICE)
    client.pass_(PASSWORD)
    return client


def test_deleted_message_is_gone_and_read_one_is_seen(store: MailStore, inbox: Folder, pop3d: Running) -> None:
    uids = [append(store, inbox, b"Subject: %d\r\n\r\nbody\r\n" % number) for number in range(3)]
    client = sign_in(pop3d)
    assert client.retr(1)[1] == [b"Subject: 0", b"", b"body"]
    client.dele(2)
    client.quit()
    assert list(inbox.uids()) == [uids[0], uids[2]]
    assert [message.flags for message in inbox.messages()] == [{"\\Seen"}, frozenset()]


def test_uidl_is_the_same_in_the_next_session(store: MailStore, inbox: Folder, pop3d: Running) -> None:
    append(store, inbox, b"Subject: gone\r\n\r\n")
    append(store, inbox, b"Subject: stays\r\n\r\n")
    client = sign_in(pop3d)
    known = client.uidl(2).split()[2]
    client.dele(1)
    client.quit()
    client = sign_in(pop3d)
    assert client.uidl(1).split()[2] == known
    client.quit()


def test_message_with_lf_is_served_and_measured_with_crlf(store: MailStore, inbox: Folder, pop3d: Running, tmp_path: Path) -> None:
    maildir = tmp_path / "mail/example.test/alice/Maildir"
    (maildir / "new" / "1.stranger").write_bytes(b"Subject: lf\n\n.dot\nend\n")
    with pop3d.signed_in() as client:
        assert client.ask("STAT") == b"+OK 1 26\r\n"
        assert client.ask_lines("RETR 1") == b"+OK 26 octets\r\nSubject: lf\r\n\r\n..dot\r\nend\r\n.\r\n"


def test_large_message_is_mapped_and_served_unchanged(store: MailStore, inbox: Folder, pop3d: Running) -> None:
    content = b"Subject: big\r\n\r\n" + b".0123456789\r\n" * 100_000
    append(store, inbox, content)
    with pop3d.signed_in() as client:
        assert client.ask_lines("RETR 1").partition(b"\r\n")[2] == content.replace(b"\r\n.", b"\r\n..") + b".\r\n"
        assert client.ask_lines("TOP 1 1").partition(b"\r\n")[2] == b"Subject: big\r\n\r\n..0123456789\r\n.\r\n"


def test_delivery_goes_on_while_a_session_has_the_mailbox(store: MailStore, inbox: Folder, pop3d: Running) -> None:
    with pop3d.signed_in() as client, pop3d.client() as second:
        append(store, inbox, b"Subject: new\r\n\r\n")
        assert client.ask("STAT") == b"+OK 0 0\r\n"
        second.ask(f"USER {ALICE}")
        assert second.ask(f"PASS {PASSWORD}").startswith(b"-ERR [IN-USE]")
    assert len(inbox.uids()) == 1


def test_cancelled_sign_in_gives_the_lock_back(store: MailStore, inbox: Folder, pop3d: Running) -> None:
    async def hurry() -> None:
        task = asyncio.ensure_future(open_mailbox(store, ALICE, Pop3dSettings.model_validate({})))
        await asyncio.sleep(0)
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await asyncio.gather(*(other for other in asyncio.all_tasks() if other is not asyncio.current_task()))

    asyncio.run(hurry())
    with store.user(ALICE).pop3_lock():
        pass


def test_sign_in_too_soon_after_the_last_is_refused(tmp_path: Path, store: MailStore, inbox: Folder, accounts: ListedAccounts) -> None:
    (tmp_path / "delayed").mkdir()
    running = Running(tmp_path / "delayed", store, accounts, login_delay_seconds=600)
    try:
        with running.signed_in(), running.client() as client:
            assert b"\r\nLOGIN-DELAY 600\r\n" in client.ask_lines("CAPA")
        with running.client() as client:
            client.ask(f"USER {ALICE}")
            assert client.ask("PASS wrong").startswith(b"-ERR [AUTH]")
            client.ask(f"USER {ALICE}")
            assert client.ask(f"PASS {PASSWORD}").startswith(b"-ERR [LOGIN-DELAY]")
            assert client.ask("STAT").startswith(b"-ERR")
    finally:
        running.stop()
