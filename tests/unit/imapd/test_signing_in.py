"""From the greeting to a session: TLS, LOGIN, AUTHENTICATE, limits."""

import base64
import select
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.unit.imapd.site import ALICE, PASSWORD, Running


def plain(user: str, password: str, authorization: str = "") -> str:
    return base64.b64encode(f"{authorization}\0{user}\0{password}".encode()).decode()


def test_greeting_offers_tls_and_no_login(imapd: Running) -> None:
    with imapd.client(tls=False) as client:
        assert client.greeting.startswith(b"* OK [CAPABILITY IMAP4rev1 ")
        assert b"STARTTLS" in client.greeting and b"LOGINDISABLED" in client.greeting
        assert b"AUTH=PLAIN" not in client.greeting


@pytest.mark.parametrize("command", [f'LOGIN {ALICE} "{PASSWORD}"', f"AUTHENTICATE PLAIN {plain(ALICE, PASSWORD)}"])
def test_password_in_the_clear_is_refused_even_when_right(imapd: Running, command: str) -> None:
    with imapd.client(tls=False) as client:
        assert client.ask(command)[-1].startswith(b"NO [PRIVACYREQUIRED]")
        assert client.ask("SELECT INBOX")[-1].startswith(b"BAD")


def test_starttls_leads_to_a_login(imapd: Running) -> None:
    with imapd.client(tls=False) as client:
        assert client.ask("STARTTLS")[-1].startswith(b"OK")
        secure = client.upgrade(imapd.client_tls)
        assert b"AUTH=PLAIN" in secure.ask("CAPABILITY")[0]
        assert secure.ask(f'LOGIN {ALICE} "{PASSWORD}"')[-1].startswith(b"OK [CAPABILITY ")
        assert secure.ask("STARTTLS")[-1].startswith(b"BAD")


def test_command_sent_in_the_clear_behind_starttls_is_forgotten(imapd: Running) -> None:
    with imapd.client(tls=False) as client:
        client.send(b"a STARTTLS\r\nb NOOP\r\nc LOGIN {5}\r\n")
        assert client.line().startswith(b"a OK")
        secure = client.upgrade(imapd.client_tls)
        assert secure.ask("CAPABILITY")[-1].startswith(b"OK")


@pytest.mark.parametrize(
    "command",
    [
        f'LOGIN {ALICE} "{PASSWORD}"',
        f'LOGIN "{ALICE.upper()}" {{{len(PASSWORD)}+}}\r\n{PASSWORD}',
        f"AUTHENTICATE PLAIN {plain(ALICE, PASSWORD)}",
        f"AUTHENTICATE plain {plain(ALICE, PASSWORD, ALICE)}",
    ],
)
def test_right_password_is_let_in(imapd: Running, command: str) -> None:
    with imapd.client() as client:
        assert client.ask(command)[-1].startswith(b"OK [CAPABILITY ")
        assert client.ask("SELECT INBOX")[-1].startswith(b"OK")
    assert imapd.events("login")[0]["login"] == ALICE
    assert imapd.events("login")[0]["tls"].startswith("TLSv1.3")


def test_authenticate_without_initial_response_asks_for_it(imapd: Running) -> None:
    with imapd.client() as client:
        client.send(b"a AUTHENTICATE PLAIN\r\n")
        assert client.line() == b"+ "
        client.send(plain(ALICE, PASSWORD).encode() + b"\r\n")
        assert client.line().startswith(b"a OK")


@pytest.mark.parametrize(
    ("response", "reply"), [(b"*", b"a BAD"), (b"!!!", b"a BAD"), (b"", b"a BAD"), (b"AGE=", b"a BAD"), (b"x" * 100_000, b"a BAD")]
)
def test_authenticate_survives_any_response(imapd: Running, response: bytes, reply: bytes) -> None:
    with imapd.client() as client:
        client.send(b"a AUTHENTICATE PLAIN\r\n")
        client.line()
        client.send(response + b"\r\n")
        assert client.line().startswith(reply)
        assert client.ask("NOOP")[-1].startswith(b"OK")


def test_acting_for_another_user_is_refused(imapd: Running) -> None:
    with imapd.client() as client:
        reply = client.ask(f"AUTHENTICATE PLAIN {plain(ALICE, PASSWORD, 'bob@example.test')}")[-1]
        assert reply.startswith(b"NO [AUTHORIZATIONFAILED]")


@pytest.mark.parametrize("user", [ALICE, "nobody@example.test", "", "\\\\x"])
def test_wrong_password_is_refused_and_told_to_the_operator(imapd: Running, user: str) -> None:
    with imapd.client() as client:
        assert client.ask(f'LOGIN "{user}" wrong')[-1].startswith(b"NO [AUTHENTICATIONFAILED]")
        assert client.ask("SELECT INBOX")[-1].startswith(b"BAD")
    assert len(imapd.events("auth_failed")) == 1


def test_session_ends_after_some_wrong_passwords(imapd: Running) -> None:
    with imapd.client() as client:
        replies = [client.ask(f"LOGIN {ALICE} wrong")[0] for _ in range(5)]
        assert all(reply.startswith(b"NO") for reply in replies[:-1])
        assert replies[-1].startswith(b"* BYE")


def test_session_ends_after_many_bad_commands_without_a_login_and_not_before(imapd: Running) -> None:
    with imapd.client() as client:
        replies = [client.ask("NONSENSE")[-1] for _ in range(20)]
        assert all(reply.startswith(b"BAD") for reply in replies)
        assert client.line().startswith(b"* BYE")


def test_no_number_of_bad_commands_ends_a_session_that_has_signed_in(imapd: Running) -> None:
    with imapd.signed_in() as client:
        replies = [client.ask("NONSENSE")[-1] for _ in range(100)]
        assert all(reply.startswith(b"BAD") for reply in replies)
        assert client.ask("NOOP")[-1].startswith(b"OK")


def test_bad_commands_beyond_the_limit_are_answered_late_whatever_else_is_sent(tmp_path: Path) -> None:
    imapd = Running(tmp_path, bad_commands=2, failure_delay_seconds=3600)
    try:
        with imapd.signed_in() as bad, imapd.signed_in() as good:
            assert bad.ask("NONSENSE")[-1].startswith(b"BAD")
            bad.send(b"a NONSENSE\r\nb NOOP\r\n")
            assert all(good.ask("NOOP")[-1].startswith(b"OK") for _ in range(20))
            assert select.select([bad.connection], [], [], 0) == ([], [], [])
            imapd.stop_soon()
            assert [bad.line()[:5], bad.line()[:4]] == [b"a BAD", b"b OK"]
    finally:
        imapd.stop()


def test_large_literal_before_login_is_refused_and_the_session_goes_on(imapd: Running) -> None:
    with imapd.client() as client:
        assert client.ask(b"LOGIN {20000+}\r\n" + b"x" * 20_000 + b" y")[-1].startswith(b"BAD [TOOBIG]")
        assert client.ask("LOGIN {99999999}")[-1].startswith(b"BAD [TOOBIG]")
        assert client.ask("NOOP")[-1].startswith(b"OK")


def test_too_many_sessions_of_a_user_are_refused(tmp_path: Path) -> None:
    imapd = Running(tmp_path, sessions_per_user=1, sessions=2)
    try:
        with imapd.signed_in() as first, imapd.client() as second:
            assert second.ask(f'LOGIN {ALICE} "{PASSWORD}"')[-1].startswith(b"NO [LIMIT]")
            with imapd.client() as third:
                assert third.greeting.startswith(b"* BYE [UNAVAILABLE]")
            first.ask("LOGOUT")
    finally:
        imapd.stop()


def test_client_that_does_not_sign_in_is_sent_away(tmp_path: Path) -> None:
    imapd = Running(tmp_path, login_seconds=0.2)
    try:
        with imapd.client(tls=False) as client:
            assert client.line().startswith(b"* BYE Autologout")
    finally:
        imapd.stop()


def test_stop_says_bye_to_idle_clients(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.send(b"a IDLE\r\n")
        assert client.line() == b"+ idling"
        imapd.stop_soon()
        assert client.line().startswith(b"* BYE [UNAVAILABLE]")
        assert client.line() == b""


def test_renewed_certificate_is_shown_to_the_next_client(imapd: Running) -> None:
    before = imapd.serial_number()
    imapd.renew_certificate()
    assert imapd.serial_number() != before


def test_commands_after_half_close_are_answered(imapd: Running) -> None:
    with imapd.client(tls=False) as client:
        client.send(b"a NOOP\r\nb LOGOUT\r\n")
        client.half_close()
        assert client.replies(b"b")[-1].startswith(b"OK")


def test_enable_passes_over_what_it_does_not_know(imapd: Running) -> None:
    with imapd.client() as client:
        assert client.ask("ENABLE X-NONE")[-1].startswith(b"BAD")
    with imapd.signed_in() as client:
        assert client.ask("ENABLE X-NONE IDLE") == [b"* ENABLED", b"OK Done"]
        assert client.ask("ENABLE")[-1].startswith(b"BAD")


def test_no_capability_is_told_twice(imapd: Running) -> None:
    with imapd.signed_in() as client:
        names = client.ask("CAPABILITY")[0].split()
        assert sorted(set(names)) == sorted(names)


@pytest.mark.parametrize("command", [f'LOGIN {ALICE} "{PASSWORD}"', f"AUTHENTICATE PLAIN {plain(ALICE, PASSWORD)}"])
def test_account_that_is_an_mbox_is_refused_and_told_why(imapd: Running, command: str) -> None:
    with closing(sqlite3.connect(imapd.root / "directory.sqlite")) as directory, directory:
        directory.execute("UPDATE accounts SET mailbox_format = 'mbox' WHERE address = ?", (ALICE,))
    with imapd.client() as client:
        assert client.ask(command)[-1].startswith(b"NO [CANNOT] This mailbox is an mbox file")
        assert client.ask("SELECT INBOX")[-1].startswith(b"BAD")
    assert not (imapd.root / "mail" / "example.test" / "alice").exists()
    assert imapd.events("rejected")[0]["login"] == ALICE
