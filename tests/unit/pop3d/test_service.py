"""pop3d on a socket, against poplib and against clients that do what none should."""

import base64
import poplib
from collections.abc import Iterator
from pathlib import Path

import pytest

from services.kernel.directory import MailboxFormat
from services.kernel.smtp.client_mechanisms import Scram
from tests.unit.pop3d.shelf import PASSWORD, ListedAccounts, Shelf, ShelfUser
from tests.unit.pop3d.site import Running

ALICE = "alice@example.test"
MESSAGE = b"Subject: x\r\n\r\n.dot\r\n\xff\xc3\xa4\r\nlast line without end"


@pytest.fixture
def alice(shelf: Shelf) -> ShelfUser:
    user = shelf.user(ALICE)
    for number in range(3):
        user.inbox.add(b"Subject: %d\r\n\r\nbody\r\n" % number)
    return user


@pytest.fixture
def impatient(tmp_path: Path, shelf: Shelf, accounts: ListedAccounts) -> Iterator[Running]:
    running = Running(tmp_path, shelf, accounts, login_seconds=0.3, inactivity_seconds=0.3, error_limit=3, failed_login_limit=2, session_limit=1)
    yield running
    running.stop()


def test_poplib_reads_and_deletes_over_tls(pop3d: Running, alice: ShelfUser) -> None:
    client = poplib.POP3_SSL("localhost", pop3d.tls_port, context=pop3d.client_tls)
    client.user(ALICE)
    client.pass_(PASSWORD)
    assert client.stat()[0] == 3
    assert client.uidl()[1] == [b"1 7.1", b"2 7.2", b"3 7.3"]
    assert client.retr(2)[1] == [b"Subject: 1", b"", b"body"]
    assert client.top(1, 0)[1] == [b"Subject: 0", b""]
    client.dele(3)
    client.quit()
    assert sorted(alice.inbox.contents) == [1, 2]
    assert alice.inbox.seen == {2}


def test_poplib_begins_tls_with_stls(pop3d: Running, alice: ShelfUser) -> None:
    client = poplib.POP3("localhost", pop3d.port)
    assert "STLS" in client.capa()
    client.stls(pop3d.client_tls)
    client.user(ALICE)
    client.pass_(PASSWORD)
    assert client.stat()[0] == 3
    client.quit()


def test_message_is_served_byte_for_byte_but_for_dots_and_a_last_line_end(pop3d: Running, shelf: Shelf) -> None:
    shelf.user(ALICE).inbox.add(MESSAGE)
    with pop3d.signed_in() as client:
        answer = client.ask_lines("RETR 1")
    assert answer == b"+OK %d octets\r\n" % len(MESSAGE) + MESSAGE.replace(b"\r\n.", b"\r\n..") + b"\r\n.\r\n"


def test_large_message_goes_out_in_pieces_unchanged(pop3d: Running, shelf: Shelf) -> None:
    content = b"Subject: big\r\n\r\n" + b".line of text\r\n" * 200_000
    shelf.user(ALICE).inbox.add(content)
    with pop3d.signed_in() as client:
        answer = client.ask_lines("RETR 1")
    assert answer.partition(b"\r\n")[2] == content.replace(b"\r\n.", b"\r\n..") + b".\r\n"


def test_pipelined_commands_are_answered_in_order(pop3d: Running, alice: ShelfUser) -> None:
    with pop3d.client() as client:
        client.send(b"USER alice@example.test\r\nPASS correct horse\r\nSTAT\r\nDELE 1\r\nSTAT\r\nQUIT\r\n")
        answers = [client.line() for _ in range(7)]
    assert [answer[:7] for answer in answers] == [b"+OK sen", b"+OK 3 m", b"+OK 3 6", b"+OK mar", b"+OK 2 4", b"+OK bye", b""]
    assert sorted(alice.inbox.contents) == [2, 3]


def test_auth_plain_with_initial_response_signs_in(pop3d: Running, alice: ShelfUser) -> None:
    with pop3d.client() as client:
        assert client.ask("AUTH PLAIN AGFsaWNlQGV4YW1wbGUudGVzdABjb3JyZWN0IGhvcnNl").startswith(b"+OK 3 messages")


def test_auth_asks_for_what_the_mechanism_needs(pop3d: Running, alice: ShelfUser) -> None:
    with pop3d.client() as client:
        assert b"\r\nSASL SCRAM-SHA-256 PLAIN LOGIN\r\n" in client.ask_lines("CAPA")
        assert client.ask("AUTH LOGIN") == b"+ VXNlcm5hbWU6\r\n"
        assert client.ask(base64.b64encode(ALICE.encode()).decode()) == b"+ UGFzc3dvcmQ6\r\n"
        assert client.ask(base64.b64encode(PASSWORD.encode()).decode()).startswith(b"+OK 3 messages")


@pytest.mark.parametrize(("password", "answer"), [(PASSWORD, b"+OK 3 messages"), ("wrong", b"-ERR [AUTH]")])
def test_scram_signs_in_who_knows_the_password(pop3d: Running, alice: ShelfUser, password: str, answer: bytes) -> None:
    mechanism = Scram("sha256", (ALICE, password))
    with pop3d.client() as client:
        line = client.ask("AUTH SCRAM-SHA-256 " + base64.b64encode(mechanism.begin() or b"").decode())
        while line.startswith(b"+ "):
            line = client.ask(base64.b64encode(mechanism.respond(base64.b64decode(line[2:]))).decode())
        assert line.startswith(answer)
        assert mechanism.is_proven is (password == PASSWORD)


@pytest.mark.parametrize(
    ("line", "answer"), [("*", b"-ERR cancelled"), ("nonsense", b"-ERR [AUTH]"), ("", b"-ERR [AUTH]"), ("x" * 9000, b"-ERR [AUTH]")]
)
def test_response_that_is_none_leads_back_to_commands(pop3d: Running, alice: ShelfUser, line: str, answer: bytes) -> None:
    with pop3d.client() as client:
        assert client.ask("AUTH PLAIN") == b"+ \r\n"
        assert client.ask(line).startswith(answer)
        assert client.ask(f"USER {ALICE}").startswith(b"+OK")


def test_acting_for_another_user_is_refused(pop3d: Running) -> None:
    with pop3d.client() as client:
        response = base64.b64encode(f"bob@example.test\0{ALICE}\0{PASSWORD}".encode()).decode()
        assert client.ask(f"AUTH PLAIN {response}").startswith(b"-ERR [AUTH]")


def test_client_gone_in_the_middle_of_auth_ends_the_session(pop3d: Running) -> None:
    with pop3d.client() as client:
        client.ask("AUTH PLAIN")
    with pop3d.signed_in() as client:
        assert client.ask("STAT").startswith(b"+OK")


def test_what_was_sent_in_the_clear_behind_stls_is_not_answered_under_tls(pop3d: Running) -> None:
    with pop3d.client(tls=False) as client:
        client.send(b"STLS\r\nCAPA\r\n")
        assert client.line().startswith(b"+OK")
        secure = client.upgrade(pop3d.client_tls)
        assert secure.ask("QUIT") == b"+OK bye\r\n"


def test_login_in_clear_text_is_refused(pop3d: Running, alice: ShelfUser) -> None:
    with pop3d.client(tls=False) as client:
        assert client.ask("USER alice@example.test").startswith(b"-ERR")
        assert client.ask("PASS correct horse").startswith(b"-ERR")


def test_wrong_password_is_refused_with_its_code_and_reported(pop3d: Running) -> None:
    with pop3d.client() as client:
        client.ask("USER alice@example.test")
        assert client.ask("PASS wrong").startswith(b"-ERR [AUTH]")
        assert client.ask("QUIT").startswith(b"+OK")
    pop3d.stop()
    assert pop3d.event("auth_failed")["login"] == ALICE


def test_second_session_finds_the_mailbox_in_use_and_can_try_again(pop3d: Running, alice: ShelfUser) -> None:
    with pop3d.signed_in() as first, pop3d.client() as second:
        second.ask("USER alice@example.test")
        assert second.ask("PASS correct horse").startswith(b"-ERR [IN-USE]")
        first.ask("QUIT")
        assert first.line() == b""
        second.ask("USER alice@example.test")
        assert second.ask("PASS correct horse").startswith(b"+OK")


def test_other_user_is_not_kept_out(pop3d: Running) -> None:
    with pop3d.signed_in(), pop3d.signed_in("bob@example.test") as bob:
        assert bob.ask("STAT") == b"+OK 0 0\r\n"


@pytest.mark.parametrize("tail", [b"", b"QUIT", b"QUI", b"DELE 2\r\nQUIT"])
def test_lost_connection_deletes_nothing(pop3d: Running, alice: ShelfUser, tail: bytes) -> None:
    with pop3d.signed_in() as client:
        assert client.ask("DELE 1").startswith(b"+OK")
        client.send(tail)
    pop3d.stop()
    assert sorted(alice.inbox.contents) == [1, 2, 3]
    assert not alice.is_locked()


def test_stop_of_the_service_ends_silent_sessions_and_deletes_nothing(pop3d: Running, shelf: Shelf, alice: ShelfUser) -> None:
    with pop3d.signed_in() as client:
        client.ask("DELE 1")
        pop3d.stop()
        assert client.line() == b""
    assert sorted(alice.inbox.contents) == [1, 2, 3]
    assert not alice.is_locked()
    assert not shelf.is_open


def test_message_expunged_meanwhile_is_an_error_and_the_session_goes_on(pop3d: Running, alice: ShelfUser) -> None:
    with pop3d.signed_in() as client:
        del alice.inbox.contents[2]
        assert client.ask("RETR 2").startswith(b"-ERR")
        assert client.ask("NOOP") == b"+OK\r\n"


def test_unreadable_message_is_temporary_and_reported(pop3d: Running, alice: ShelfUser) -> None:
    alice.inbox.broken.add(1)
    with pop3d.signed_in() as client:
        assert client.ask("RETR 1") == b"-ERR [SYS/TEMP] not now, try again later\r\n"
        client.ask("QUIT")
    pop3d.stop()
    assert pop3d.event("trouble")["reason"] == "disk on fire"


def test_failed_update_is_told_at_quit(pop3d: Running, alice: ShelfUser) -> None:
    alice.inbox.broken.add(1)
    with pop3d.signed_in() as client:
        client.ask("DELE 1")
        assert client.ask("QUIT").startswith(b"-ERR [SYS/TEMP]")
        assert client.line() == b""


def test_broken_directory_or_store_is_temporary(pop3d: Running, shelf: Shelf, accounts: ListedAccounts) -> None:
    with pop3d.client() as client:
        accounts.is_broken = True
        client.ask("USER alice@example.test")
        assert client.ask("PASS correct horse").startswith(b"-ERR [SYS/TEMP]")
        accounts.is_broken, shelf.is_broken = False, True
        client.ask("USER alice@example.test")
        assert client.ask("PASS correct horse").startswith(b"-ERR [SYS/TEMP]")


def test_login_and_logout_are_reported(pop3d: Running, alice: ShelfUser) -> None:
    with pop3d.signed_in() as client:
        client.ask_lines("RETR 1")
        client.ask("QUIT")
        client.line()
    pop3d.stop()
    assert pop3d.event("login")["tls"].startswith("TLSv1.")
    assert pop3d.event("logout")["reason"] == "quit; 1 retrieved, 0 marked for deletion"


def test_overlong_line_is_an_error_and_the_next_one_is_answered(pop3d: Running) -> None:
    with pop3d.client() as client:
        client.send(b"x" * 100_000 + b"\r\nQUIT\r\n")
        assert client.line() == b"-ERR line too long\r\n"
        assert client.line() == b"+OK bye\r\n"


def test_client_that_never_signs_in_is_cut(impatient: Running) -> None:
    with impatient.client(tls=False) as client:
        client.ask("CAPA")
        while client.line():
            pass


def test_silent_session_is_cut_and_deletes_nothing(impatient: Running, alice: ShelfUser) -> None:
    with impatient.signed_in() as client:
        client.ask("DELE 1")
        assert client.line() == b""
    impatient.stop()
    assert sorted(alice.inbox.contents) == [1, 2, 3]
    assert impatient.event("logout")["reason"].startswith("timed out")


def test_client_that_takes_no_output_is_cut(impatient: Running, shelf: Shelf) -> None:
    shelf.user(ALICE).inbox.add(b"x" * 40_000_000)
    with impatient.signed_in() as client:
        client.send(b"RETR 1\r\n")
        impatient.stop()
    assert impatient.event("logout")["reason"].startswith("timed out")


def test_session_with_too_many_errors_is_ended(impatient: Running) -> None:
    with impatient.client() as client:
        for _ in range(3):
            assert client.ask("NONSENSE").startswith(b"-ERR")
        assert client.line() == b""


def test_session_with_too_many_wrong_passwords_is_ended(impatient: Running) -> None:
    with impatient.client() as client:
        for _ in range(2):
            client.ask("USER alice@example.test")
            assert client.ask("PASS wrong").startswith(b"-ERR [AUTH]")
        assert client.line() == b""


def test_connection_over_the_limit_is_told_to_come_back(impatient: Running) -> None:
    with impatient.client(tls=False), pytest.raises(AssertionError), impatient.client(tls=False):
        pass


def test_account_that_is_an_mbox_is_refused_and_told_why(pop3d: Running, accounts: ListedAccounts, alice: ShelfUser) -> None:
    accounts.mailbox_format = MailboxFormat.MBOX
    with pop3d.client() as client:
        client.ask(f"USER {ALICE}")
        assert client.ask(f"PASS {PASSWORD}").startswith(b"-ERR [SYS/PERM] this mailbox is an mbox file")
        assert client.ask("STAT").startswith(b"-ERR")
        accounts.mailbox_format = MailboxFormat.MAILDIR
        client.ask(f"USER {ALICE}")
        assert client.ask(f"PASS {PASSWORD}").startswith(b"+OK")
