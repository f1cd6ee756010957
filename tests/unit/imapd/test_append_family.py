"""Several messages at once, messages made of parts, binary ones, and one in the place of another."""

import base64
from pathlib import Path

import pytest

from services.imapd.grammar.framing import MAX_COMMAND_BYTES
from tests.unit.imapd.mail import HELLO, MIXED
from tests.unit.imapd.site import ALICE, BOB, Client, Running


def literal(content: bytes, mark: bytes = b"") -> bytes:
    return b"%b{%d+}\r\n%b" % (mark, len(content), content)


def bodies(client: Client, folder: str = "INBOX") -> list[bytes]:
    """All messages of a folder as they are served."""
    client.ask(f"EXAMINE {folder}")
    replies = client.ask("UID FETCH 1:* BODY.PEEK[]")[:-1]
    client.ask("UNSELECT")
    return [reply.split(b"}\r\n", 1)[1].removesuffix(b")") for reply in replies]


# MULTIAPPEND


def test_messages_of_one_command_come_together_in_order(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        first, second = HELLO, HELLO.replace(b"hello", b"second")
        command = b"APPEND INBOX (\\Seen) " + literal(first) + b' " 1-Feb-2020 10:00:00 +0000" ' + literal(second)
        replies = client.ask(command)
        assert replies[0] == b"* 2 EXISTS"
        assert replies[-1].split(b" ", 3)[:2] == [b"OK", b"[APPENDUID"] and replies[-1].split()[3] == b"1:2]"
        assert client.ask("FETCH 1:2 FLAGS")[:2] == [b"* 1 FETCH (FLAGS (\\Recent \\Seen))", b"* 2 FETCH (FLAGS (\\Recent))"]
        assert b'"01-Feb-2020 10:00:00 +0000"' in client.ask("FETCH 2 INTERNALDATE")[0]
        assert bodies(client) == [first, second]


def test_each_literal_of_a_command_is_asked_for(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.send(b"a APPEND INBOX {%d}\r\n" % len(HELLO))
        assert client.line() == b"+ OK"
        client.send(HELLO + b" {3}\r\n")
        assert client.line() == b"+ OK"
        client.send(b"abc\r\n")
        assert client.line().startswith(b"a OK [APPENDUID ")
        assert bodies(client) == [HELLO, b"abc"]


def test_refused_second_message_takes_the_first_back(imapd: Running) -> None:
    imapd.limit(ALICE, len(HELLO) + 10)
    with imapd.signed_in() as client:
        assert client.ask(b"APPEND INBOX " + literal(HELLO) + b" " + literal(HELLO))[-1].startswith(b"NO [OVERQUOTA]")
        client.send(b"a APPEND INBOX {%d}\r\n" % len(HELLO))
        client.line()
        client.send(HELLO + b" {50000001}\r\n")
        assert client.line().startswith(b"a NO [TOOBIG]")
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")
    assert list(Path(imapd.root).glob("mail/*/*/Maildir/tmp/*")) == []


def test_connection_lost_between_two_messages_adds_nothing(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.send(b"a APPEND INBOX " + literal(HELLO) + b" {10+}\r\nabc")
    imapd.wait_for_event("logout")
    with imapd.signed_in() as client:
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")
    assert list(Path(imapd.root).glob("mail/*/*/Maildir/tmp/*")) == []


def test_messages_of_one_command_have_a_bound(imapd: Running) -> None:
    with imapd.signed_in() as client:
        padding = b"(" + b" ".join([b"\\Seen"] * 90) + b") "
        count = MAX_COMMAND_BYTES // len(padding) + 2
        assert client.ask(b"APPEND INBOX" + b"".join(b" " + padding + literal(b"x") for _ in range(count)))[-1].startswith(b"NO [LIMIT]")
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")


# CATENATE


@pytest.fixture
def mixed(imapd: Running) -> Running:
    """Message 1 of Work is one with parts."""
    with imapd.signed_in() as client:
        client.ask("CREATE Work")
        client.append("Work", MIXED)
    return imapd


@pytest.mark.parametrize(
    ("url", "part"),
    [
        (b"/Work/;UID=1", MIXED),
        (b"/Work;UIDVALIDITY=%d/;UID=1", MIXED),
        (b"/Work/;uid=1/;section=HEADER", MIXED[: MIXED.index(b"preamble")]),
        (b"/Work/;UID=1/;SECTION=HEADER.FIELDS%%20(Subject)", b"Subject: =?utf-8?B?w4lwcmV1dmU=?=\r\n\r\n"),
        (b"/Work/;UID=1/;SECTION=1", b"caf=E9"),
        (b"/Work/;UID=1/;SECTION=1.MIME", b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"),
        (b"/Work/;UID=1/;SECTION=2.TEXT", b"inside"),
        (b"/Work/;UID=1/;SECTION=3/;PARTIAL=2.3", b"Vjc"),
        (b"/Work/;UID=1/;SECTION=3/;PARTIAL=2", b"VjcmV0"),
        (b"/W%%6Frk/;UID=1/;SECTION=1", b"caf=E9"),
        (b"imap://alice%%40example.test@mail.example.test/Work/;UID=1/;SECTION=1", b"caf=E9"),
        (b"imap://mail.example.test:143/Work/;UID=1/;SECTION=1", b"caf=E9"),
    ],
)
def test_message_is_made_of_parts(mixed: Running, url: bytes, part: bytes) -> None:
    with mixed.signed_in() as client:
        validity = int(client.ask("STATUS Work (UIDVALIDITY)")[0].split()[-1].rstrip(b")"))
        url = url % validity if b"%d" in url else url.replace(b"%%", b"%")
        command = b"APPEND INBOX CATENATE (TEXT " + literal(b"before ") + b' URL "' + url + b'" TEXT ' + literal(b" after") + b")"
        assert client.ask(command)[-1].startswith(b"OK [APPENDUID ")
        assert bodies(client) == [b"before " + part + b" after"]


def test_url_may_be_a_literal_and_all_there_is(mixed: Running) -> None:
    with mixed.signed_in() as client:
        assert client.ask(b'APPEND INBOX (\\Draft) CATENATE (URL "/Work/;UID=1")')[-1].startswith(b"OK [APPENDUID ")
        client.send(b"a APPEND INBOX CATENATE (URL {12}\r\n")
        assert client.line() == b"+ OK"
        client.send(b"/Work/;UID=1 TEXT {1+}\r\n!)\r\n")
        assert client.line().startswith(b"a OK [APPENDUID ")
        assert bodies(client) == [MIXED, MIXED + b"!"]


def test_url_without_a_mailbox_is_in_the_selected_one(mixed: Running) -> None:
    with mixed.signed_in() as client:
        assert client.ask('APPEND INBOX CATENATE (URL ";UID=1/;SECTION=1")')[-1].startswith(b"NO [BADURL ")
        client.ask("SELECT Work")
        assert client.ask('APPEND INBOX CATENATE (URL ";UID=1/;SECTION=1")')[-1].startswith(b"OK")
        assert client.ask('APPEND INBOX CATENATE (URL "/;UID=1/;SECTION=1")')[-1].startswith(b"OK")
        assert bodies(client) == [b"caf=E9"] * 2


@pytest.mark.parametrize(
    "url",
    [
        b"/Work/;UID=2",
        b"/Work;UIDVALIDITY=1/;UID=1",
        b"/None/;UID=1",
        b"/Work/;UID=1/;SECTION=9",
        b"/Work/;UID=1/;SECTION=FOO",
        b"/Work/;UID=1/;PARTIAL=x",
        b"/W%FFrk/;UID=1",
        b"/Work",
        b"",
        b"http://mail.example.test/Work/;UID=1",
        b"imap://other.test/Work/;UID=1",
        b"imap://bob%40example.test@mail.example.test/Work/;UID=1",
        b"/Work/;UID=99999999999",
        b"x" * 4000,
    ],
)
def test_url_that_names_nothing_here_is_refused_and_nothing_added(mixed: Running, url: bytes) -> None:
    with mixed.signed_in() as client:
        command = b"APPEND INBOX CATENATE (TEXT " + literal(b"x") + b' URL "' + url + b'" TEXT ' + literal(b"y") + b") " + literal(HELLO)
        assert client.ask(command)[-1].startswith(b"NO [BADURL ")
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")


def test_mail_of_another_user_cannot_be_named(mixed: Running) -> None:
    with mixed.signed_in(BOB) as client:
        assert client.ask('APPEND INBOX CATENATE (URL "/Work/;UID=1")')[-1].startswith(b"NO [BADURL ")


def test_parts_count_for_the_size_of_the_message(tmp_path: Path) -> None:
    imapd = Running(tmp_path, message_size_limit=1024)
    try:
        with imapd.signed_in() as client:
            client.append("INBOX", b"x" * 600)
            assert client.ask('APPEND INBOX CATENATE (URL "/INBOX/;UID=1" URL "/INBOX/;UID=1")')[-1].startswith(b"NO [TOOBIG]")
    finally:
        imapd.stop()


# BINARY and UTF8


def test_binary_part_is_kept_in_base64(imapd: Running) -> None:
    header = b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n"
    picture = bytes(range(256))
    with imapd.signed_in() as client:
        assert client.ask(b"APPEND INBOX " + literal(header + picture, b"~"))[-1].startswith(b"OK [APPENDUID ")
        assert client.ask(b"APPEND INBOX " + literal(HELLO, b"~"))[-1].startswith(b"OK [APPENDUID ")
        (stored, hello) = bodies(client)
    assert stored == header.replace(b"binary", b"base64") + base64.encodebytes(picture).replace(b"\n", b"\r\n")
    assert hello == HELLO
    assert len(list(Path(imapd.root).glob("mail/*/*/Maildir/tmp/*"))) == 0


def test_binary_part_is_fetched_as_it_was_appended(imapd: Running) -> None:
    picture = bytes(range(256))
    message = b"Content-Type: image/png\r\nContent-Transfer-Encoding: binary\r\n\r\n" + picture
    with imapd.signed_in(select="INBOX") as client:
        assert b" BINARY " in client.ask("CAPABILITY")[0]
        client.ask(b"APPEND INBOX " + literal(message, b"~"))
        assert client.ask("FETCH 1 BINARY.PEEK[1]")[0] == b"* 1 FETCH (BINARY[1] ~{256}\r\n" + picture + b")"
        assert client.ask("FETCH 1 BINARY.SIZE[1]")[0] == b"* 1 FETCH (BINARY.SIZE[1] 256)"


def test_binary_header_cannot_be_kept(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask(b"APPEND INBOX " + literal(b"Subject: a\0b\r\n\r\n", b"~"))[-1].startswith(b"NO [UNKNOWN-CTE]")
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"(MESSAGES 0)")


def test_message_in_utf8_is_kept_as_it_is(imapd: Running) -> None:
    message = "Subject: Grüße\r\n\r\nHallo\r\n".encode()
    with imapd.signed_in() as client:
        assert client.ask(b"APPEND INBOX (\\Seen) UTF8 (" + literal(message, b"~") + b")")[-1].startswith(b"OK [APPENDUID ")
        assert bodies(client) == [message]


# REPLACE


@pytest.mark.parametrize("command", [b"REPLACE 1", b"UID REPLACE 1", b"REPLACE *"])
def test_message_is_replaced_in_its_folder(imapd: Running, command: bytes) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", HELLO)
        replies = client.ask(command + b" INBOX (\\Draft) " + literal(MIXED))
        assert replies[0].startswith(b"* OK [APPENDUID ") and replies[0].split()[4] == b"2]"
        assert replies[1:3] == [b"* 1 EXPUNGE", b"* 1 EXISTS"]
        assert replies[-1].startswith(b"OK")
        assert bodies(client) == [MIXED]


def test_message_is_replaced_by_one_in_another_folder(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.append("Drafts", HELLO)
        client.ask("SELECT Drafts")
        assert client.ask(b"REPLACE 1 Sent " + literal(MIXED))[-1].startswith(b"OK")
        assert (bodies(client, "Drafts"), bodies(client, "Sent")) == ([], [MIXED])


def test_full_mailbox_has_room_for_what_takes_the_place_of_another(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", MIXED)
        imapd.limit(ALICE, len(MIXED) + 10)
        assert client.append("INBOX", HELLO).startswith(b"NO [OVERQUOTA]")
        assert client.ask(b"REPLACE 1 INBOX " + literal(MIXED))[-1].startswith(b"OK")


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        (b"REPLACE 2 INBOX", b"BAD"),
        (b"REPLACE 0 INBOX", b"BAD"),
        (b"REPLACE x INBOX", b"BAD"),
        (b"REPLACE 1:2 INBOX", b"BAD"),
        (b"UID REPLACE 7 INBOX", b"NO"),
        (b"REPLACE 1 None", b"NO [TRYCREATE]"),
    ],
)
def test_replace_that_cannot_be_done_leaves_all_as_it_was(imapd: Running, command: bytes, reply: bytes) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", HELLO)
        assert client.ask(command + b" " + literal(MIXED))[-1].startswith(reply)
        assert bodies(client) == [HELLO]


def test_message_that_is_gone_is_not_replaced(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client, imapd.signed_in(select="INBOX") as other:
        client.append("INBOX", HELLO)
        client.append("INBOX", HELLO)
        other.ask("NOOP")
        client.ask("STORE 1 +FLAGS (\\Deleted)")
        client.ask("EXPUNGE")
        assert other.ask(b"REPLACE 1 INBOX " + literal(MIXED))[-1].startswith(b"NO [EXPUNGEISSUED]")
        assert bodies(other) == [HELLO]


def test_replace_takes_one_message_and_a_folder_that_is_not_only_examined(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", HELLO)
        assert client.ask(b"REPLACE 1 INBOX " + literal(MIXED) + b" " + literal(MIXED))[-1].startswith(b"BAD")
        client.ask("EXAMINE INBOX")
        assert client.ask(b"REPLACE 1 INBOX " + literal(MIXED))[-1].startswith(b"NO [READ-ONLY]")
        assert bodies(client) == [HELLO]


def test_client_that_knows_no_numbers_replaces_by_uid(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", HELLO)
        client.ask("ENABLE UIDONLY")
        assert client.ask(b"REPLACE 1 INBOX " + literal(MIXED))[-1].startswith(b"BAD [UIDREQUIRED]")
        assert client.ask(b"UID REPLACE 1 INBOX " + literal(MIXED))[-1].startswith(b"OK")
