"""A person's day with IMAP and POP3 clients over the running stack."""

import imaplib
import poplib
import threading
import time
from collections.abc import Callable

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

SENDER = "carol@world.test"


def deliver(site: Site, recipient: str, key: str) -> None:
    with site.mx() as client:
        client.sendmail(SENDER, [recipient], history.message(key, SENDER, [recipient], b"hello\r\n"))
    site.events.wait(kind="stored", message_id=f"<{key}@lab.test>")


def fetched(client: imaplib.IMAP4, what: str) -> bytes:
    """The answer to a FETCH of message 1: its literal, if it has one."""
    _, (answer, *_) = client.fetch("1", what)
    assert answer is not None
    return answer[1] if isinstance(answer, tuple) else answer


def test_reading_filing_and_deleting(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    deliver(site, alice, key)
    client = site.imap(alice, PASSWORD)
    client.select("INBOX")
    assert client.search(None, "UNSEEN", "SUBJECT", key) == ("OK", [b"1"])
    client.store("1", "+FLAGS", r"(\Seen \Answered)")
    client.create("Projects")
    assert client.copy("1", "Projects")[0] == "OK"
    client.store("1", "+FLAGS", r"(\Deleted)")
    assert client.expunge() == ("OK", [b"1"])
    assert client.select("Projects") == ("OK", [b"1"])
    assert rb"\Answered" in fetched(client, "(FLAGS)")
    client.logout()


def test_idle_is_woken_by_a_delivery(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    client = site.imap(alice, PASSWORD)
    client.select("INBOX")
    client.send(b"x IDLE\r\n")
    assert client.readline().startswith(b"+")
    sender = threading.Thread(target=deliver, args=(site, alice, key))
    sender.start()
    assert client.readline() == b"* 1 EXISTS\r\n"
    sender.join()
    client.send(b"DONE\r\n")


def test_appended_message_is_the_same_byte_for_byte(site: Site, account: Callable[..., str]) -> None:
    alice = account("alice")
    content = b"Subject: caf\xc3\xa9\r\n\r\n" + bytes(range(1, 256)).replace(b"\n", b"").replace(b"\r", b"") + b"\r\n"
    client = site.imap(alice, PASSWORD)
    client.append("Drafts", r"(\Draft)", imaplib.Time2Internaldate(time.time()), content)
    client.select("Drafts")
    assert fetched(client, "(BODY.PEEK[])") == content
    client.logout()


def test_pop3_deletes_at_quit_and_not_before(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    deliver(site, alice, key)
    first = site.pop3(alice, PASSWORD)
    first.dele(1)
    first.close()
    site.events.wait_until(lambda: _count(site, alice) == 1, "the mailbox is still locked", 20)
    second = site.pop3(alice, PASSWORD)
    second.dele(1)
    second.quit()
    assert site.messages(alice, PASSWORD) == []


def _count(site: Site, alice: str) -> int:
    try:
        client = site.pop3(alice, PASSWORD)
    except poplib.error_proto:
        return -1
    count = client.stat()[0]
    client.quit()
    return count


def test_second_pop3_session_is_told_in_use(site: Site, account: Callable[..., str]) -> None:
    alice = account("alice")
    first = site.pop3(alice, PASSWORD)
    with pytest.raises(poplib.error_proto, match="IN-USE"):
        site.pop3(alice, PASSWORD)
    first.quit()


def test_password_is_not_taken_in_clear_text(site: Site, account: Callable[..., str]) -> None:
    alice = account("alice")
    with pytest.raises(imaplib.IMAP4.error):
        imaplib.IMAP4(site.host, site.ports["IMAP"], timeout=30).login(alice, PASSWORD)
    client = poplib.POP3(site.host, site.ports["POP3"], timeout=30)
    with pytest.raises(poplib.error_proto):
        client.user(alice)


def test_starttls_leads_to_a_login(site: Site, account: Callable[..., str]) -> None:
    alice = account("alice")
    client = imaplib.IMAP4(site.host, site.ports["IMAP"], timeout=30)
    client.starttls(ssl_context=site.tls)
    assert client.login(alice, PASSWORD)[0] == "OK"
    reader = poplib.POP3(site.host, site.ports["POP3"], timeout=30)
    reader.stls(context=site.tls)
    reader.user(alice)
    assert reader.pass_(PASSWORD).startswith(b"+OK")
    reader.quit()


def test_special_folders_are_there_from_the_start(site: Site, account: Callable[..., str]) -> None:
    client = site.imap(account("alice"), PASSWORD)
    listed = repr(client.list()[1]).encode().replace(b"\\\\", b"\\")
    assert all(name in listed for name in (rb"\Drafts", rb"\Sent", rb"\Trash", rb"\Junk"))


def test_changed_password_takes_effect_at_once(site: Site, account: Callable[..., str]) -> None:
    alice = account("alice")
    site.imap(alice, PASSWORD).logout()
    site.malle("account", "passwd", alice, "--password-stdin", stdin="another one\n")
    with pytest.raises(imaplib.IMAP4.error):
        site.imap(alice, PASSWORD)
    site.imap(alice, "another one").logout()
