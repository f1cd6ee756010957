"""Modseqs and coming back: CONDSTORE and QRESYNC (RFC 7162)."""

import re

import pytest

from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import Client, Running


def fill(client: Client, count: int = 5) -> None:
    for _ in range(count):
        client.append("INBOX", HELLO)


def number(replies: list[bytes], pattern: str) -> int:
    found = re.search(pattern.encode(), b"\r\n".join(replies))
    assert found is not None, replies
    return int(found[1])


def highest(replies: list[bytes]) -> int:
    return number(replies, r"\[HIGHESTMODSEQ (\d+)\]")


def test_select_and_status_tell_the_highest_modseq(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, 2)
        modseq = highest(client.ask("SELECT INBOX"))
        assert number(client.ask("STATUS INBOX (HIGHESTMODSEQ)"), r"HIGHESTMODSEQ (\d+)") == modseq
        assert number(client.ask("FETCH 2 MODSEQ"), r"^\* 2 FETCH \(MODSEQ \((\d+)\)\)") == modseq


@pytest.mark.parametrize(
    "command",
    [
        "FETCH 1 MODSEQ",
        "FETCH 1 FLAGS (CHANGEDSINCE 1)",
        "STATUS INBOX (HIGHESTMODSEQ)",
        "STORE 1 (UNCHANGEDSINCE 9) FLAGS a",
        "ENABLE CONDSTORE",
    ],
)
def test_command_that_asks_for_modseqs_has_them_told_from_then_on(imapd: Running, command: str) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other, 1)
        other.ask("SELECT INBOX")
        client.ask("SELECT INBOX")
        assert highest(client.ask(command)) > 0
        assert b"HIGHESTMODSEQ" not in b"".join(client.ask("ENABLE CONDSTORE"))
        other.ask("STORE 1 FLAGS ($Work)")
        assert re.fullmatch(rb"\* 1 FETCH \(FLAGS \(\$Work\) MODSEQ \(\d+\)\)", client.ask("NOOP")[-2])


def test_select_with_condstore_is_enough(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, 1)
        client.ask("SELECT INBOX (CONDSTORE)")
        assert b"MODSEQ" in client.ask("STORE 1 +FLAGS (a)")[-2]


def test_without_it_nothing_of_modseqs_is_told(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, 1)
        client.ask("SELECT INBOX")
        assert b"MODSEQ" not in b"".join(client.ask("STORE 1 +FLAGS (a)"))


def test_fetch_of_what_changed_since(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        modseq = highest(client.ask("SELECT INBOX"))
        client.ask("STORE 2,4 +FLAGS.SILENT (\\Seen)")
        replies = client.ask(f"FETCH 1:* (FLAGS) (CHANGEDSINCE {modseq})")
        fetched = [reply for reply in replies if b"FETCH" in reply]
        assert [reply.split()[1] for reply in fetched] == [b"2", b"4"]
        assert all(re.search(rb"FLAGS \(.*Seen\) MODSEQ \(\d+\)", reply) for reply in fetched)


def test_store_only_where_nothing_changed(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        other.ask("SELECT INBOX")
        modseq = highest(client.ask("SELECT INBOX (CONDSTORE)"))
        other.ask("STORE 3 +FLAGS (theirs)")
        replies = client.ask(f"STORE 2:3 (UNCHANGEDSINCE {modseq}) +FLAGS.SILENT (ours)")
        assert replies[-1].startswith(b"OK [MODIFIED 3]")
        assert re.fullmatch(rb"\* 2 FETCH \(MODSEQ \(\d+\)\)", next(reply for reply in replies if reply.startswith(b"* 2 FETCH")))
        assert any(reply.startswith(b"* 3 FETCH (FLAGS (theirs)") for reply in replies)
        assert client.ask(f"UID STORE 1,3 (UNCHANGEDSINCE {modseq}) FLAGS (ours)")[-1].startswith(b"OK [MODIFIED 3]")
        assert client.ask("UID STORE 1:3 (UNCHANGEDSINCE 0) FLAGS ()")[-1].startswith(b"OK [MODIFIED 1:3]")
        assert client.ask("UID STORE 1:3 FLAGS () (UNCHANGEDSINCE 0)")[-1].startswith(b"OK [MODIFIED 1:3]")


def test_silent_store_tells_the_new_modseq(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, 1)
        client.ask("SELECT INBOX (CONDSTORE)")
        replies = client.ask("UID STORE 1 +FLAGS.SILENT (\\Seen)")
        assert re.fullmatch(rb"\* 1 FETCH \(UID 1 MODSEQ \(\d+\)\)", replies[0]) and len(replies) == 2


def test_reading_a_message_tells_its_new_modseq(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client, 1)
        client.ask("SELECT INBOX (CONDSTORE)")
        assert re.search(rb"FLAGS \(\\Recent \\Seen\) MODSEQ \(\d+\)\)$", client.ask("FETCH 1 BODY[]")[0])


def test_expunge_is_told_by_uid_with_the_modseq_it_leads_to(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        other.ask("SELECT INBOX")
        assert client.ask("ENABLE QRESYNC")[0] == b"* ENABLED QRESYNC"
        before = highest(client.ask("SELECT INBOX"))
        other.ask("STORE 1:2,4 +FLAGS.SILENT (\\Deleted)")
        other.ask("UID EXPUNGE 1")
        assert b"* VANISHED 1" in client.ask("NOOP")
        replies = client.ask("EXPUNGE")
        assert replies[-2] == b"* VANISHED 2,4" and highest(replies[-1:]) > before
        moved = client.ask("UID MOVE 3 Trash")
        assert moved[0].startswith(b"* OK [COPYUID") and moved[1] == b"* VANISHED 3" and highest(moved[-1:]) > highest(replies[-1:])


def test_vanished_waits_while_numbers_are_in_use(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        fill(other)
        other.ask("SELECT INBOX")
        client.ask("ENABLE QRESYNC")
        before = highest(client.ask("SELECT INBOX"))
        other.ask("MOVE 1 Trash")
        assert not any(b"VANISHED" in reply for reply in client.ask("FETCH 2 UID"))
        assert client.ask(f"UID FETCH 1:* (UID) (CHANGEDSINCE {before} VANISHED)")[:-1] == [b"* VANISHED 1"]


def test_uid_fetch_tells_what_vanished(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        client.ask("ENABLE QRESYNC")
        before = highest(client.ask("SELECT INBOX"))
        client.ask("MOVE 1,3,5 Trash")
        assert client.ask(f"UID FETCH 2:5 (FLAGS) (CHANGEDSINCE {before} VANISHED)")[0] == b"* VANISHED (EARLIER) 3,5"


@pytest.mark.parametrize(
    "command",
    [
        "SELECT INBOX (QRESYNC (1 1))",
        "UID FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
    ],
)
def test_coming_back_must_be_enabled(imapd: Running, command: str) -> None:
    with imapd.signed_in(select="INBOX") as client:
        assert client.ask(command)[-1].startswith(b"BAD")


@pytest.mark.parametrize(
    "command",
    [
        "SELECT INBOX (QRESYNC 1)",
        "SELECT INBOX (QRESYNC (1 2 3:*))",
        "SELECT INBOX (QRESYNC (1 2 1:3 (1:3 1:2)))",
        "SELECT INBOX (QRESYNC (1 2 (2,1 2,1)))",
        "SELECT INBOX (QRESYNC (1 9223372036854775808))",
        "SELECT INBOX (NONE)",
        "SELECT INBOX ()",
        "FETCH 1 FLAGS (CHANGEDSINCE 1 VANISHED)",
        "UID FETCH 1 FLAGS (VANISHED)",
        "UID FETCH 1 FLAGS (CHANGEDSINCE)",
        "STORE 1 (UNCHANGEDSINCE) FLAGS ()",
        "STORE 1 (SINCE 1) FLAGS ()",
        "STORE 1 FLAGS () (SINCE 1)",
        "STORE 1 (UNCHANGEDSINCE 1) FLAGS () (UNCHANGEDSINCE 1)",
    ],
)
def test_what_makes_no_sense_is_bad_and_leaves_the_folder_open(imapd: Running, command: str) -> None:
    with imapd.signed_in() as client:
        client.ask("ENABLE QRESYNC")
        client.ask("SELECT INBOX")
        assert client.ask(command)[-1].startswith(b"BAD")
        assert client.ask("CHECK")[-1].startswith(b"OK")


def test_search_by_modseq_tells_the_highest_found(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        modseq = highest(client.ask("SELECT INBOX"))
        client.ask("STORE 2,4 +FLAGS.SILENT (\\Seen)")
        assert client.ask(f"SEARCH MODSEQ {modseq + 1}")[-2] == b"* SEARCH 2 4 (MODSEQ %d)" % (modseq + 1)
        assert client.ask(f'UID SEARCH RETURN (COUNT) OR MODSEQ "/flags/\\\\Seen" all {modseq + 1} MODSEQ {modseq + 9}')[0].endswith(
            b" UID COUNT 2 MODSEQ %d" % (modseq + 1)
        )
        assert client.ask(f"SEARCH MODSEQ {modseq + 2}")[0] == b"* SEARCH"
        assert client.ask("SEARCH MODSEQ")[-1].startswith(b"BAD")


@pytest.mark.parametrize(
    ("known", "vanished", "fetched"),
    [
        ("", b"1,4", [b"2", b"6"]),
        (" 1:5", b"1,4", [b"2"]),
        (" 2:3,5", None, [b"2"]),
        (" (1:5 1:5)", b"1,4", [b"2", b"6"]),
        (" 4:5 (1,5 1,5)", b"4", []),
        (" 4000000000:4294967295", None, []),
    ],
)
def test_select_tells_what_happened_meanwhile(imapd: Running, known: str, vanished: bytes | None, fetched: list[bytes]) -> None:
    with imapd.signed_in() as client:
        fill(client)
        client.ask("ENABLE QRESYNC")
        replies = client.ask("SELECT INBOX")
        modseq, uidvalidity = highest(replies), number(replies, r"UIDVALIDITY (\d+)")
        client.ask("MOVE 1,4 Trash")
        client.ask("UID STORE 2 +FLAGS (a)")
        fill(client, 1)
        replies = client.ask(f"SELECT INBOX (QRESYNC ({uidvalidity} {modseq}{known}))")
        assert replies[0] == b"* OK [CLOSED] Previous mailbox closed"
        assert [reply.split()[-1] for reply in replies if reply.startswith(b"* VANISHED (EARLIER)")] == [vanished] * (vanished is not None)
        assert [reply.split()[4] for reply in replies if b" FETCH " in reply] == fetched
        assert all(re.search(rb"FLAGS .* MODSEQ \(\d+\)\)$", reply) for reply in replies if b" FETCH " in reply)


def test_client_of_another_uidvalidity_starts_anew(imapd: Running) -> None:
    with imapd.signed_in() as client:
        fill(client)
        client.ask("ENABLE QRESYNC")
        replies = client.ask("SELECT INBOX (QRESYNC (77 1))")
        assert not any(b"FETCH" in reply or b"VANISHED" in reply for reply in replies)
