"""Header fields of many messages at once."""

import pytest

from services.imapd import heads
from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import Client, Running

ODD = b"Subject : folded\r\n\t line\r\nsubject:second\r\nX-Caf\xe9: 8-bit \xff\r\nno field\r\nSUBJECT:\r\n\r\nSubject: body\r\n"
FIELDS = "(UID FLAGS BODY.PEEK[HEADER.FIELDS (Subject)] RFC822.SIZE)"


def fill(client: Client, *messages: bytes) -> None:
    for message in messages:
        assert client.append("INBOX", message).startswith(b"OK")
    client.ask("SELECT INBOX")


def literal(text: bytes) -> bytes:
    return b"{%d}\r\n%b" % (len(text), text)


def test_fields_are_told_as_they_are_written_in_the_order_of_the_items(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, ODD, HELLO)
        found = client.ask(f"FETCH 1:2 {FIELDS}")
        subjects = b"Subject : folded\r\n\t line\r\nsubject:second\r\nSUBJECT:\r\n\r\n"
        assert found[0] == b"* 1 FETCH (UID 1 FLAGS (\\Recent) BODY[HEADER.FIELDS (Subject)] %b RFC822.SIZE %d)" % (literal(subjects), len(ODD))
        assert len(found) == 3 and found[1].startswith(b"* 2 FETCH (UID 2 ")
        assert client.ask("FETCH 1 FLAGS")[0] == b"* 1 FETCH (FLAGS (\\Recent))"


@pytest.mark.parametrize(
    "section", ["[HEADER]", "[HEADER.FIELDS.NOT (Subject)]", '[HEADER.FIELDS ("%b" X-Caf)]', "[HEADER.FIELDS (Absent)]", "[HEADER]<3.9>"]
)
def test_it_makes_no_difference_whether_the_body_is_asked_for_too(imapd: Running, section: str) -> None:
    with imapd.signed_in() as client:
        fill(client, ODD)
        alone, beside = client.ask(f"FETCH 1 (BODY.PEEK{section})")[0], client.ask(f"FETCH 1 (BODY.PEEK{section} BODY.PEEK[TEXT])")[0]
        assert beside == alone[:-1] + b" BODY[TEXT] " + literal(b"Subject: body\r\n") + b")"


def test_headers_beyond_what_is_read_in_one_go_are_read_in_the_next(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(heads, "MOST_BYTES", 2 * len(ODD))
    with imapd.signed_in() as client:
        fill(client, *[ODD] * 7)
        assert [line.split()[1] for line in client.ask(f"FETCH 2:7 {FIELDS}")[:-1]] == [b"2", b"3", b"4", b"5", b"6", b"7"]


def test_header_of_a_message_that_is_gone_is_an_expunge_issue(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other, ODD, ODD, ODD)
        client.ask("SELECT INBOX")
        other.ask("MOVE 2 Trash")
        replies = client.ask(f"FETCH 1:* {FIELDS}")
        assert [line.split()[1] for line in replies[:-1]] == [b"1", b"3"]
        assert replies[-1].startswith(b"NO [EXPUNGEISSUED]")


def test_envelopes_come_beside(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, ODD, HELLO)
        found = client.ask(f"FETCH 1:2 (ENVELOPE {FIELDS[1:]}")[:-1]
        assert len(found) == 2 and all(b"ENVELOPE (" in line and b"BODY[HEADER.FIELDS (Subject)] {" in line for line in found)
