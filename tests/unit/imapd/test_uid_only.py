"""A session that knows no message numbers (RFC 9586), and signs of life (RFC 9585)."""

import re
import threading

import pytest

from services.imapd import progress
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import Copied
from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import Client, Running


def fill(client: Client, count: int = 3) -> None:
    for _ in range(count):
        client.append("INBOX", HELLO)


@pytest.mark.parametrize(
    "command",
    ["FETCH 1 FLAGS", "STORE 1 FLAGS ()", "COPY 1 Trash", "MOVE 1 Trash", "SEARCH ALL", "UID SEARCH NOT 1:2", "SELECT INBOX (QRESYNC (1 2 (1 1)))"],
)
def test_numbers_are_refused(imapd: Running, command: str) -> None:
    with imapd.signed_in() as client:
        assert client.ask("ENABLE UIDONLY QRESYNC")[0] == b"* ENABLED UIDONLY QRESYNC"
        client.ask("SELECT INBOX")
        assert client.ask(command)[-1].startswith(b"BAD [UIDREQUIRED]")


def test_message_is_replaced_by_uid_only(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, 1)
        client.ask("ENABLE UIDONLY")
        client.ask("SELECT INBOX")
        assert client.ask(b"REPLACE 1 INBOX {%d+}\r\n%b" % (len(HELLO), HELLO))[-1].startswith(b"BAD [UIDREQUIRED]")
        assert client.ask(b"UID REPLACE 1 INBOX {%d+}\r\n%b" % (len(HELLO), HELLO))[1:-1] == [b"* VANISHED 1", b"* 1 EXISTS", b"* 1 RECENT"]


def test_replies_name_messages_by_uid(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        other.ask("SELECT INBOX")
        other.ask("MOVE 1 Trash")
        client.ask("ENABLE UIDONLY")
        assert not any(b"[UNSEEN" in reply for reply in client.ask("SELECT INBOX"))
        assert client.ask("UID FETCH 1:* (FLAGS RFC822.SIZE)")[0] == b"* 2 UIDFETCH (FLAGS () RFC822.SIZE %d)" % len(HELLO)
        assert client.ask("UID FETCH 3 BODY.PEEK[TEXT]")[0].startswith(b"* 3 UIDFETCH (BODY[TEXT] {")
        assert client.ask("UID STORE 3 +FLAGS (\\Seen)")[0] == b"* 3 UIDFETCH (FLAGS (\\Seen))"
        other.ask("UID STORE 2 +FLAGS (\\Deleted)")
        assert client.ask("NOOP")[:-1] == [b"* 2 UIDFETCH (FLAGS (\\Deleted))"]
        other.ask("EXPUNGE")
        assert client.ask("NOOP")[:-1] == [b"* VANISHED 2"]
        assert client.ask("UID SEARCH SEEN")[0] == b"* SEARCH 3"


def test_long_command_gives_signs_of_life(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    go_on = threading.Event()

    def copy(*_: object) -> Copied:
        go_on.wait()
        return Copied(1, [])

    monkeypatch.setattr(progress, "SECONDS", 0.001)
    monkeypatch.setattr(Folder, "copy", copy)
    with imapd.signed_in() as client:
        fill(client, 1)
        client.ask("SELECT INBOX")
        client.send(b"abc COPY 1 Trash\r\n")
        assert re.fullmatch(rb'\* OK \[INPROGRESS \("abc" NIL NIL\)\] .*', client.line())
        go_on.set()
        assert client.replies(b"abc")[-1].startswith(b"NO")
