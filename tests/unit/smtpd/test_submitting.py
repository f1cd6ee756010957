"""Submission through a client that others wrote."""

import base64
import contextlib
import smtplib
import socket
import sqlite3
import ssl
import time
from collections.abc import Iterator

import pytest
import trustme

from services.kernel.sasl.scram import derive
from services.kernel.smtp.client_mechanisms import Scram
from tests.unit.smtpd.site import PASSWORD, Running, Site

MESSAGE = b"From: alice@example.test\r\nSubject: hello\r\n\r\n.one dot\r\n..two\r\nsm\xc3\xb8rrebr\xc3\xb8d\r\n"


def signed_in(submission: Running) -> smtplib.SMTP:
    client = smtplib.SMTP("127.0.0.1", submission.port, timeout=10)
    client.starttls(context=submission.site.client_tls)
    client.login("alice@example.test", PASSWORD)
    return client


def test_a_user_sends_to_the_world_after_starttls(submission: Running) -> None:
    with signed_in(submission) as client:
        assert client.sendmail("alice@example.test", ["carol@world.test"], MESSAGE) == {}
    (message,) = submission.site.queued()
    assert message.content.endswith(MESSAGE)
    assert [recipient.address for recipient in message.recipients] == ["carol@world.test"]
    assert message.envelope.sender == "alice@example.test"
    assert message.envelope.client.protocol == "ESMTPSA"
    assert message.envelope.client.login == "alice@example.test"


def test_a_user_sends_over_implicit_tls(submission: Running) -> None:
    with smtplib.SMTP_SSL("127.0.0.1", submission.tls_port, context=submission.site.client_tls, timeout=10) as client:
        client.login("alice@example.test", PASSWORD)
        client.sendmail("alice+sales@example.test", ["bob@example.test"], MESSAGE)
    assert len(submission.site.queued()) == 1


def test_missing_date_and_message_id_are_added_and_the_client_is_not_shown(submission: Running) -> None:
    with signed_in(submission) as client:
        client.sendmail("alice@example.test", ["bob@example.test"], MESSAGE)
    (message,) = submission.site.queued()
    head = message.content.removesuffix(MESSAGE).decode()
    assert head.startswith("Received: from localhost (localhost [127.0.0.1])\r\n\tby mail.example.test with ESMTPSA id ")
    assert f"Message-ID: <{message.envelope.queue_id}@mail.example.test>\r\nDate: " in head
    assert "for <bob@example.test>" in head
    assert message.envelope.message_id == f"<{message.envelope.queue_id}@mail.example.test>"


def test_a_foreign_sender_is_refused(submission: Running) -> None:
    with signed_in(submission) as client, pytest.raises(smtplib.SMTPSenderRefused) as refused:
        client.sendmail("bob@example.test", ["carol@world.test"], MESSAGE)
    assert refused.value.smtp_code == 553
    assert bytes(refused.value.smtp_error).startswith(b"5.7.1")


def test_an_alias_that_leads_to_the_user_alone_is_his(submission: Running) -> None:
    with signed_in(submission) as client:
        client.sendmail("office@example.test", ["carol@world.test"], MESSAGE)
        with pytest.raises(smtplib.SMTPSenderRefused):
            client.sendmail("team@example.test", ["carol@world.test"], MESSAGE)


def test_the_null_sender_is_allowed_for_read_receipts(submission: Running) -> None:
    with signed_in(submission) as client:
        client.sendmail("", ["carol@world.test"], MESSAGE)


def test_a_wrong_password_is_refused_and_told(submission: Running) -> None:
    with smtplib.SMTP("127.0.0.1", submission.port, timeout=10) as client:
        client.starttls(context=submission.site.client_tls)
        with pytest.raises(smtplib.SMTPAuthenticationError) as refused:
            client.login("alice@example.test", "wrong")
    assert refused.value.smtp_code == 535
    assert '"kind":"auth_failed"' in submission.site.events()


def keep_keys(submission: Running) -> None:
    """Everybody gets keys for SCRAM, as ``malle account passwd`` makes them."""
    with contextlib.closing(sqlite3.connect(submission.site.root / "directory.sqlite", isolation_level=None)) as directory:
        directory.execute("CREATE TABLE scram (address TEXT PRIMARY KEY, password_hash TEXT, verifier TEXT)")
        directory.execute("INSERT INTO scram SELECT address, password_hash, ? FROM accounts", (derive(PASSWORD, iterations=4096).text(),))
        directory.execute("INSERT INTO scram VALUES ('', '', 'secret')")


def encoded(text: bytes) -> str:
    return base64.b64encode(text).decode()


@contextlib.contextmanager
def encrypted(submission: Running) -> Iterator[smtplib.SMTP]:
    with smtplib.SMTP("127.0.0.1", submission.port, timeout=10) as client:
        client.starttls(context=submission.site.client_tls)
        client.ehlo()
        yield client


def test_scram_is_not_offered_unless_asked_for(submission: Running) -> None:
    keep_keys(submission)
    with encrypted(submission) as client:
        assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
        assert client.docmd("AUTH", "SCRAM-SHA-256 =")[0] == 504


@pytest.fixture
def with_scram(site: Site) -> Iterator[Running]:
    running = site.start("submission", scram="auto")
    yield running
    running.stop()


@pytest.mark.parametrize(("password", "code"), [(PASSWORD, 235), ("wrong", 535)])
def test_scram_signs_in_who_knows_the_password(with_scram: Running, password: str, code: int) -> None:
    submission = with_scram
    keep_keys(submission)
    mechanism = Scram("sha256", ("alice@example.test", password))
    with encrypted(submission) as client:
        assert client.esmtp_features["auth"].split() == ["SCRAM-SHA-256", "PLAIN", "LOGIN"]
        answer = client.docmd("AUTH", f"SCRAM-SHA-256 {encoded(mechanism.begin() or b'')}")
        while answer[0] == 334:
            answer = client.docmd(encoded(mechanism.respond(base64.b64decode(answer[1]))))
        assert answer[0] == code
        assert mechanism.is_proven is (code == 235)
        assert (client.mail("alice@example.test")[0] == 250) is (code == 235)


@pytest.mark.parametrize(
    ("words", "codes"),
    [
        ([f"PLAIN {encoded(b'bob@example.test' + bytes(1) + b'alice@example.test' + bytes(1) + PASSWORD.encode())}"], [535]),
        (["PLAIN ="], [535]),
        (["PLAIN !"], [501]),
        (["PLAIN", "*"], [334, 501]),
        (["LOGIN", encoded(b"alice@example.test"), encoded(PASSWORD.encode())], [334, 334, 235]),
        ([f"LOGIN {encoded(b'alice@example.test')}", encoded(PASSWORD.encode())], [334, 235]),
        (["SCRAM-SHA-256"], [504]),
        (["CRAM-MD5"], [504]),
    ],
)
def test_each_step_of_a_login_is_answered(submission: Running, words: list[str], codes: list[int]) -> None:
    with encrypted(submission) as client:
        assert client.esmtp_features["auth"].split() == ["PLAIN", "LOGIN"]
        answers = [client.docmd("AUTH", words[0])[0], *(client.docmd(word)[0] for word in words[1:])]
        assert answers == codes
        assert client.noop()[0] == 250


def test_a_client_that_never_shakes_hands_does_not_hold_up_the_end(submission: Running) -> None:
    with socket.create_connection(("127.0.0.1", submission.tls_port), 10) as client:
        with smtplib.SMTP_SSL("127.0.0.1", submission.tls_port, context=submission.site.client_tls, timeout=10) as other:
            other.noop()
        started = time.monotonic()
        submission.stop()
        assert time.monotonic() - started < 5
        client.settimeout(5)
        assert client.recv(100) == b""


def test_clear_text_on_the_tls_port_is_the_end(submission: Running) -> None:
    with socket.create_connection(("127.0.0.1", submission.tls_port), 10) as client:
        client.sendall(b"EHLO client.world.test\r\n")
        assert b"220" not in client.makefile("rb").read()


def test_a_renewed_certificate_is_used_for_the_next_handshake(submission: Running) -> None:
    root = submission.site.root
    authority = trustme.CA()
    renewed = authority.issue_cert("localhost")
    renewed.private_key_pem.write_to_path(root / "key.pem")
    (root / "cert.pem").write_bytes(renewed.cert_chain_pems[0].bytes())
    trusting = ssl.create_default_context()
    authority.configure_trust(trusting)
    with smtplib.SMTP_SSL("localhost", submission.tls_port, context=trusting, timeout=10) as client:
        assert client.noop()[0] == 250
    with smtplib.SMTP("localhost", submission.port, timeout=10) as client:
        client.starttls(context=trusting)
        assert client.ehlo()[0] == 250
