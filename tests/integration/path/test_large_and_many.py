"""A 40 MB message byte for byte, many sessions at once, and the tricks of SMTP smuggling."""

import os
import smtplib
import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from malleposte_lab import history
from malleposte_lab.site import Site
from tests.integration.conftest import PASSWORD

SENDER = "carol@world.test"
SESSIONS = 200


def test_forty_megabytes_arrive_byte_for_byte(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    line = b"\x80\xff\xc3\xa9 " + os.urandom(700).replace(b"\r", b"x").replace(b"\n", b"y") + b"\r\n"
    sent = history.message(key, SENDER, [alice], b"" + (b".dot\r\n" + line) * 55_000)
    with site.mx() as client:
        client.sendmail(SENDER, [alice], sent, mail_options=["BODY=8BITMIME"])
    site.events.wait(kind="stored", recipient=alice, deadline_seconds=60)
    (raw,) = site.messages(alice, PASSWORD)
    assert raw.endswith(sent) and raw[: -len(sent)].startswith(b"Return-Path: ")


def test_two_hundred_sessions_at_once_are_all_served(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    workload = history.Workload()
    clients = list(ThreadPoolExecutor(20).map(lambda _: site.mx(), range(SESSIONS)))
    for number, client in enumerate(clients):
        assert workload.send(client, SENDER, [alice], f"{key}-{number}")
    for client in clients:
        client.quit()
    site.events.wait_until(lambda: len(site.events.matching(kind="stored", recipient=alice)) == SESSIONS, "not all are stored", 60)
    assert history.check(workload, {alice: site.messages(alice, PASSWORD)}).lost == []


@pytest.mark.parametrize("ending", [b"\n.\n", b"\r.\r", b"\r\n.\n", b"\n.\r\n", b"\r\n.\r", b"\r.\r\n"])
def test_only_a_true_end_ends_the_content(site: Site, account: Callable[..., str], ending: bytes) -> None:
    alice = account("alice")
    second = b"MAIL FROM:<evil@world.test>\r\nRCPT TO:<%b>\r\nDATA\r\nSubject: smuggled\r\n\r\nx\r\n.\r\n" % alice.encode()
    with socket.create_connection((site.host, site.ports["MX"]), 30) as peer:
        lines = peer.makefile("rb")
        lines.readline()
        for command in (b"HELO client.world.test", b"MAIL FROM:<carol@world.test>", b"RCPT TO:<%b>" % alice.encode(), b"DATA"):
            peer.sendall(command + b"\r\n")
            lines.readline()
        peer.sendall(b"Subject: first\r\n\r\nhello" + ending + second + b"QUIT\r\n")
        assert lines.readline().startswith(b"550 5.5.2")
    assert site.messages(alice, PASSWORD) == []


def test_half_closed_client_cannot_cancel_a_commit(site: Site, account: Callable[..., str], key: str) -> None:
    alice = account("alice")
    with socket.create_connection((site.host, site.ports["MX"]), 30) as peer:
        lines = peer.makefile("rb")
        dialogue = f"HELO client.world.test\r\nMAIL FROM:<{SENDER}>\r\nRCPT TO:<{alice}>\r\nDATA\r\n".encode()
        lines.readline()
        peer.sendall(dialogue)
        assert [lines.readline()[:3] for _ in range(4)] == [b"250", b"250", b"250", b"354"]
        peer.sendall(history.message(key, SENDER, [alice], b"hello\r\n") + b".\r\n")
        peer.shutdown(socket.SHUT_WR)
        assert lines.readline().startswith(b"250 2.0.0")
    site.events.wait(kind="stored", recipient=alice)


def test_what_follows_starttls_in_clear_text_is_not_heard(site: Site) -> None:
    client = smtplib.SMTP(site.host, site.ports["MX"], timeout=30)
    client.ehlo()
    assert client.sock is not None
    client.sock.sendall(b"STARTTLS\r\nMAIL FROM:<injected@world.test>\r\n")
    assert client.getreply()[0] == 220
    client.sock = site.tls.wrap_socket(client.sock)
    client.file = None
    client.ehlo()
    code, _ = client.rcpt("postmaster@example.test")
    assert code == 503
