"""Users' rules from a mail program to the mailbox and out again, with sieve-connect and swaks as others' clients."""

from collections.abc import Callable

import pytest

from malleposte_lab import history
from malleposte_lab.events import Event
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

SENDER = "carol@world.test"


def manage(site: Site, login: str, *words: str, stdin: bytes | None = None) -> bytes:
    """Run sieve-connect in the lab's client container; it must succeed."""
    options = ["--server", "managesieve", "--port", "4190", "--user", login, "--passwordfd", "0", "--tlscafile", "/certs/ca.pem"]
    return site.project.check("client", "sieve-connect", *options, *words, stdin=f"{PASSWORD}\n".encode() + (stdin or b"")).encode()


@pytest.fixture
def script(site: Site) -> Callable[[str, str], None]:
    """Make this the active script of a user, as a mail program does."""

    def put(login: str, source: str) -> None:
        site.project.check("client", "sh", "-c", "cat > /tmp/main.sieve", stdin=source.encode())
        manage(site, login, "--localsieve", "/tmp/main.sieve", "--remotesieve", "main", "--upload")
        manage(site, login, "--remotesieve", "main", "--activate")

    return put


def send(site: Site, recipient: str, key: str, body: bytes = b"hello\r\n") -> None:
    with site.mx() as client:
        client.sendmail(SENDER, [recipient], history.message(key, SENDER, [recipient], body))


def test_rule_that_a_user_writes_files_his_mail(site: Site, account: Callable[..., str], script: Callable[[str, str], None], key: str) -> None:
    alice = account("alice")
    script(alice, f'require ["fileinto", "mailbox"]; if header :contains "x-lab-key" "{key}" {{ fileinto :create "Lists.lab"; }}')
    send(site, alice, key)
    stored = site.events.wait(kind="stored", recipient=alice)
    assert stored["folder"] == "Lists.lab"
    (raw,) = site.messages(alice, PASSWORD, "Lists.lab")
    assert key.encode() in raw


def test_redirected_mail_reaches_the_world_and_is_traced_to_where_it_came_from(
    site: Site, account: Callable[..., str], script: Callable[[str, str], None], key: str
) -> None:
    alice = account("alice")
    friend = f"{key}@sink.test"
    script(alice, f'require "copy"; redirect :copy "{friend}";')
    send(site, alice, key)
    redirected: Event = site.events.wait(kind="redirected", original=alice)
    site.events.wait(kind="delivered", queue_id=redirected["queue_id"], recipient=friend)
    assert len(site.messages(alice, PASSWORD)) == 1
    assert friend in site.malle("trace", redirected["caused_by"])


def test_vacation_answers_the_sender_once(site: Site, account: Callable[..., str], script: Callable[[str, str], None], key: str) -> None:
    alice, bob = account("alice"), account("bob")
    script(alice, 'require "vacation"; vacation :subject "Away" "Back on Monday.";')
    for number in range(2):
        with site.submission(bob, PASSWORD) as client:
            client.sendmail(bob, [alice], history.message(f"{key}{number}", bob, [alice], b"hello\r\n"))
    site.events.wait_until(lambda: len(site.events.matching(kind="stored", recipient=alice)) == 2, "two messages were not stored", 20)
    site.events.wait(kind="stored", recipient=bob)
    (answer,) = site.messages(bob, PASSWORD)
    assert b"Back on Monday." in answer and b"Auto-Submitted: auto-replied" in answer


def test_rejected_mail_comes_back_with_the_users_words(site: Site, account: Callable[..., str], script: Callable[[str, str], None], key: str) -> None:
    alice, bob = account("alice"), account("bob")
    script(alice, 'require "reject"; reject "Not from you.";')
    with site.submission(bob, PASSWORD) as client:
        client.sendmail(bob, [alice], history.message(key, bob, [alice], b"hello\r\n"))
    site.events.wait(kind="stored", recipient=bob)
    (report,) = site.messages(bob, PASSWORD)
    assert b"Not from you." in report


def test_script_with_an_error_is_refused_with_its_place(site: Site, account: Callable[..., str]) -> None:
    alice = account("alice")
    site.project.check("client", "sh", "-c", "cat > /tmp/bad.sieve", stdin=b"keep;\nnonsense;\n")
    options = ["--server", "managesieve", "--port", "4190", "--user", alice, "--passwordfd", "0", "--tlscafile", "/certs/ca.pem"]
    upload = ["--localsieve", "/tmp/bad.sieve", "--remotesieve", "bad", "--upload"]
    finished = site.project.execute("client", "sieve-connect", *options, *upload, stdin=f"{PASSWORD}\n".encode())
    assert b"line 2, column 1" in finished.out + finished.err


def test_full_mailbox_is_refused_when_it_is_named(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice", "--messages", "2")
    for number in range(2):
        send(site, alice, f"{key}{number}")
    site.events.wait_until(lambda: len(site.events.matching(kind="stored", recipient=alice)) == 2, "two messages were not stored", 20)

    def refused() -> bool:
        with site.mx() as client:
            client.ehlo()
            client.mail(SENDER)
            return client.rcpt(alice) == (552, b"5.2.2 mailbox is full")

    site.events.wait_until(refused, "a full mailbox is not refused", 20)
