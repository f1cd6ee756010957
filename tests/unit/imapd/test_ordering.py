"""SORT and THREAD put messages in order (RFC 5256)."""

import pytest

from tests.unit.imapd.site import Client, Running

MAILS = (
    ("Zoe <b@x.test>", "bob@x.test", "", "apple", "Mon, 3 Feb 2025 10:00:00 +0000"),
    ("c@x.test", "Ann <z@x.test>", "d@x.test", "Re: banana", "Mon, 3 Feb 2025 10:00:00 +0300"),
    ("A <A@y.test>", "", "e@x.test", "=?utf-8?q?=C3=84pfel?=", "nonsense"),
    ("", "BOB@z.test", "", "[list] Apple (fwd)", "Sun, 2 Feb 2025 23:00:00 -0100"),
)
"""From, To, Cc, Subject, Date; each longer than the one before."""


def fill(client: Client) -> None:
    for number, mail in enumerate(MAILS, 1):
        fields = [f"{name}: {value}\r\n" for name, value in zip(("From", "To", "Cc", "Subject", "Date"), mail, strict=True) if value]
        client.append("INBOX", "".join([*fields, "\r\n", "x" * 100 * number]).encode(), f'"0{5 - number}-Feb-2025 12:00:00 +0000" ')
    client.ask("SELECT INBOX")


@pytest.mark.parametrize(
    ("order", "found"),
    [
        ("ARRIVAL", b"4 3 2 1"),
        ("REVERSE ARRIVAL", b"1 2 3 4"),
        ("SIZE", b"1 2 3 4"),
        ("REVERSE SIZE", b"4 3 2 1"),
        ("DATE", b"3 4 2 1"),
        ("SUBJECT", b"1 4 3 2"),
        ("REVERSE SUBJECT", b"2 3 1 4"),
        ("SUBJECT REVERSE SIZE", b"4 1 3 2"),
        ("FROM", b"4 3 1 2"),
        ("TO", b"3 1 4 2"),
        ("CC", b"1 4 2 3"),
        ("REVERSE CC REVERSE TO", b"3 2 1 4"),
        ("DISPLAYFROM", b"4 3 2 1"),
        ("DISPLAYTO", b"3 2 1 4"),
    ],
)
def test_sort(imapd: Running, order: str, found: bytes) -> None:
    with imapd.signed_in() as client:
        fill(client)
        for _ in ("from the messages", "from the catalogue"):
            assert client.ask(f"SORT ({order}) UTF-8 ALL") == [b"* SORT " + found, b"OK Done"]


def test_sort_of_some_by_uid(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        client.ask("STORE 1 +FLAGS.SILENT (\\Deleted)")
        client.ask("EXPUNGE")
        assert client.ask("UID SORT (SUBJECT) US-ASCII 1:2")[0] == b"* SORT 3 2"
        assert client.ask("SORT (SUBJECT) US-ASCII KEYWORD none")[0] == b"* SORT"


def test_sort_says_as_much_as_was_asked_for(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        assert client.ask("SORT RETURN (MIN MAX COUNT ALL) (ARRIVAL) UTF-8 ALL")[0] == b'* ESEARCH (TAG "t7") MIN 4 MAX 1 COUNT 4 ALL 4,3,2,1'
        client.ask("UID SORT RETURN (SAVE MIN) (ARRIVAL) UTF-8 ALL")
        assert client.ask("SEARCH $")[0] == b"* SEARCH 4"


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("SORT (NONSENSE) UTF-8 ALL", b"BAD"),
        ("SORT () UTF-8 ALL", b"BAD"),
        ("SORT (REVERSE) UTF-8 ALL", b"BAD"),
        ("SORT SUBJECT UTF-8 ALL", b"BAD"),
        ("SORT (SUBJECT) UTF-8", b"BAD"),
        ("SORT (SUBJECT) x-none ALL", b"NO [BADCHARSET"),
        (f"SORT ({'DATE ' * 30}DATE) UTF-8 ALL", b"BAD"),
        ("THREAD NONSENSE UTF-8 ALL", b"BAD"),
        ("THREAD REFERENCES UTF-8", b"BAD"),
        ("THREAD REFERENCES x-none ALL", b"NO [BADCHARSET"),
    ],
)
def test_what_makes_no_sense_is_refused(imapd: Running, command: str, reply: bytes) -> None:
    with imapd.signed_in(select="INBOX") as client:
        assert client.ask(command)[-1].startswith(reply)


def mail(day: int, subject: str, own: str = "", references: str = "", reply: str = "") -> bytes:
    fields = {"Message-ID": own, "References": references, "In-Reply-To": reply, "Subject": subject, "Date": f"{day} Feb 2025 10:00:00 +0000"}
    return "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value).encode() + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("mails", "threads"),
    [
        ((), b""),
        ((mail(1, "a", "<1@x>"), mail(2, "b", "<2@x>")), b" (1)(2)"),
        ((mail(2, "a", "<1@x>"), mail(1, "b", "<2@x>")), b" (2)(1)"),
        ((mail(1, "a", "<1@x>"), mail(2, "Re: a", "<2@x>", "<1@x>"), mail(3, "Re: a", "<3@x>", "<1@x> <2@x>")), b" (1 2 3)"),
        ((mail(1, "a", "<1@x>"), mail(3, "b", "<2@x>", "<1@x>"), mail(2, "c", "<3@x>", "<1@x>")), b" (1 (3)(2))"),
        ((mail(1, "a", "<1@x>"), mail(2, "b", "<2@x>", "", "<1@x>")), b" (1 2)"),
        ((mail(1, "a", "<1@x>"), mail(2, "b", "<2@x>", "nonsense", "a <1@x> <9@x>")), b" (1 2)"),
        ((mail(1, "a", '<"1"@x>'), mail(2, "b", "<2@x>", "<1@x>")), b" (1 2)"),
        ((mail(1, "a", "<1@x>"), mail(2, "b", "<1@x>"), mail(3, "c", "<3@x>", "<1@x>")), b" (1 3)(2)"),
        ((mail(1, "a", "<2@x>", "<1@x>"), mail(2, "b", "<3@x>", "<1@x>")), b" ((1)(2))"),  # what both reply to is not here
        ((mail(1, "a", "<2@x>", "<1@x>"), mail(2, "b", "<3@x>", "<1@x> <2@x>")), b" (1 2)"),
        ((mail(1, "a", "<3@x>", "<1@x> <2@x>"), mail(2, "b", "<4@x>", "<1@x>")), b" ((1)(2))"),
        ((mail(1, "a", "<1@x>", "<2@x>"), mail(2, "b", "<2@x>", "<1@x>")), b" (2 1)"),  # each says to be the other's reply
        ((mail(1, "a", "<1@x>", "<1@x>"),), b" (1)"),
        ((mail(1, "a"), mail(2, "Re: a")), b" (1 2)"),
        ((mail(1, "Re: a"), mail(2, "a")), b" (2 1)"),
        ((mail(1, "a"), mail(2, "a")), b" ((1)(2))"),
        ((mail(1, "a"), mail(2, "a"), mail(3, "Re: a")), b" ((1)(2)(3))"),
        ((mail(1, ""), mail(2, "")), b" (1)(2)"),
        ((mail(1, "x", "<2@x>", "<1@x>"), mail(2, "y", "<3@x>", "<1@x>"), mail(3, "Re: x")), b" ((1)(2)(3))"),
        ((mail(1, "b", "<1@x>"), mail(2, "c", "<2@x>", "<1@x>"), mail(3, "d", "<3@x>", "<2@x>"), mail(4, "e", "<4@x>", "<2@x>")), b" (1 2 (3)(4))"),
    ],
)  # fmt: skip
def test_threads_by_references(imapd: Running, mails: tuple[bytes, ...], threads: bytes) -> None:
    with imapd.signed_in() as client:
        for one in mails:
            client.append("INBOX", one)
        client.ask("SELECT INBOX")
        assert client.ask("THREAD REFERENCES UTF-8 ALL") == [b"* THREAD" + threads, b"OK Done"]


def test_threads_by_subject(imapd: Running) -> None:
    with imapd.signed_in() as client:
        for one in (mail(3, "b"), mail(2, "a"), mail(4, "Re: a"), mail(1, "fwd: a"), mail(5, "Re: b")):
            client.append("INBOX", one)
        client.ask("SELECT INBOX")
        assert client.ask("THREAD ORDEREDSUBJECT UTF-8 ALL")[0] == b"* THREAD (4 (2)(3))(1 5)"
        client.ask("STORE 4 +FLAGS.SILENT (\\Deleted)")
        client.ask("EXPUNGE")
        assert client.ask("UID THREAD ORDEREDSUBJECT UTF-8 ALL")[0] == b"* THREAD (2 3)(1 5)"
