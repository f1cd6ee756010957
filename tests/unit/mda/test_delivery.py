"""The dialogue with relay, spoken by Python's own LMTP client."""

import shutil
import smtplib
from pathlib import Path

import pytest

from tests.unit.mda.conftest import Running

MESSAGE = b"Message-ID: <one@world.test>\r\nSubject: hello\r\n\r\n8-bit \xe9\xff\r\n.dot\r\n..\r\n"


def connect(mda: Running) -> smtplib.LMTP:
    client = smtplib.LMTP("127.0.0.1", mda.port)
    client.ehlo("relay.test")
    return client


def deliver(client: smtplib.LMTP, recipients: list[str], content: bytes = MESSAGE, options: str = "") -> list[tuple[int, bytes]]:
    """One transaction; the replies after the dot."""
    client.docmd(f"MAIL FROM:<carol@world.test>{options}")
    accepted = [recipient for recipient in recipients if client.docmd(f"RCPT TO:<{recipient}>")[0] == 250]
    assert client.docmd("DATA")[0] == 354
    client.send(content.replace(b"\r\n.", b"\r\n..") + b".\r\n")
    return [client.getreply() for _ in accepted]


def test_message_is_stored_with_its_fields_and_byte_for_byte(mda: Running) -> None:
    replies = deliver(connect(mda), ["Alice@example.test"])
    assert [code for code, _ in replies] == [250]
    fields = b"Return-Path: <carol@world.test>\r\nDelivered-To: Alice@example.test\r\nX-Original-To: Alice@example.test\r\n"
    assert mda.inbox("alice@example.test") == [fields + MESSAGE]


def test_each_recipient_has_an_answer_of_his_own(mda: Running) -> None:
    client = connect(mda)
    replies = deliver(client, ["alice@example.test", "nobody@example.test", "full@example.test", "off@example.test", "bob@example.test"])
    assert [(code, text[:5]) for code, text in replies] == [(250, b"2.0.0"), (552, b"5.2.2"), (250, b"2.0.0")]
    assert len(mda.inbox("alice@example.test")) == len(mda.inbox("bob@example.test")) == 1
    assert mda.inbox("full@example.test") == []


def test_unknown_and_disabled_recipients_are_refused_at_rcpt(mda: Running) -> None:
    client = connect(mda)
    client.docmd("MAIL FROM:<>")
    assert client.docmd("RCPT TO:<nobody@example.test>") == (550, b"5.1.1 no such mailbox")
    assert client.docmd("RCPT TO:<off@example.test>") == (550, b"5.2.1 mailbox is disabled")
    assert client.docmd("DATA")[0] == 503


def test_full_mailbox_is_deferred_where_that_is_wanted(patient_mda: Running) -> None:
    ((code, text),) = deliver(connect(patient_mda), ["full@example.test"])
    assert (code, text[:5]) == (452, b"4.2.2")


def test_extension_goes_to_the_user_and_stays_in_the_field(mda: Running) -> None:
    deliver(connect(mda), ["alice+news@example.test"])
    (content,) = mda.inbox("alice@example.test")
    assert b"Delivered-To: alice+news@example.test\r\n" in content


def test_original_recipient_comes_from_orcpt(mda: Running) -> None:
    client = connect(mda)
    client.docmd("MAIL FROM:<>")
    client.docmd("RCPT TO:<alice@example.test> ORCPT=rfc822;team+40example.test")
    client.docmd("DATA")
    client.send(MESSAGE + b".\r\n")
    assert client.getreply()[0] == 250
    (content,) = mda.inbox("alice@example.test")
    assert content.startswith(b"Return-Path: <>\r\nDelivered-To: alice@example.test\r\nX-Original-To: team@example.test\r\n")


def test_message_that_was_here_before_is_a_loop_for_that_recipient_only(mda: Running) -> None:
    looping = b"Delivered-To: alice@example.test\r\n" + MESSAGE
    replies = deliver(connect(mda), ["ALICE@example.test", "bob@example.test"], looping)
    assert [(code, text[:5]) for code, text in replies] == [(554, b"5.4.6"), (250, b"2.0.0")]


def test_recipient_named_twice_has_two_answers_and_one_copy(mda: Running) -> None:
    replies = deliver(connect(mda), ["alice@example.test", "Alice@example.test"])
    assert [code for code, _ in replies] == [250, 250]
    assert len(mda.inbox("alice@example.test")) == 1


def test_large_message_arrives_whole(mda: Running) -> None:
    large = b"Subject: big\r\n\r\n" + b"0123456789abcdef" * 4 * 25_000 + b"\r\n"
    ((code, _), _) = deliver(connect(mda), ["alice@example.test", "bob@example.test"], large)
    assert code == 250
    assert [content.endswith(b"\r\n" + large) for content in mda.inbox("alice@example.test") + mda.inbox("bob@example.test")] == [True, True]


def test_trace_of_the_queue_goes_on_in_the_event(mda: Running) -> None:
    client = connect(mda)
    assert client.has_extn("xtrace")
    deliver(client, ["alice@example.test"], options=" XTRACE=0BCDFGHJKLMN01/0BCDFGHJKLMN02")
    client.quit()
    (stored,) = mda.events("stored")
    assert (stored["trace"], stored["queue_id"]) == ("0BCDFGHJKLMN01", "0BCDFGHJKLMN02")
    assert (stored["message_id"], stored["recipient"], stored["folder"], stored["uid"]) == ("<one@world.test>", "alice@example.test", "INBOX", 1)


@pytest.mark.parametrize("value", ["", "=", "=x/y", "=../../etc/passwd", "=0BCDFGHJKLMN01"])
def test_trace_that_is_none_is_passed_over(mda: Running, value: str) -> None:
    client = connect(mda)
    deliver(client, ["alice@example.test"], options=f" XTRACE{value}" if value != "=" else "")
    client.quit()
    assert "trace" not in mda.events("stored")[0]


def test_directory_that_cannot_be_asked_is_temporary(mda: Running, root: Path) -> None:
    (root / "directory.sqlite").unlink()
    client = connect(mda)
    client.docmd("MAIL FROM:<>")
    code, text = client.docmd("RCPT TO:<alice@example.test>")
    assert (code, text[:5]) == (451, b"4.3.0")


def test_mailbox_that_cannot_be_written_is_temporary_and_told(mda: Running, root: Path) -> None:
    client = connect(mda)
    deliver(client, ["alice@example.test"])
    shutil.rmtree(root / "mail" / "example.test" / "alice" / "Maildir" / "tmp")
    ((code, text),) = deliver(client, ["alice@example.test"])
    assert (code, text[:5]) == (451, b"4.3.0")
    client.quit()
    (told,) = mda.events("trouble")
    assert "tmp" in told["reason"]


def test_session_goes_on_after_many_refusals(mda: Running) -> None:
    client = connect(mda)
    for _ in range(50):
        client.docmd("MAIL FROM:<>")
        assert client.docmd("RCPT TO:<nobody@example.test>")[0] == 550
        client.docmd("RSET")
    assert [code for code, _ in deliver(client, ["alice@example.test"])] == [250]


def test_mailbox_that_was_deleted_by_hand_is_made_again_at_the_next_attempt(mda: Running, root: Path) -> None:
    client = connect(mda)
    deliver(client, ["alice@example.test"])
    shutil.rmtree(root / "mail" / "example.test" / "alice")
    assert [code for code, _ in deliver(client, ["alice@example.test"])] == [451]
    assert [code for code, _ in deliver(client, ["alice@example.test"])] == [250]
    assert len(mda.inbox("alice@example.test")) == 1
