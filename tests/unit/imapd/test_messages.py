"""Reading, changing and filing messages."""

import pytest

from tests.unit.imapd.mail import HELLO, MIXED
from tests.unit.imapd.site import Client, Running


def fill(client: Client, *messages: bytes, flags: str = "") -> None:
    for message in messages or (HELLO, HELLO, HELLO):
        assert client.append("INBOX", message, flags).startswith(b"OK")
    client.ask("SELECT INBOX")


def values(replies: list[bytes]) -> list[bytes]:
    assert replies[-1].startswith(b"OK")
    return replies[:-1]


HEADER = HELLO[: HELLO.index(b"\r\n\r\n") + 4]
BODY = HELLO[len(HEADER) :]


@pytest.mark.parametrize(
    ("items", "value"),
    [
        ("UID", b"UID 1"),
        ("RFC822.SIZE", b"RFC822.SIZE %d" % len(HELLO)),
        ("INTERNALDATE", b'INTERNALDATE "01-Feb-2024 09:00:00 +0000"'),
        ("BODY.PEEK[]", b"BODY[] {%d}\r\n%b" % (len(HELLO), HELLO)),
        ("BODY.PEEK[]<6.3>", b"BODY[]<6> {3}\r\nAnn"),
        ("BODY.PEEK[]<999.3>", b"BODY[]<999> {0}\r\n"),
        ("body.peek[header]", b"BODY[HEADER] {%d}\r\n%b" % (len(HEADER), HEADER)),
        ("BODY.PEEK[TEXT]", b"BODY[TEXT] {%d}\r\n%b" % (len(BODY), BODY)),
        ("BODY.PEEK[1]", b"BODY[1] {%d}\r\n%b" % (len(BODY), BODY)),
        ("BODY.PEEK[1.MIME]", b"BODY[1.MIME] {%d}\r\n%b" % (len(HEADER), HEADER)),
        ("BODY.PEEK[2]", b"BODY[2] NIL"),
        ("BODY.PEEK[HEADER.FIELDS (Subject x)]", b"BODY[HEADER.FIELDS (Subject x)] {18}\r\nSubject: hello\r\n\r\n"),
        ("BODY.PEEK[HEADER.FIELDS.NOT (From To Date)]", b"BODY[HEADER.FIELDS.NOT (From To Date)] {18}\r\nSubject: hello\r\n\r\n"),
        ("RFC822.HEADER", b"RFC822.HEADER {%d}\r\n%b" % (len(HEADER), HEADER)),
        ("(UID UID FLAGS)", rb"UID 1 FLAGS (\Recent $Foo)"),
        ("FAST", rb'FLAGS (\Recent $Foo) INTERNALDATE "01-Feb-2024 09:00:00 +0000" RFC822.SIZE %d' % len(HELLO)),
    ],
)
def test_fetch_gives(imapd: Running, items: str, value: bytes) -> None:
    with imapd.signed_in() as client:
        fill(client, HELLO, flags='($Foo) " 1-Feb-2024 10:00:00 +0100" ')
        assert values(client.ask(f"FETCH 1 {items}")) == [b"* 1 FETCH (%b)" % value]


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("1", b"caf=E9"),
        ("1.MIME", b"Content-Type: text/plain; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"),
        ("2", b"Subject: inner\r\n\r\ninside"),
        ("2.HEADER", b"Subject: inner\r\n\r\n"),
        ("2.HEADER.FIELDS (SUBJECT)", b"Subject: inner\r\n\r\n"),
        ("2.TEXT", b"inside"),
        ("2.1", b"inside"),
        ("3", b"c2VjcmV0"),
    ],
)
def test_fetch_gives_parts(imapd: Running, section: str, value: bytes) -> None:
    with imapd.signed_in() as client:
        fill(client, MIXED)
        assert values(client.ask(f"FETCH 1 BODY.PEEK[{section}]")) == [b"* 1 FETCH (BODY[%b] {%d}\r\n%b)" % (section.encode(), len(value), value)]


def test_make_up_is_the_same_from_the_cache(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, MIXED, HELLO)
        first = values(client.ask("FETCH 1:2 (ENVELOPE BODY BODYSTRUCTURE)"))
        assert b'"message" "rfc822"' in first[0].lower() and b'"hello"' in first[1]
        assert values(client.ask("FETCH 1:2 (ENVELOPE BODY BODYSTRUCTURE)")) == first


def test_fetching_a_body_marks_it_seen_and_peeking_does_not(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        assert b"FLAGS" not in client.ask("FETCH 1 (BODY.PEEK[] RFC822.HEADER)")[0]
        assert client.ask("FETCH 1 BODY[TEXT]")[0].endswith(rb" FLAGS (\Recent \Seen))")
        assert b"FLAGS" not in client.ask("FETCH 1 RFC822")[0]
        assert client.ask("SEARCH SEEN")[0] == b"* SEARCH 1"


def test_examined_folder_cannot_be_changed(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, flags="(\\Deleted) ")
        assert client.ask("EXAMINE INBOX")[-1].startswith(b"OK [READ-ONLY]")
        assert b"FLAGS" not in client.ask("FETCH 1 BODY[]")[0]
        for command in ("STORE 1 FLAGS ()", "EXPUNGE", "UID EXPUNGE 1", "MOVE 1 Trash"):
            assert client.ask(command)[-1].startswith(b"NO [READ-ONLY]")
        client.ask("CLOSE")
        assert client.ask("STATUS INBOX (MESSAGES UNSEEN)")[0] == b"* STATUS INBOX (MESSAGES 3 UNSEEN 3)"


@pytest.mark.parametrize(
    ("command", "flags"),
    [
        (r"+FLAGS (\Seen)", rb"\Answered \Recent \Seen old"),
        (r"-FLAGS (\Answered \Draft)", rb"\Recent old"),
        (r"FLAGS (\Flagged $New)", rb"\Flagged \Recent $New"),
        (r"FLAGS ()", rb"\Recent"),
        (r"+flags \SEEN \flagged", rb"\Answered \Flagged \Recent \Seen old"),
        (r"+FLAGS OLD", rb"\Answered \Recent old"),
    ],
)
def test_store_changes_flags(imapd: Running, command: str, flags: bytes) -> None:
    with imapd.signed_in() as client:
        fill(client, HELLO, flags="(\\Answered old) ")
        assert b"* 1 FETCH (FLAGS (%b))" % flags in client.ask(f"STORE 1 {command}")
        assert client.ask("FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS (%b))" % flags


def test_silent_store_says_nothing_and_changes_flags(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        assert len(client.ask(r"UID STORE 1:* +FLAGS.SILENT (\Seen)")) == 1
        assert client.ask("NOOP") == [b"OK Done"]
        assert client.ask("SEARCH UNSEEN")[0] == b"* SEARCH"


def test_new_keyword_is_told_before_it_is_used(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        replies = client.ask("STORE 1 +FLAGS ($Work)")
        assert replies[0].startswith(b"* FLAGS (") and b"$Work" in replies[0]
        assert replies[2] == rb"* 1 FETCH (FLAGS (\Recent $Work))"


def test_folder_full_of_keywords_takes_no_more(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        client.ask(f"STORE 1 +FLAGS ({' '.join(f'k{n}' for n in range(26))})")
        assert client.ask("STORE 1 +FLAGS (another)")[-1].startswith(b"NO [LIMIT]")
        assert rb"\*" not in client.ask("SELECT INBOX")[2]


@pytest.mark.parametrize(
    "command",
    [
        "FETCH 4 FLAGS",
        "FETCH 1:4 FLAGS",
        "FETCH 0 FLAGS",
        "FETCH 1 (FLAGS",
        "FETCH 1 BODY[",
        "FETCH 1 BODY[]<1.0>",
        "STORE 1 FLAGS \\Recent",
        "STORE 1 FLAGS \\No",
    ],
)
def test_command_that_makes_no_sense_is_bad(imapd: Running, command: str) -> None:
    with imapd.signed_in() as client:
        fill(client)
        assert client.ask(command)[-1].startswith(b"BAD")


def test_uid_that_is_not_there_is_passed_over(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        assert client.ask("UID FETCH 77 FLAGS") == [b"OK Done"]
        assert client.ask("UID STORE 77 FLAGS ()") == [b"OK Done"]
        assert client.ask("UID COPY 77 Trash")[-1].startswith(b"OK")
        assert client.ask("UID FETCH 77:* UID")[:-1] == [b"* 3 FETCH (UID 3)"]


@pytest.mark.parametrize("items", ["FLAGS", "EMAILID", "ENVELOPE", "BODY.PEEK[]"])
def test_set_from_above_the_last_number_on_holds_the_last(imapd: Running, items: str) -> None:
    with imapd.signed_in() as client:
        fill(client)
        replies = client.ask(f"FETCH 4:*,77:* {items}")
        assert replies[0].startswith(b"* 3 FETCH") and replies[1:] == [b"OK Done"]


def test_empty_folder_answers_nothing(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        assert client.ask("FETCH 1:* FLAGS") == [b"OK Done"]
        assert client.ask("UID FETCH 1:* FLAGS") == [b"OK Done"]
        assert client.ask("SEARCH ALL") == [b"* SEARCH", b"OK Done"]


def test_copy_tells_which_became_which_and_keeps_flags_and_date(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, HELLO, HELLO, flags='(\\Seen $Foo) " 1-Feb-2024 10:00:00 +0100" ')
        reply = client.ask("UID COPY 1:2 Archive")[-1]
        assert reply.startswith(b"OK [COPYUID ") and reply.split()[3:5] == [b"1:2", b"1:2]"]
        client.ask("EXAMINE Archive")
        assert client.ask("FETCH 2 (FLAGS INTERNALDATE BODY.PEEK[TEXT])")[0] == (
            b'* 2 FETCH (FLAGS (\\Recent \\Seen $Foo) INTERNALDATE "01-Feb-2024 09:00:00 +0000" BODY[TEXT] {13}\r\nhello world\r\n)'
        )


def test_copy_to_the_selected_folder_is_seen_at_once(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, HELLO)
        assert client.ask("COPY 1 INBOX")[:-1] == [b"* 2 EXISTS", b"* 2 RECENT"]


def test_move_tells_copyuid_and_then_the_expunges(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        replies = client.ask("MOVE 1,3 Trash")
        assert replies[0].startswith(b"* OK [COPYUID ") and replies[0].split()[4] == b"1,3"
        assert replies[1:] == [b"* 3 EXPUNGE", b"* 1 EXPUNGE", b"OK Done"]
        assert client.ask("STATUS Trash (MESSAGES)")[0] == b"* STATUS Trash (MESSAGES 2)"


@pytest.mark.parametrize("command", ["COPY 1 None", "MOVE 1 None", "UID MOVE 1 None"])
def test_target_that_is_not_there_could_be_made(imapd: Running, command: str) -> None:
    with imapd.signed_in() as client:
        fill(client)
        assert client.ask(command)[-1].startswith(b"NO [TRYCREATE]")


def test_expunge_removes_what_is_marked(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        client.ask(r"STORE 1,3 +FLAGS.SILENT (\Deleted)")
        assert client.ask("UID EXPUNGE 2:3")[:-1] == [b"* 3 EXPUNGE"]
        assert client.ask("EXPUNGE")[:-1] == [b"* 1 EXPUNGE"]
        assert client.ask("UID FETCH 1:* UID")[:-1] == [b"* 1 FETCH (UID 2)"]


def test_close_expunges_in_silence_and_unselect_does_not(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        client.ask(r"STORE 1 +FLAGS.SILENT (\Deleted)")
        assert client.ask("UNSELECT") == [b"OK Done"]
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"3)")
        client.ask("SELECT INBOX")
        assert client.ask("CLOSE") == [b"OK Done"]
        assert client.ask("STATUS INBOX (MESSAGES)")[0].endswith(b"2)")
        assert client.ask("FETCH 1 FLAGS")[-1].startswith(b"BAD")


def test_recent_belongs_to_one_session(imapd: Running) -> None:
    with imapd.signed_in() as first, imapd.signed_in() as second:
        fill(first)
        assert b"* 0 RECENT" in second.ask("SELECT INBOX")
        assert first.ask("SEARCH RECENT")[0] == b"* SEARCH 1 2 3"
        assert second.ask("SEARCH NOT OLD")[0] == b"* SEARCH"
