"""Open connections and keep them until the file /tmp/release is there. Words: protocol (smtp or imap), server, count, password.

Says when all are open, and when all are closed.
"""

import contextlib
import imaplib
import json
import os
import smtplib
import sys
import time
from contextlib import AbstractContextManager

from tests.bench.tools.login import context

RELEASE = "/tmp/release"
SECONDS = 120.0


def smtp(server: str, _password: str) -> AbstractContextManager[object]:
    client = smtplib.SMTP(server, 25, "client.world.test", 60)
    client.ehlo()
    return client


def imap(server: str, password: str) -> AbstractContextManager[object]:
    client = imaplib.IMAP4_SSL(server, 993, ssl_context=context(), timeout=60)
    client.login("bench1@example.test", password)
    client.select("INBOX")
    return client


def main(protocol: str, server: str, count: int, password: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(RELEASE)
    with contextlib.ExitStack() as opened:
        for _ in range(count):
            opened.enter_context({"smtp": smtp, "imap": imap}[protocol](server, password))
        print("held", flush=True)
        deadline = time.monotonic() + SECONDS
        while not os.path.exists(RELEASE) and time.monotonic() < deadline:
            time.sleep(0.05)
    print("released", flush=True)


main(**json.loads(sys.argv[1]))
