"""What is not the client's fault is temporary, told to the operator, and ends neither the session nor the process."""

from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import pytest

from services.kernel.mailbox.acl import Rights
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxFull, MailboxTrouble
from services.kernel.mailbox.user import UserMail
from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import ALICE, PASSWORD, Running


def fail(*_: object) -> None:
    raise MailboxTrouble("disk on fire")


def crash(*_: object) -> None:
    raise ZeroDivisionError("of our own making")


@pytest.mark.parametrize(("method", "command"), [("snapshot", "SELECT INBOX"), ("status", "STATUS INBOX (MESSAGES)")])
def test_store_that_fails_is_unavailable_for_now(imapd: Running, monkeypatch: pytest.MonkeyPatch, method: str, command: str) -> None:
    with imapd.signed_in() as client:
        with monkeypatch.context() as patch:
            patch.setattr(Folder, method, fail)
            assert client.ask(command)[-1].startswith(b"NO [UNAVAILABLE]")
        assert client.ask(command)[-1].startswith(b"OK")
    assert "disk on fire" in imapd.events("trouble")[0]["reason"]


def test_message_that_is_stored_is_told_as_stored_though_the_look_afterwards_fails(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with imapd.signed_in(select="INBOX") as client:
        with monkeypatch.context() as patch:
            patch.setattr(Folder, "changes", fail)
            client.send(b"a APPEND Sent {%d+}\r\n%b\r\n" % (len(HELLO), HELLO))
            assert client.line().startswith(b"a OK [APPENDUID ")
        assert client.ask("NOOP")[-1].startswith(b"OK")
    assert "disk on fire" in imapd.events("trouble")[0]["reason"]


def test_message_that_is_stored_is_told_as_stored_though_the_selected_folder_is_gone(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        other.ask("CREATE Work")
        client.ask("SELECT Work")
        other.ask("DELETE Work")
        client.send(b"a APPEND Sent {%d+}\r\n%b\r\n" % (len(HELLO), HELLO))
        assert client.line().startswith(b"a OK [APPENDUID ")
        assert client.line() == b"* BYE Selected mailbox was deleted"


@pytest.mark.parametrize(("command", "told"), [("EXPUNGE", []), ("UID EXPUNGE 1", []), ("MOVE 1 Trash", [b"* OK [COPYUID "])])
def test_messages_that_are_gone_are_told_as_done_though_the_look_afterwards_fails(
    imapd: Running, monkeypatch: pytest.MonkeyPatch, command: str, told: list[bytes]
) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", HELLO)
        client.ask("STORE 1 FLAGS (\\Deleted)")
        with monkeypatch.context() as patch:
            patch.setattr(Folder, "changes", fail)
            replies = client.ask(command)
            assert replies[-1] == b"OK Done" and [reply[:14] for reply in replies[:-1]] == told
        assert client.ask("NOOP")[:2] == [b"* 1 EXPUNGE", b"OK Done"]
    assert "disk on fire" in imapd.events("trouble")[0]["reason"]


def test_messages_that_are_gone_are_told_as_done_though_the_folder_then_goes(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    expunge = Folder.expunge

    def expunge_and_delete(folder: Folder, uids: Iterable[int] | None) -> Sequence[int]:
        gone = expunge(folder, uids)
        other.ask("DELETE Work")
        return gone

    with imapd.signed_in() as other, imapd.signed_in() as client:
        other.ask("CREATE Work")
        client.append("Work", HELLO, "(\\Deleted) ")
        client.ask("SELECT Work")
        monkeypatch.setattr(Folder, "expunge", expunge_and_delete)
        assert client.ask("EXPUNGE") == [b"OK Done"]
        assert client.line() == b"* BYE Selected mailbox was deleted"


@pytest.mark.parametrize(
    ("method", "command"),
    [
        ("read", "FETCH 1 BODY.PEEK[]"),
        ("read", "SEARCH BODY x"),
        ("store_flags", "STORE 1 FLAGS ()"),
        ("copy", "COPY 1 Trash"),
        ("changes", "NOOP"),
        ("facts", "FETCH 1 ENVELOPE"),
    ],
)
def test_defect_ends_one_command_and_not_the_session(imapd: Running, monkeypatch: pytest.MonkeyPatch, method: str, command: str) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", HELLO)
        with monkeypatch.context() as patch:
            patch.setattr(Folder, method, crash)
            assert client.ask(command)[-1] == b"NO [SERVERBUG] Internal error; try again later"
        assert client.ask(command)[-1].startswith(b"OK")
    assert "of our own making" in imapd.events("trouble")[0]["reason"]


def test_damaged_facts_are_worked_out_again(imapd: Running, alice: UserMail) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", HELLO)
        told = client.ask("FETCH 1 (ENVELOPE BODY.PEEK[1])")
        inbox = alice.folder("INBOX")
        (kept,) = inbox.facts([1], bytes).values()
        damaged = msgspec.msgpack.encode([*msgspec.msgpack.decode(kept)[:1], "no tree", *msgspec.msgpack.decode(kept)[2:]])
        inbox.remember({1: damaged})
        assert client.ask("FETCH 1 (ENVELOPE BODY.PEEK[1])") == told
        assert inbox.facts([1], bytes) == {1: kept}


def test_facts_are_told_though_there_is_no_room_to_keep_them(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise MailboxFull

    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", HELLO)
        monkeypatch.setattr(Folder, "remember", full)
        assert client.ask("FETCH 1 ENVELOPE")[-1].startswith(b"OK")


def test_defect_in_the_middle_of_a_message_ends_one_session_and_not_the_process(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        with monkeypatch.context() as patch:
            patch.setattr(MailStore, "draft", crash)
            client.send(b"a APPEND INBOX {3+}\r\nabc\r\n")
            assert client.line().startswith(b"* BYE [SERVERBUG]")
            assert client.line() == b""
        assert other.ask("NOOP")[-1].startswith(b"OK")


def test_directory_that_cannot_be_asked_is_unavailable_for_now(imapd: Running) -> None:
    with imapd.without_directory(), imapd.client() as client:
        assert client.ask(f'LOGIN {ALICE} "{PASSWORD}"')[-1].startswith(b"NO [UNAVAILABLE]")
    with imapd.signed_in() as client:
        assert client.ask("NOOP")[-1].startswith(b"OK")
    assert imapd.events("auth_failed") == []


def test_client_that_does_not_read_is_cut_off(tmp_path: Path) -> None:
    imapd = Running(tmp_path, stall_seconds=0.2)
    try:
        with imapd.signed_in(select="INBOX") as client:
            client.append("INBOX", b"Subject: large\r\n\r\n" + b"x" * 20_000_000 + b"\r\n")
            client.send(b"a FETCH 1 BODY[]\r\n")
            assert imapd.wait_for_event("logout")["reason"] == "stalled"
    finally:
        imapd.stop()


def test_client_that_stops_in_the_middle_of_a_message_is_cut_off(tmp_path: Path) -> None:
    imapd = Running(tmp_path, stall_seconds=0.2)
    try:
        with imapd.signed_in() as client:
            client.send(b"a APPEND INBOX {100+}\r\nhalf")
            assert imapd.wait_for_event("logout")["reason"] == "idle for too long"
    finally:
        imapd.stop()


@pytest.mark.parametrize("verb", ["COPY", "MOVE"])
def test_target_that_goes_meanwhile_ends_the_command_and_not_the_session(imapd: Running, monkeypatch: pytest.MonkeyPatch, verb: str) -> None:
    work = getattr(Folder, verb.lower())

    def delete_and_work(folder: Folder, uids: Iterable[int], target: Folder, rights: Rights) -> object:
        other.ask("DELETE Work")
        return work(folder, uids, target, rights)

    with imapd.signed_in() as other, imapd.signed_in(select="INBOX") as client:
        other.ask("CREATE Work")
        client.append("INBOX", HELLO)
        monkeypatch.setattr(Folder, verb.lower(), delete_and_work)
        assert client.ask(f"{verb} 1 Work")[-1].startswith(b"NO [TRYCREATE]")
        assert client.ask("FETCH 1 UID")[-1].startswith(b"OK")
