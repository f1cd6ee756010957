"""QUOTA: what a user has room for, and what an expunge would give back."""

import pytest

from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import ALICE, BOB, Running


def test_use_and_limits_are_told(imapd: Running) -> None:
    imapd.limit(ALICE, 10_240, 5)
    with imapd.signed_in() as client:
        client.append("INBOX", b"x" * 1025)
        client.append("Sent", b"x" * 1024)
        assert client.ask("GETQUOTAROOT inbox")[:2] == [b"* QUOTAROOT INBOX user", b"* QUOTA user (STORAGE 3 10 MESSAGE 2 5)"]
        assert client.ask("GETQUOTA user")[0] == b"* QUOTA user (STORAGE 3 10 MESSAGE 2 5)"
        assert client.ask('GETQUOTA "other"')[-1].startswith(b"NO [NONEXISTENT]")
        assert client.ask("GETQUOTAROOT Not.Yet.There")[0] == b"* QUOTAROOT Not.Yet.There user"
        assert client.ask('GETQUOTAROOT "a..b"')[-1].startswith(b"NO [CANNOT]")


def test_one_limit_is_told_alone(imapd: Running) -> None:
    imapd.limit(ALICE, 0, 7)
    with imapd.signed_in() as client:
        assert client.ask("GETQUOTA user")[0] == b"* QUOTA user (MESSAGE 0 7)"


def test_user_without_limits_has_no_root(imapd: Running) -> None:
    with imapd.signed_in(BOB) as client:
        assert client.ask("GETQUOTAROOT INBOX")[:-1] == [b"* QUOTAROOT INBOX"]
        assert client.ask("GETQUOTA user")[-1].startswith(b"NO [NONEXISTENT]")


@pytest.mark.parametrize("limits", ["()", "(STORAGE 512)", "(STORAGE 1 MESSAGE 2)"])
def test_limits_are_not_the_users_to_set(imapd: Running, limits: str) -> None:
    with imapd.signed_in() as client:
        assert b" QUOTASET" not in client.ask("CAPABILITY")[0]
        assert client.ask(f"SETQUOTA user {limits}")[-1].startswith(b"NO [NOPERM]")
        assert client.ask("SETQUOTA user (STORAGE)")[-1].startswith(b"BAD")


def test_what_an_expunge_would_give_back_is_told(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        for _ in range(3):
            client.append("INBOX", HELLO)
        client.ask("STORE 1:2 +FLAGS (\\Deleted)")
        told = client.ask("STATUS INBOX (MESSAGES DELETED DELETED-STORAGE)")[0]
        assert told == b"* STATUS INBOX (MESSAGES 3 DELETED 2 DELETED-STORAGE %d)" % (2 * len(HELLO))
        client.ask("EXPUNGE")
        assert client.ask("STATUS INBOX (DELETED DELETED-STORAGE)")[0] == b"* STATUS INBOX (DELETED 0 DELETED-STORAGE 0)"


def large(size: int) -> bytes:
    return b"Subject: x\r\n\r\n" + b"y" * (size - 14)


@pytest.mark.parametrize(
    "command",
    [
        b"COPY 1 Trash",
        b"UID COPY 1 Sent",
        b"APPEND Sent {42000+}\r\n" + large(42_000),
        b"REPLACE 1 INBOX {84000+}\r\n" + large(84_000),
    ],
)
def test_owner_is_warned_once_when_what_is_filed_leads_over_a_threshold(imapd: Running, command: bytes) -> None:
    imapd.limit(ALICE, 100_000, 10)
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", large(42_000))
        assert client.ask(command)[-1].startswith(b"OK")
        client.append("Trash", large(100))
        assert b"Subject: Your mailbox is 80 % full" in client.ask("FETCH 2 BODY.PEEK[HEADER]")[0]
        assert client.ask("SEARCH SUBJECT mailbox")[0] == b"* SEARCH 2"
    (warned,) = imapd.events("warned")
    assert warned["recipient"] == ALICE and warned["reason"] == "the mailbox is 80 % full"


def test_move_and_growth_below_the_thresholds_warn_nobody(imapd: Running) -> None:
    imapd.limit(ALICE, 100_000, 0)
    with imapd.signed_in(select="INBOX") as client:
        client.append("INBOX", large(79_000))
        client.ask("MOVE 1 Trash")
    assert imapd.events("warned") == []
