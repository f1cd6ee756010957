"""SEARCH finds what the standard says."""

import pytest

from tests.unit.imapd.mail import HELLO, MIXED
from tests.unit.imapd.site import Client, Running

COMMENT = b"Subject: =?utf-8?Q?=C3=A9t=C3=A9?=\r\n  =?utf-8?Q?_chaud?=\r\nX-Empty:\r\nBcc: bob@b.test\r\n\r\nno date here\r\n"


def fill(client: Client) -> None:
    """1: HELLO, seen, of 2024; 2: MIXED, flagged; 3: COMMENT, deleted, with a keyword."""
    client.append("INBOX", HELLO, '(\\Seen) " 1-Feb-2024 23:30:00 -0100" ')
    client.append("INBOX", MIXED, '(\\Flagged \\Answered) "05-Mar-2024 10:00:00 +0000" ')
    client.append("INBOX", COMMENT, '(\\Deleted \\Draft $Work) "05-Mar-2025 10:00:00 +0000" ')
    client.ask("SELECT INBOX")


@pytest.mark.parametrize(
    ("keys", "found"),
    [
        ("ALL", b" 1 2 3"),
        ("SEEN", b" 1"),
        ("UNSEEN", b" 2 3"),
        ("NEW", b" 2 3"),
        ("OLD", b""),
        ("RECENT SEEN", b" 1"),
        ("FLAGGED ANSWERED", b" 2"),
        ("UNFLAGGED UNANSWERED UNDELETED UNDRAFT", b" 1"),
        ("OR DELETED FLAGGED", b" 2 3"),
        ("NOT (OR DELETED FLAGGED)", b" 1"),
        ("KEYWORD $work", b" 3"),
        ("UNKEYWORD $Work", b" 1 2"),
        ("2:*", b" 2 3"),
        ("1,3:99", b" 1 3"),
        ("UID 2", b" 2"),
        ("UID 99:*", b" 3"),
        ("NOT 2 NOT UID 3", b" 1"),
        ("BEFORE 5-Mar-2024", b" 1"),
        ("ON 2-Feb-2024", b" 1"),
        ('SINCE "5-Mar-2024"', b" 2 3"),
        ("SENTON 3-Feb-2025", b" 1"),
        ("SENTBEFORE 4-Feb-2025", b" 1"),
        ("SENTSINCE 4-Feb-2025", b""),
        ("NOT SENTSINCE 4-Feb-2025", b" 1 2 3"),
        ("LARGER 200", b" 2"),
        ("SMALLER 200", b" 1 3"),
        ("FROM ann", b" 1 2"),
        ("FROM Ann@World.Test TO alice", b" 1"),
        ("BCC bob CC x", b""),
        ("BCC bob", b" 3"),
        ("HEADER X-Empty {0+}\r\n", b" 3"),
        ('HEADER Date ""', b" 1"),
        ("SUBJECT HELLO", b" 1"),
        ('SUBJECT "été chaud"', b" 3"),
        ("CHARSET UTF-8 SUBJECT {8+}\r\nÉpreuve", b" 2"),
        ("BODY world", b" 1"),
        ("BODY hello FROM ann", b" 1"),
        ("BODY Ann", b""),
        ("TEXT inner", b" 2"),
        ("TEXT inside", b" 2"),
        ('BODY "café"', b" 2"),
        ("BODY secret", b""),
        ("(1:2 (OR SEEN (TEXT inside)))", b" 1 2"),
    ],
)
def test_search_finds(imapd: Running, keys: str, found: bytes) -> None:
    with imapd.signed_in() as client:
        fill(client)
        assert client.ask(f"SEARCH {keys}") == [b"* SEARCH" + found, b"OK Done"]


@pytest.mark.parametrize(
    ("keys", "reply"),
    [
        ("CHARSET x-none ALL", b"NO [BADCHARSET (US-ASCII UTF-8)]"),
        ("CHARSET base64 ALL", b"NO [BADCHARSET (US-ASCII UTF-8)]"),
        ("NONSENSE", b"BAD"),
        ("ALL ALL)", b"BAD"),
        ("(ALL", b"BAD"),
        ("", b"BAD"),
        ("ON 31-Feb-2024", b"BAD"),
        ("LARGER 99999999999", b"BAD"),
        ("NOT", b"BAD"),
        ("OR ALL", b"BAD"),
    ],
)
def test_search_that_makes_no_sense_is_refused(imapd: Running, keys: str, reply: bytes) -> None:
    with imapd.signed_in(select="INBOX") as client:
        assert client.ask(f"SEARCH {keys}")[-1].startswith(reply)


@pytest.mark.parametrize("field", ["From: <ann (of sales)@ (the) world.test>", "To: ann @ world.test", 'Cc: Bo <bo@b.test>, "ann"@world.test (Ann)'])
def test_address_is_found_though_comments_or_blanks_are_within(imapd: Running, field: str) -> None:
    with imapd.signed_in() as client:
        client.append("INBOX", field.encode() + b"\r\n\r\nhello\r\n")
        client.append("INBOX", HELLO)
        client.ask("SELECT INBOX")
        name = field.partition(":")[0].upper()
        for _ in range(2):  # from the messages, then from the catalogue
            assert client.ask(f"SEARCH {name} ann@world.test NOT SUBJECT hello")[0] == b"* SEARCH 1"


def test_uid_search_gives_uids(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        client.ask("EXPUNGE")
        client.append("INBOX", HELLO)
        assert client.ask("UID SEARCH 3")[0] == b"* SEARCH 4"


def test_search_in_a_latin_charset(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        assert client.ask(b"SEARCH CHARSET iso-8859-1 BODY {4+}\r\ncaf\xe9")[0] == b"* SEARCH 2"


def test_charset_is_bad_once_all_is_utf8(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", b"Subject: =?utf-8?q?=C3=89preuve?=\r\n\r\nx\r\n")
        client.ask("ENABLE IMAP4rev2")
        assert client.ask("SEARCH RETURN (COUNT) CHARSET UTF-8 ALL")[-1].startswith(b"OK")
        client.ask("ENABLE UTF8=ACCEPT")
        assert client.ask("SEARCH RETURN (COUNT) CHARSET UTF-8 ALL")[-1].startswith(b"BAD")
        assert client.ask("UID SEARCH CHARSET US-ASCII ALL")[-1].startswith(b"BAD")
        assert client.ask('SEARCH RETURN (ALL) SUBJECT "épreuve"')[0].endswith(b" ALL 1")
        assert client.ask("SORT (ARRIVAL) UTF-8 ALL")[-1].startswith(b"OK")


def test_all_of_a_long_message_is_searched_also_when_the_catalogue_knows_it(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", b"Subject: x\r\n\r\n" + b"so many words\r\n" * 250_000 + b"and a needle\r\n")
        assert [client.ask("SEARCH BODY needle")[0] for _ in range(2)] == [b"* SEARCH 1"] * 2
        assert [client.ask("SEARCH TEXT needles")[0] for _ in range(2)] == [b"* SEARCH"] * 2
