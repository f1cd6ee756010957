"""The envelope senders of what rules send, as the site has set them."""

import smtplib
from collections.abc import Iterator
from contextlib import contextmanager
from email import message_from_bytes
from pathlib import Path

import pytest

from tests.unit.mda.conftest import Running

ALICE = "alice@example.test"
MESSAGE = b"Message-ID: <one@world.test>\r\nFrom: carol@world.test\r\nTo: alice@example.test\r\nSubject: hello\r\n\r\nbody\r\n"
NOTIFY = 'require "enotify"; notify "mailto:phone@world.test";'
REDIRECT = 'redirect "dave@world.test";'


@contextmanager
def running(root: Path, sieve: str) -> Iterator[Running]:
    mda = Running(root, sieve=sieve)
    mda.start()
    try:
        yield mda
    finally:
        mda.stop()


def deliver(mda: Running, sender: str = "carol@world.test", orcpt: str = "sales@example.test") -> None:
    with smtplib.LMTP("127.0.0.1", mda.port) as client:
        client.ehlo("relay.test")
        client.docmd(f"MAIL FROM:<{sender}>")
        assert client.docmd(f"RCPT TO:<{ALICE}> ORCPT=rfc822;{orcpt}")[0] == 250
        assert client.docmd("DATA")[0] == 354
        client.send(MESSAGE + b".\r\n")
        assert client.getreply()[0] == 250


@pytest.mark.parametrize(("kind", "script"), [("redirect_sender", REDIRECT), ("notify_sender", NOTIFY)])
@pytest.mark.parametrize(
    ("choice", "sender"),
    [
        ("sender", "carol@world.test"),
        ("recipient", ALICE),
        ("original", "sales@example.test"),
        ('"<>"', ""),
        ("reports@example.test", "reports@example.test"),
    ],
)
def test_envelope_sender_is_the_one_that_the_site_chose(root: Path, kind: str, script: str, choice: str, sender: str) -> None:
    with running(root, f"{kind}: {choice}") as mda:
        mda.script(ALICE, script)
        deliver(mda)
        ((file, _),) = mda.queued()
        assert file.envelope.sender == sender


@pytest.mark.parametrize(("kind", "script"), [("redirect_sender", REDIRECT), ("notify_sender", NOTIFY)])
def test_null_sender_stays(root: Path, kind: str, script: str) -> None:
    with running(root, f"{kind}: reports@example.test") as mda:
        mda.script(ALICE, script)
        deliver(mda, sender="")
        ((file, _),) = mda.queued()
        assert file.envelope.sender == ""


def test_original_recipient_that_is_no_address_is_no_sender(root: Path) -> None:
    with running(root, "redirect_sender: original") as mda:
        mda.script(ALICE, REDIRECT)
        deliver(mda, orcpt="not+20an+20address")
        ((file, _),) = mda.queued()
        assert file.envelope.sender == ALICE


def test_answer_has_the_users_envelope_sender_where_the_site_says_so(root: Path) -> None:
    with running(root, "vacation_sender: recipient") as mda:
        mda.script(ALICE, 'require "vacation"; vacation :from "Other <other@world.test>" "Away";')
        deliver(mda)
        ((file, content),) = mda.queued()
        assert (file.envelope.sender, message_from_bytes(content)["From"]) == (ALICE, "Other <other@world.test>")


def test_mail_to_an_alias_is_answered_where_the_site_says_so(root: Path) -> None:
    with running(root, "vacation_original_recipient: true, vacation_checks_recipient: false") as mda:
        mda.script(ALICE, 'require "vacation"; vacation "Away";')
        deliver(mda, sender="sales@example.test")
        deliver(mda)
        assert [file.recipients[0].address for file, _ in mda.queued()] == ["carol@world.test"]


def test_hidden_recipients_of_a_notification_get_it_and_are_not_in_it(root: Path) -> None:
    with running(root, "") as mda:
        mda.script(ALICE, 'require "enotify"; notify "mailto:?bcc=phone@world.test&cc=pager@world.test";')
        deliver(mda)
        ((file, content),) = mda.queued()
        assert [each.address for each in file.recipients] == ["pager@world.test", "phone@world.test"]
        assert message_from_bytes(content)["Cc"] == "pager@world.test" and b"phone@" not in content
        assert mda.events("trouble") == [] and [event["recipient"] for event in mda.events("notified")] == ["pager@world.test"]
