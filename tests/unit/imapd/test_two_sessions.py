"""What one session does and another hears."""

import re
from collections.abc import Mapping

import pytest

from services.imapd.commands import search
from services.imapd.searching import FromText, Lookup
from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import ALICE, Client, Running


def fill(client: Client, count: int = 3) -> None:
    for _ in range(count):
        client.append("INBOX", HELLO)


def test_flags_and_new_mail_of_another_session_are_told(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        other.ask("SELECT INBOX")
        client.ask("SELECT INBOX")
        other.ask(r"STORE 2 +FLAGS (\Seen)")
        other.append("INBOX", HELLO)
        assert client.ask("NOOP")[:-1] == [b"* 4 EXISTS", b"* 0 RECENT", rb"* 2 FETCH (FLAGS (\Seen))"]
        assert client.ask("NOOP") == [b"OK Done"]


def test_flags_are_fetched_as_they_are_now(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        other.ask("SELECT INBOX")
        client.ask("SELECT INBOX")
        other.ask(r"STORE 2 +FLAGS (\Seen)")
        assert client.ask("FETCH 2 FLAGS")[:-1] == [rb"* 2 FETCH (FLAGS (\Seen))"]


def test_expunge_by_another_is_not_told_while_numbers_are_in_use(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        client.ask("SELECT INBOX")
        other.ask("SELECT INBOX")
        other.ask(r"STORE 1 +FLAGS (\Deleted)")
        other.ask("EXPUNGE")
        for command in ("FETCH 3 UID", "STORE 2 FLAGS ()", "SEARCH ALL", r"STORE 2:3 +FLAGS.SILENT (\Seen)"):
            assert not any(reply.endswith(b"EXPUNGE") for reply in client.ask(command))
        assert client.ask("FETCH 1:3 UID")[:-1] == [b"* 1 FETCH (UID 1)", b"* 2 FETCH (UID 2)", b"* 3 FETCH (UID 3)"]
        assert client.ask("UID FETCH 3 UID")[:-1] == [b"* 3 FETCH (UID 3)", b"* 1 EXPUNGE"]
        assert client.ask("FETCH 2 UID")[:-1] == [b"* 2 FETCH (UID 3)"]


@pytest.mark.parametrize(
    "command", ["FETCH 1:3 (FLAGS)", r"STORE 2:3 +FLAGS (\Seen)", r"STORE 1:3 +FLAGS.SILENT (\Seen)", "SEARCH BODY hello", "SORT (DATE) UTF-8 ALL"]
)
def test_reply_says_that_an_expunge_is_due(imapd: Running, command: str) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        client.ask("SELECT INBOX")
        other.ask("SELECT INBOX")
        other.ask("MOVE 1 Trash")
        assert client.ask(command)[-1] == b"OK [EXPUNGEISSUED] Done"
        assert client.ask("NOOP") == [b"* 1 EXPUNGE", b"OK Done"]
        assert client.ask(command.replace("3", "2"))[-1] == b"OK Done"


def test_store_that_would_tell_flags_of_a_message_that_is_gone_stores_the_others_and_is_an_expunge_issue(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        other.ask("SELECT INBOX")
        client.ask("SELECT INBOX")
        other.ask("MOVE 2 Trash")
        replies = client.ask(r"STORE 1:3 +FLAGS (\Seen)")
        assert replies[:-1] == [rb"* 1 FETCH (FLAGS (\Seen))", rb"* 3 FETCH (FLAGS (\Seen))"]
        assert replies[-1].startswith(b"NO [EXPUNGEISSUED]")
        assert client.ask(r"UID STORE 1:3 -FLAGS (\Seen)")[-2:] == [b"* 2 EXPUNGE", b"OK Done"]


@pytest.mark.parametrize(
    "command", ["SEARCH BODY hello", "UID SEARCH BODY hello", "SORT (DATE) UTF-8 BODY hello", "THREAD REFERENCES UTF-8 BODY hello"]
)
def test_search_that_misses_a_message_whose_expunge_is_under_way_says_so(imapd: Running, monkeypatch: pytest.MonkeyPatch, command: str) -> None:
    """Files go before the index tells it."""
    with imapd.signed_in() as client:
        fill(client)
        client.ask("SELECT INBOX")

        async def look_up(*_: object) -> Mapping[FromText, Lookup]:
            next(imapd.root.rglob("new/*U=1")).unlink()
            return {}

        monkeypatch.setattr(search, "look_up", look_up)
        replies = client.ask(command)
        assert sorted(re.findall(rb"\d", replies[0])) == [b"2", b"3"]
        assert replies[-1] == b"OK [EXPUNGEISSUED] Done"


@pytest.mark.parametrize("items", ["FLAGS", "(UID FLAGS)", "(FLAGS BODY.PEEK[HEADER.FIELDS (SUBJECT)])", "BODY[]"])
def test_keyword_of_another_session_is_told_before_it_is_used(imapd: Running, items: str) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        client.ask("SELECT INBOX")
        other.ask("SELECT INBOX")
        other.ask("STORE 2 +FLAGS ($Work)")
        replies = client.ask(f"FETCH 1:3 {items}")
        used = next(number for number, reply in enumerate(replies) if b"FETCH" in reply and b"$Work" in reply)
        assert any(reply.startswith(b"* FLAGS (") and b"$Work" in reply for reply in replies[:used]), replies


def test_body_of_a_message_that_is_gone_is_an_expunge_issue(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        client.ask("SELECT INBOX")
        other.ask("SELECT INBOX")
        other.ask("MOVE 1 Trash")
        replies = client.ask("FETCH 1:2 BODY.PEEK[TEXT]")
        assert [reply.split()[1] for reply in replies[:-1]] == [b"2"]
        assert replies[-1] == b"NO [EXPUNGEISSUED] Some of the requested messages no longer exist"
        assert client.ask("COPY 1 Archive")[-1].startswith(b"NO [EXPUNGEISSUED]")
        assert client.ask("NOOP")[-1].startswith(b"OK")


def test_mail_delivered_by_another_process_is_seen(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        imapd.deliver(ALICE, HELLO)
        assert client.ask("NOOP")[:-1] == [b"* 1 EXISTS", b"* 1 RECENT"]


def test_idle_hears_of_a_delivery_a_flag_and_an_expunge(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in(select="INBOX") as client:
        client.send(b"a IDLE\r\n")
        assert client.line() == b"+ idling"
        fill(other, 1)
        assert [client.line(), client.line()] == [b"* 1 EXISTS", b"* 1 RECENT"]
        other.ask("SELECT INBOX")
        other.ask(r"STORE 1 +FLAGS (\Deleted)")
        assert client.line() == rb"* 1 FETCH (FLAGS (\Deleted \Recent))"
        other.ask("EXPUNGE")
        assert client.line() == b"* 1 EXPUNGE"
        client.send(b"done\r\n")
        assert client.line().startswith(b"a OK")


def test_idle_tells_what_happened_before_it(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in(select="INBOX") as client:
        fill(other, 1)
        client.send(b"a IDLE\r\n")
        assert [client.line() for _ in range(3)] == [b"+ idling", b"* 1 EXISTS", b"* 1 RECENT"]


def test_idle_ends_with_any_other_line_and_the_session_goes_on(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.send(b"a IDLE\r\nb NOOP\r\nc NOOP\r\n")
        assert client.line() == b"+ idling"
        assert client.line().startswith(b"a BAD")
        assert client.line().startswith(b"c OK")


def test_pipelined_commands_are_done_in_order(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        client.send(b"a SELECT INBOX\r\nb STORE 1 +FLAGS.SILENT \\Deleted\r\nc EXPUNGE\r\nd SEARCH ALL\r\ne UID FETCH 1:* UID\r\n")
        assert client.replies(b"c")[-2:] == [b"* 1 EXPUNGE", b"OK Done"]
        assert client.replies(b"d")[0] == b"* SEARCH 1 2"
        assert client.replies(b"e")[:-1] == [b"* 1 FETCH (UID 2)", b"* 2 FETCH (UID 3)"]


def test_new_mail_is_told_to_all_that_idle_and_recent_in_one_of_them(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as one, imapd.signed_in(select="INBOX") as two, imapd.signed_in(select="INBOX") as three:
        sessions = (one, two, three)
        for client in sessions:
            client.send(b"i IDLE\r\n")
            assert client.line() == b"+ idling"
        imapd.deliver(ALICE, HELLO)
        assert [client.line() for client in sessions] == [b"* 1 EXISTS"] * 3
        assert sorted(client.line() for client in sessions) == [b"* 0 RECENT", b"* 0 RECENT", b"* 1 RECENT"]
