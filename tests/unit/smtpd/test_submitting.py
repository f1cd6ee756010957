"""Submission through a client that others wrote."""

import smtplib
import socket
import ssl
import time

import pytest
import trustme

from tests.unit.smtpd.site import PASSWORD, Running

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
