"""Two users' mail programs and a shared folder: the ACL calls of imaplib, over the running stack."""

import imaplib
import secrets
from collections.abc import Callable

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

SENDER = "carol@world.test"
ALL = b"lrwstipekxacd"


@pytest.fixture
def users(site: Site, account: Callable[..., str]) -> tuple[imaplib.IMAP4, imaplib.IMAP4, str, str]:
    """Two who are signed in, and their addresses."""
    alice, bob = account("alice"), account("bob")
    return site.imap(alice, PASSWORD), site.imap(bob, PASSWORD), alice, bob


def names(client: imaplib.IMAP4, pattern: str) -> list[bytes]:
    _, lines = client.list('""', pattern)
    return [line.split()[-1] for line in lines if isinstance(line, bytes)]


def test_folder_is_shared_used_and_taken_back(site: Site, users: tuple[imaplib.IMAP4, imaplib.IMAP4, str, str], key: str) -> None:
    hers, his, alice, bob = users
    shared = f"user/{alice}/Projects"
    hers.create("Projects")
    hers.append("Projects", "", "", history.message(key, SENDER, [alice], b"hello\r\n"))
    assert names(his, "user/*") == [] and his.select(shared)[0] == "NO"

    assert hers.setacl("Projects", bob, "lrsi")[0] == "OK"
    assert hers.getacl("Projects") == ("OK", [f"Projects {bob} lrsi {alice} {ALL.decode()}".encode()])
    assert hers.myrights("Projects") == ("OK", [b"Projects " + ALL])
    assert names(his, "user/*") == [shared.encode()]
    assert b'(("user/" "/"))' in his.namespace()[1][0]
    assert his.myrights(shared) == ("OK", [f"{shared} lrsi".encode()])

    assert his.select(shared) == ("OK", [b"1"])
    assert his.search(None, "SUBJECT", key) == ("OK", [b"1"])
    assert his.store("1", "+FLAGS", r"(\Seen)")[0] == "OK"
    assert his.store("1", "+FLAGS", r"(\Deleted)")[0] == "NO" and his.expunge()[0] == "NO"
    assert his.copy("1", "INBOX")[0] == "OK" and his.append(shared, "", "", b"Subject: his\r\n\r\nx\r\n")[0] == "OK"
    hers.select("Projects", readonly=True)
    assert hers.search(None, "SEEN") == ("OK", [b"1"]) and hers.search(None, "SUBJECT", "his") == ("OK", [b"2"])

    assert hers.deleteacl("Projects", bob)[0] == "OK"
    his.noop()  # it is answered, and behind the answer the session is over
    with pytest.raises(imaplib.IMAP4.abort):
        his.noop()
    again = site.imap(bob, PASSWORD)
    assert names(again, "user/*") == [] and again.select(shared)[0] == "NO"
    assert again.select("INBOX") == ("OK", [b"1"])


def test_idle_in_a_shared_folder_is_woken_by_a_delivery(site: Site, users: tuple[imaplib.IMAP4, imaplib.IMAP4, str, str], key: str) -> None:
    hers, his, alice, bob = users
    hers.setacl("INBOX", bob, "lr")
    his.select(f"user/{alice}/INBOX", readonly=True)
    his.send(b"x IDLE\r\n")
    assert his.readline().startswith(b"+")
    with site.mx() as client:
        client.sendmail(SENDER, [alice], history.message(key, SENDER, [alice], b"hello\r\n"))
    assert his.readline() == b"* 1 EXISTS\r\n"
    his.send(b"DONE\r\n")


def test_rights_that_moved_in_are_found_after_a_check_of_the_mailbox(site: Site, users: tuple[imaplib.IMAP4, imaplib.IMAP4, str, str]) -> None:
    _, his, alice, bob = users
    local = alice.partition("@")[0]
    path = f"/mail/example.test/{local}/Maildir/dovecot-acl"
    site.project.check("mda", "python", "-c", f"open({path!r}, 'w').write('user={bob} lr' + chr(10))")
    assert names(his, "user/*") == []
    site.malle("mailbox", "check", alice)
    assert names(his, "user/*") == [f"user/{alice}/INBOX".encode()]
    assert his.select(f"user/{alice}/{secrets.token_hex(4)}")[0] == "NO"
