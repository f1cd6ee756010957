"""Many clients in IDLE. Words: imap, mx, users, sessions (for each user), password, seconds (that a
server may say nothing).

At the first line it reads it signs all in; at each other it sends one message to all users and prints the seconds from its end to the first and to
the last client told.
"""

import json
import selectors
import smtplib
import sys
import time

from tests.bench.tools.corpus import Corpus
from tests.bench.tools.login import context
from tests.bench.tools.wire import Imap

words = json.loads(sys.argv[1])


def enter(user: str) -> Imap:
    client = Imap(words["imap"], user, words["password"], trusting, words["seconds"])
    client.command(b"SELECT INBOX")
    client.idle()
    return client


def deliver(message: bytes) -> float:
    """When the message's end was sent."""
    with smtplib.SMTP(words["mx"], 25, "client.test", words["seconds"]) as smtp:
        smtp.ehlo()
        smtp.mail("carol@world.test")
        for user in words["users"]:
            smtp.rcpt(user)
        smtp.docmd("DATA")
        smtp.send(message + b".\r\n")
        ended = time.perf_counter()
        smtp.getreply()
    return ended


def tell_all(message: bytes) -> dict[str, float]:
    missing = set(clients)
    ended = deliver(message)
    first = None
    while missing:
        ready = poll.select(60)
        if not ready:
            raise TimeoutError(f"{len(missing)} clients in IDLE were not told")
        for key, _ in ready:
            if b" EXISTS" in key.data.news():
                missing.discard(key.data)
                first = first or time.perf_counter() - ended
    return {"first": first or 0.0, "last": time.perf_counter() - ended}


trusting = context()
sys.stdin.readline()
start = time.perf_counter()
clients = [enter(user) for user in words["users"] for _ in range(words["sessions"])]
poll = selectors.DefaultSelector()
for client in clients:
    poll.register(client.socket, selectors.EVENT_READ, client)
print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
messages = Corpus(7).messages()
for _ in sys.stdin:
    print(json.dumps(tell_all(next(messages))), flush=True)
