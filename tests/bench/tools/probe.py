"""Send one message as soon as the server takes it. Word: server. Prints when it was delivered, seconds since the epoch."""

import contextlib
import json
import smtplib
import socket
import sys
import time

from tests.bench.tools import maildirs

POLL_SECONDS = 0.02
CONNECT_SECONDS = 0.1
"""A SYN that is lost while the server starts is sent again by us: the kernel would wait a second."""
SECONDS = 5.0


def send(server: str) -> None:
    with smtplib.SMTP(local_hostname="client.world.test") as client:
        client.sock = socket.create_connection((server, 25), CONNECT_SECONDS)
        client.sock.settimeout(SECONDS)
        client.getreply()
        client.sendmail("carol@world.test", "bench0@example.test", "Subject: probe\r\n\r\nprobe\r\n")


def main(server: str) -> None:
    deliveries = maildirs.Deliveries()
    print("ready", flush=True)
    deadline = time.monotonic() + maildirs.SECONDS
    is_sent = False
    while not is_sent and time.monotonic() < deadline:
        with contextlib.suppress(OSError, smtplib.SMTPException):
            send(server)
            is_sent = True
        time.sleep(POLL_SECONDS)
    (path,) = deliveries.wait(1, POLL_SECONDS)
    print(json.dumps({"delivered": maildirs.delivered_at(path)}))


main(**json.loads(sys.argv[1]))
