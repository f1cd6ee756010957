"""APPEND takes a message as it is, or refuses it and goes on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.trouble import MailboxFull
from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import ALICE, Running

EVERY_BYTE = b"Subject: caf\xc3\xa9\r\n\r\n" + bytes(byte for byte in range(1, 256) if byte not in b"\r\n") + b"\r\n.\r\n"


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Running]:
    running = Running(tmp_path, message_size_limit=1024)
    yield running
    running.stop()


def test_message_is_the_same_byte_for_byte(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", EVERY_BYTE)
        assert client.ask("FETCH 1 BODY.PEEK[]")[0] == b"* 1 FETCH (BODY[] {%d}\r\n%b)" % (len(EVERY_BYTE), EVERY_BYTE)


def test_literal_is_asked_for_and_the_new_message_told(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.send(b"a APPEND INBOX (\\Seen) {%d}\r\n" % len(HELLO))
        assert client.line() == b"+ OK"
        client.send(HELLO + b"\r\n")
        replies = client.replies(b"a")
        assert replies[:2] == [b"* 1 EXISTS", b"* 1 RECENT"]
        assert replies[-1].startswith(b"OK [APPENDUID ")


def test_mailbox_may_be_a_literal_too(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask(b"APPEND {5+}\r\nINBOX {%d+}\r\n%b" % (len(HELLO), HELLO))[-1].startswith(b"OK [APPENDUID ")


def test_large_message_is_stored_and_read_in_pieces(imapd: Running) -> None:
    message = b"Subject: large\r\n\r\n" + b"0123456789abcdef" * 64 * 4096 + b"\r\n"
    with imapd.signed_in(select="INBOX") as client:
        assert client.append("INBOX", message).startswith(b"OK")
        assert client.ask("FETCH 1 (UID BODY.PEEK[])")[0] == b"* 1 FETCH (UID 1 BODY[] {%d}\r\n%b)" % (len(message), message)
        assert client.ask("FETCH 1 BODY.PEEK[]<1000000.5>")[0].endswith(b"{5}\r\n%b)" % message[1_000_000:1_000_005])


def test_message_over_the_limit_is_refused_before_it_is_sent(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask("APPEND INBOX {50000001}")[-1].startswith(b"NO [TOOBIG]")
        assert client.ask("NOOP")[-1].startswith(b"OK")


def test_message_over_the_limit_that_comes_unasked_is_passed_over(small: Running) -> None:
    with small.signed_in() as client:
        assert client.append("INBOX", b"x" * 300_000).startswith(b"NO [TOOBIG]")
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (b"APPEND None {3+}\r\nabc", b"NO [TRYCREATE]"),
        (b"APPEND INBOX {0+}\r\n", b"NO [CANNOT]"),
        (b"APPEND INBOX {3+}\r\nabc more", b"BAD"),
        (b"APPEND INBOX {3+}\r\nabc {3+}\r\nabc {0+}\r\n", b"NO [CANNOT]"),
        (b"APPEND INBOX {3+}\r\nabc nonsense {3+}\r\nabc", b"BAD"),
        (b"APPEND INBOX {3+}\r\nabc {3+}\r\nabc more", b"BAD"),
        (b"APPEND INBOX UTF8 ({3+}\r\nabc", b"BAD"),
        (b"APPEND INBOX UTF8 (~{3+}\r\nabc more)", b"BAD"),
        (b"APPEND INBOX CATENATE ()", b"BAD"),
        (b"APPEND INBOX CATENATE (TEXT)", b"BAD"),
        (b"APPEND INBOX CATENATE (TEXT {3+}\r\nabc URL)", b"BAD"),
        (b"APPEND INBOX CATENATE (MAIL {3+}\r\nabc)", b"BAD"),
        (b"REPLACE 1 INBOX {3+}\r\nabc", b"BAD"),
        (b"APPEND INBOX (\\Recent) {3+}\r\nabc", b"BAD"),
        (b"APPEND INBOX (\\Seen {3+}\r\nabc", b"BAD"),
        (b'APPEND INBOX "1-Foo-2024 00:00:00 +0000" {3+}\r\nabc', b"BAD"),
        (b"APPEND INBOX", b"BAD"),
        (b"APPEND R&D {3+}\r\nabc", b"NO [CANNOT]"),
    ],
)
def test_refused_append_adds_nothing_and_the_session_goes_on(imapd: Running, command: bytes, reply: bytes) -> None:
    with imapd.signed_in() as client:
        assert client.ask(command)[-1].startswith(reply)
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")


def test_connection_lost_in_the_middle_adds_nothing(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.send(b"a APPEND INBOX {1000+}\r\nonly so much")
    with imapd.signed_in() as client:
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")


def test_full_disk_is_told_after_the_message_and_the_session_goes_on(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(_draft: Draft, _block: bytes) -> None:
        raise MailboxFull("no space left on device")

    monkeypatch.setattr(Draft, "write", fail)
    with imapd.signed_in() as client:
        assert client.append("INBOX", b"x" * 1_000_000).startswith(b"NO [UNAVAILABLE]")
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")
    assert "no space left" in imapd.events("trouble")[0]["reason"]


def test_message_over_quota_is_refused(imapd: Running) -> None:
    imapd.limit(ALICE, 3 * len(HELLO) + 10)
    with imapd.signed_in(select="INBOX") as client:
        replies = [client.append("INBOX", HELLO)[:2] for _ in range(4)]
        assert replies == [b"OK", b"OK", b"OK", b"NO"]
        assert client.ask("COPY 1 Trash")[-1].startswith(b"NO [OVERQUOTA]")
        assert client.ask("MOVE 1 Trash")[-1].startswith(b"OK")
