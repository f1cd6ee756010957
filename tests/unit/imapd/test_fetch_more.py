"""What FETCH tells beyond RFC 3501: decoded parts, previews, identifiers, dates, pages."""

import re

import pytest

from services.imapd import preview
from services.kernel.mail.mime.structure import scan
from tests.unit.imapd.mail import HELLO, MIXED
from tests.unit.imapd.site import Client, Running

OCTETS = MIXED.replace(b"c2VjcmV0", b"AAEC")


def fill(client: Client, *messages: bytes) -> None:
    for message in messages:
        assert client.append("INBOX", message).startswith(b"OK")
    client.ask("SELECT INBOX")


def answer(client: Client, items: str) -> bytes:
    replies = client.ask(f"FETCH 1 {items}")
    assert replies[-1].startswith(b"OK"), replies
    return replies[0]


@pytest.mark.parametrize(
    ("item", "value"),
    [
        ("BINARY.PEEK[1]", b"BINARY[1] {4}\r\ncaf\xe9"),
        ("BINARY.PEEK[1]<1.2>", b"BINARY[1]<1> {2}\r\naf"),
        ("BINARY.PEEK[1]<2>", b"BINARY[1]<2> {2}\r\nf\xe9"),
        ("BINARY.PEEK[2]", b"BINARY[2] {24}\r\nSubject: inner\r\n\r\ninside"),
        ("BINARY.PEEK[2.1]", b"BINARY[2.1] {6}\r\ninside"),
        ("BINARY.PEEK[3]", b"BINARY[3] ~{3}\r\n\x00\x01\x02"),
        ("BINARY.PEEK[4]", b"BINARY[4] NIL"),
        ("BINARY.PEEK[]", b"BINARY[] {%d}\r\n%b" % (len(OCTETS), OCTETS)),
        ("BINARY.PEEK[2.HEADER]", b"BINARY[2.HEADER] {18}\r\nSubject: inner\r\n\r\n"),
        (
            "(BINARY.SIZE[1] BINARY.SIZE[3] BINARY.SIZE[4] BINARY.SIZE[])",
            b"BINARY.SIZE[1] 4 BINARY.SIZE[3] 3 BINARY.SIZE[4] 0 BINARY.SIZE[] %d" % len(OCTETS),
        ),
    ],
)
def test_decoded_part(imapd: Running, item: str, value: bytes) -> None:
    with imapd.signed_in() as client:
        fill(client, OCTETS)
        assert answer(client, item) == b"* 1 FETCH (%b)" % value


def test_piece_without_an_end_goes_on_to_the_end(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, OCTETS)
        assert answer(client, "(BODY.PEEK[1]<4> BODY.PEEK[1]<6>)") == b"* 1 FETCH (BODY[1]<4> {2}\r\nE9 BODY[1]<6> {0}\r\n)"


def test_decoded_part_counts_as_seen_and_its_size_does_not(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, MIXED)
        assert b"FLAGS" not in answer(client, "(BINARY.SIZE[1] BINARY.PEEK[1])")
        assert b"\\Seen" in answer(client, "BINARY[1]")


def test_encoding_that_is_not_known_is_refused(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, b"Content-Transfer-Encoding: x-own\r\n\r\nabc\r\n")
        assert client.ask("FETCH 1 BINARY[1]")[-1].startswith(b"NO [UNKNOWN-CTE]")
        assert client.ask("FETCH 1 BINARY.SIZE[1]")[-1].startswith(b"NO [UNKNOWN-CTE]")
        assert client.ask("FETCH 1 BODY.PEEK[1]")[-1].startswith(b"OK")


def test_copies_share_the_identifier_and_folders_have_their_own(imapd: Running) -> None:
    with imapd.signed_in() as client:
        created = client.ask("CREATE Other")[-1]
        fill(client, HELLO, MIXED, HELLO)
        ids = [reply.split()[-1] for reply in client.ask("FETCH 1:* EMAILID")[:-1]]
        assert ids[0] == ids[2] != ids[1] and re.fullmatch(rb"\(E[0-9a-f]{32}\)\)", ids[0])
        assert answer(client, "(THREADID EMAILID)").startswith(b"* 1 FETCH (THREADID NIL EMAILID (E")
        assert client.ask(f"SEARCH EMAILID {ids[0].strip(b'()').decode()}")[0] == b"* SEARCH 1 3"
        assert client.ask("SEARCH THREADID T1")[0] == b"* SEARCH"
        client.ask("MOVE 2 Other")
        opened = client.ask("SELECT Other")
        assert client.ask("FETCH 1 EMAILID")[0].split()[-1] == ids[1]
        mailbox_id = re.search(rb"\[MAILBOXID \((F\d+)\)\]", created)
        assert mailbox_id is not None and any(mailbox_id[0] in reply for reply in opened)
        client.ask("RENAME Other Another")
        assert mailbox_id[1] in client.ask("STATUS Another (MAILBOXID)")[0]
        assert mailbox_id[1] not in client.ask("STATUS INBOX (MAILBOXID)")[0]


def test_time_of_saving_is_that_of_the_copy(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.append("INBOX", HELLO, '" 1-Feb-2001 10:00:00 +0000" ').startswith(b"OK")
        client.ask("SELECT INBOX")
        assert re.fullmatch(rb'\* 1 FETCH \(SAVEDATE "\d\d-[A-Z][a-z]{2}-20[2-9]\d .*"\)', answer(client, "SAVEDATE"))


def test_preview_is_told_in_utf8(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, MIXED, HELLO)
        assert answer(client, "(PREVIEW (LAZY) UID)") == b"* 1 FETCH (PREVIEW {5}\r\ncaf\xc3\xa9 UID 1)"
        assert client.ask("FETCH 2 PREVIEW")[0] == b'* 2 FETCH (PREVIEW "hello world")'


HTML = b"Content-Type: text/html\r\n\r\n"


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (b"Subject: x\r\n\r\n", ""),
        (b"\r\n one\r\n\r\n  two ", "one two"),
        (b"\r\n" + b"a" * 500, "a" * 200),
        (HTML + b"<head><title>t</title></head><style>p {x}</style><p>Hello &amp; <b>good</b> day</p><script>1 < 2</script>!", "Hello & good day !"),
        (HTML + b"<" * 9000, ""),
        (HTML + b"<script>" * 3000, ""),
        (b"MIME-Version: 1.0\r\nContent-Disposition: attachment\r\n\r\nx", ""),
        (b"Content-Type: image/png\r\n\r\nx", ""),
        (b"Content-Type: text/plain; charset=none\r\n\r\nx\xe9\0y", "xéy"),
    ],
)
def test_preview_is(message: bytes, expected: str) -> None:
    assert preview.preview(message, scan(message)) == expected


def test_page_of_a_fetch(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, *[HELLO] * 6)
        client.ask("EXPUNGE")
        assert [reply.split()[1] for reply in client.ask("UID FETCH 2:* UID (PARTIAL 2:3)")[:-1]] == [b"3", b"4"]
        assert [reply.split()[1] for reply in client.ask("UID FETCH 1:* UID (PARTIAL -1:-2)")[:-1]] == [b"5", b"6"]
        assert client.ask("UID FETCH 1:* UID (PARTIAL 7:9)") == [b"OK Done"]
        assert client.ask("FETCH 1:* UID (PARTIAL 1:2)")[-1].startswith(b"BAD")
