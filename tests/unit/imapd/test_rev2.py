"""What is otherwise in a session that speaks IMAP4rev2 (RFC 9051)."""

from collections.abc import Iterator

import pytest

from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import Client, Running


@pytest.fixture
def client(imapd: Running) -> Iterator[Client]:
    with imapd.signed_in() as client:
        assert client.ask("ENABLE IMAP4rev2")[0] == b"* ENABLED IMAP4rev2"
        yield client


def test_capability_names_both(imapd: Running) -> None:
    with imapd.client() as client:
        assert b" IMAP4rev1 IMAP4rev2 " in client.greeting


def test_nothing_is_recent(client: Client) -> None:
    client.append("INBOX", HELLO)
    replies = b"\r\n".join([*client.ask("SELECT INBOX"), *client.ask("FETCH 1 FLAGS")])
    replies += b"\r\n".join(client.ask(b"APPEND INBOX {%d+}\r\n%b" % (len(HELLO), HELLO)))
    assert b"RECENT" not in replies.upper() and b"[UNSEEN" not in replies and b"* 2 EXISTS" in replies


def test_recent_stays_for_a_client_that_wants_it(imapd: Running, client: Client) -> None:
    client.append("INBOX", HELLO)
    client.ask("SELECT INBOX")
    with imapd.signed_in() as other:
        assert b"* 1 RECENT" in other.ask("SELECT INBOX")


def test_select_tells_the_name(client: Client) -> None:
    assert b'* LIST () "." INBOX ("OLDNAME" (inbox))' in client.ask("SELECT inbox")
    assert b'* LIST () "." INBOX' in client.ask("EXAMINE INBOX")


def test_names_are_utf8(imapd: Running, client: Client) -> None:
    assert client.ask('CREATE "Gelöscht & weg"'.encode())[-1].startswith(b"OK")
    assert '* LIST (\\HasNoChildren) "." "Gelöscht & weg"'.encode() in client.ask('LIST "" Gel*')
    assert client.ask('STATUS "Gelöscht & weg" (MESSAGES)'.encode())[0] == '* STATUS "Gelöscht & weg" (MESSAGES 0)'.encode()
    assert client.ask(b'SELECT "\xff"')[-1].startswith(b"NO [CANNOT]")
    with imapd.signed_in() as other:
        assert b'* LIST (\\HasNoChildren) "." "Gel&APY-scht &- weg"' in other.ask('LIST "" Gel*')


def test_search_is_answered_with_esearch(client: Client) -> None:
    client.append("INBOX", HELLO)
    client.ask("SELECT INBOX")
    assert client.ask("SEARCH ALL")[0].startswith(b"* ESEARCH (TAG ") and client.ask("SEARCH ALL")[0].endswith(b" ALL 1")


def test_status_counts_deleted_and_size(client: Client) -> None:
    client.append("INBOX", HELLO, "(\\Deleted) ")
    client.append("INBOX", HELLO)
    assert client.ask("STATUS INBOX (DELETED SIZE)")[0] == b"* STATUS INBOX (DELETED 1 SIZE %d)" % (2 * len(HELLO))


def test_changes_of_others_come_with_the_uid(imapd: Running, client: Client) -> None:
    client.append("INBOX", HELLO)
    client.append("INBOX", HELLO)
    client.ask("SELECT INBOX")
    with imapd.signed_in(select="INBOX") as other:
        other.ask("STORE 2 +FLAGS (\\Seen)")
        other.ask("MOVE 1 Trash")
    assert client.ask("NOOP")[:-1] == [b"* 1 EXPUNGE", b"* 1 FETCH (UID 2 FLAGS (\\Seen))"]
