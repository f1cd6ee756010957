"""SEARCH says as much of its results as was asked for, and keeps them for the next command."""

import re
import time
from collections.abc import Iterator

import pytest

from tests.unit.imapd.mail import HELLO, MIXED
from tests.unit.imapd.site import Client, Running


@pytest.fixture
def client(imapd: Running) -> Iterator[Client]:
    """Five messages with the UIDs 2, 3, 4, 6 and 7; the third has been read."""
    with imapd.signed_in() as client:
        for flags in ("\\Deleted", "", "", "\\Seen", "\\Deleted", "", ""):
            client.append("INBOX", HELLO, f"({flags}) ")
        client.ask("SELECT INBOX")
        client.ask("EXPUNGE")
        yield client


def results(client: Client, command: str) -> bytes:
    """What ESEARCH says after the tag, which must be the command's."""
    reply, end = client.ask(command)
    assert end.startswith(b"OK")
    found = re.fullmatch(rb'\* ESEARCH \(TAG "t(\d+)"\) ?(.*)', reply)
    assert found is not None and int(found[1]) == client.count
    return found[2]


@pytest.mark.parametrize(
    ("command", "said"),
    [
        ("SEARCH RETURN () ALL", b"ALL 1:5"),
        ("SEARCH return (all) ALL", b"ALL 1:5"),
        ("SEARCH RETURN (MIN MAX COUNT ALL) ALL", b"MIN 1 MAX 5 COUNT 5 ALL 1:5"),
        ("SEARCH RETURN (MIN) UNSEEN", b"MIN 1"),
        ("SEARCH RETURN (MAX) SEEN", b"MAX 3"),
        ("SEARCH RETURN (ALL) UNSEEN", b"ALL 1:2,4:5"),
        ("UID SEARCH RETURN (ALL) ALL", b"UID ALL 2:4,6:7"),
        ("UID SEARCH RETURN (MIN MAX) 2:4", b"UID MIN 3 MAX 6"),
        ("UID SEARCH RETURN (COUNT) CHARSET UTF-8 DELETED", b"UID COUNT 0"),
        ("SEARCH RETURN (MIN MAX ALL) DELETED", b""),
        ("UID SEARCH RETURN (MIN) DELETED", b"UID"),
        ("SEARCH RETURN (PARTIAL 1:2) ALL", b"PARTIAL (1:2 1:2)"),
        ("UID SEARCH RETURN (PARTIAL 3:2) ALL", b"UID PARTIAL (3:2 3:4)"),
        ("SEARCH RETURN (PARTIAL 4:9) ALL", b"PARTIAL (4:9 4:5)"),
        ("SEARCH RETURN (PARTIAL 6:9) ALL", b"PARTIAL (6:9 NIL)"),
        ("SEARCH RETURN (COUNT PARTIAL -1:-2) ALL", b"COUNT 5 PARTIAL (-1:-2 4:5)"),
        ("SEARCH RETURN (PARTIAL -4:-9) ALL", b"PARTIAL (-4:-9 1:2)"),
        ("SEARCH RETURN (PARTIAL -6:-9) ALL", b"PARTIAL (-6:-9 NIL)"),
        ("SEARCH RETURN (SAVE COUNT) ALL", b"COUNT 5"),
    ],
)
def test_reply_says_what_was_asked_for(client: Client, command: str, said: bytes) -> None:
    assert results(client, command) == said


@pytest.mark.parametrize(
    ("command", "reply"),
    [
        ("SEARCH RETURN (NONSENSE) ALL", b"BAD"),
        ("SEARCH RETURN (MIN MAX", b"BAD"),
        ("SEARCH RETURN (MIN)", b"BAD"),
        ("SEARCH RETURN ALL", b"BAD"),
        ("SEARCH RETURN (ALL PARTIAL 1:2) ALL", b"BAD"),
        ("SEARCH RETURN (PARTIAL 1:2 PARTIAL 3:4) ALL", b"BAD"),
        ("SEARCH RETURN (PARTIAL 1:-2) ALL", b"BAD"),
        ("SEARCH RETURN (PARTIAL 0:2) ALL", b"BAD"),
        ("SEARCH RETURN (PARTIAL) ALL", b"BAD"),
        ("SEARCH YOUNGER 0", b"BAD"),
        ("SEARCH OLDER x", b"BAD"),
        ("SEARCH 1,$", b"BAD"),
    ],
)
def test_what_makes_no_sense_is_refused(client: Client, command: str, reply: bytes) -> None:
    assert client.ask(command)[-1].startswith(reply)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        ("SAVE", b" 3 4 5"),
        ("SAVE MIN", b" 3"),
        ("SAVE MAX", b" 5"),
        ("SAVE MIN MAX", b" 3 5"),
        ("SAVE ALL", b" 3 4 5"),
        ("SAVE COUNT", b" 3 4 5"),
        ("SAVE MIN COUNT", b" 3 4 5"),
        ("SAVE MIN MAX ALL COUNT", b" 3 4 5"),
        ("SAVE PARTIAL 2:2", b" 4"),
        ("SAVE PARTIAL 2:2 MAX", b" 4 5"),
        ("SAVE PARTIAL 2:2 COUNT", b" 3 4 5"),
    ],
)
def test_saved_result_is_what_was_told_or_all(client: Client, options: str, kept: bytes) -> None:
    client.ask(f"SEARCH RETURN ({options}) 3:*")
    assert client.ask("SEARCH $")[0] == b"* SEARCH" + kept


def test_saving_alone_is_done_in_silence(client: Client) -> None:
    assert client.ask("SEARCH RETURN (SAVE) SEEN") == [b"OK Done"]


def test_saved_result_stands_wherever_a_set_may_be(client: Client) -> None:
    client.ask("UID SEARCH RETURN (SAVE) UID 3,6")
    assert client.ask("FETCH $ UID") == [b"* 2 FETCH (UID 3)", b"* 4 FETCH (UID 6)", b"OK Done"]
    assert client.ask("UID FETCH $ (FLAGS)")[:2] == [b"* 2 FETCH (UID 3 FLAGS (\\Recent))", b"* 4 FETCH (UID 6 FLAGS (\\Recent))"]
    assert client.ask("STORE $ +FLAGS.SILENT (\\Flagged)") == [b"OK Done"]
    assert client.ask("SEARCH FLAGGED")[0] == b"* SEARCH 2 4"
    assert client.ask("SEARCH NOT $ UID 2:3")[0] == b"* SEARCH 1"
    assert client.ask("UID SEARCH OR UID $ 1")[0] == b"* SEARCH 2 3 6"
    assert b"COPYUID" in client.ask("COPY $ Trash")[-1]
    assert client.ask("UID MOVE $ Trash")[-1].startswith(b"OK")
    assert client.ask("SEARCH ALL")[0] == b"* SEARCH 1 2 3"


def test_saved_message_that_is_expunged_is_saved_no_more(client: Client) -> None:
    client.ask("SEARCH RETURN (SAVE) 1:3")
    client.ask("STORE 2 +FLAGS.SILENT (\\Deleted)")
    client.ask("UID EXPUNGE $")
    assert client.ask("SEARCH $")[0] == b"* SEARCH 1 2"


def test_another_search_leaves_the_saved_result(client: Client) -> None:
    client.ask("SEARCH RETURN (SAVE) SEEN")
    client.ask("SEARCH RETURN (COUNT) ALL")
    client.ask("SEARCH RETURN (SAVE) NONSENSE")
    assert client.ask("SEARCH $")[0] == b"* SEARCH 3"


def test_failed_search_and_another_folder_leave_nothing_saved(client: Client) -> None:
    assert client.ask("FETCH $ UID") == [b"OK Done"]
    client.ask("SEARCH RETURN (SAVE) ALL")
    client.ask("SELECT INBOX")
    assert client.ask("SEARCH $")[0] == b"* SEARCH"


def test_search_by_age(client: Client) -> None:
    client.append("INBOX", MIXED, '"05-Mar-2024 10:00:00 +0000" ')
    assert client.ask("SEARCH YOUNGER 3600")[0] == b"* SEARCH 1 2 3 4 5"
    assert client.ask("SEARCH OLDER 3600")[0] == b"* SEARCH 6"


def test_message_of_the_very_second_is_younger_and_older(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    client.append("INBOX", MIXED, '"05-Mar-2024 10:00:00 +0000" ')
    monkeypatch.setattr(time, "time", lambda: 1_709_632_860.9)  # 10:01
    assert client.ask("SEARCH YOUNGER 60 OLDER 60")[0] == b"* SEARCH 6"
    assert client.ask("SEARCH YOUNGER 59")[0] == b"* SEARCH 1 2 3 4 5"
    assert client.ask("SEARCH OLDER 61")[0] == b"* SEARCH"


def test_search_by_the_date_of_saving(client: Client) -> None:
    client.append("INBOX", MIXED, '"05-Mar-2024 10:00:00 +0000" ')
    assert client.ask("SEARCH SAVEDBEFORE 1-Jan-2025")[0] == b"* SEARCH"
    assert client.ask("SEARCH SAVEDSINCE 1-Jan-2025")[0] == b"* SEARCH 1 2 3 4 5 6"
    assert client.ask("SEARCH SAVEDON 1-Jan-2025")[0] == b"* SEARCH"
    assert client.ask("SEARCH SAVEDATESUPPORTED NOT 1:5")[0] == b"* SEARCH 6"
