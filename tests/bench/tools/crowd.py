"""Many clients in IDLE. Words: imap, mx, users, sessions (for each user), password, seconds (that a
server may say nothing).

At the first line it reads it signs all in; at each other, a number, it sends one message to so many of the users and prints the seconds from its end
to the first and to the last of their clients told.
"""

import itertools
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


def deliver(message: bytes, users: list[str]) -> float:
    """When the message's end was sent."""
    with smtplib.SMTP(words["mx"], 25, "client.test", words["seconds"]) as smtp:
        smtp.ehlo()
        smtp.mail("carol@world.test")
        for user in users:
            smtp.rcpt(user)
        smtp.docmd("DATA")
        smtp.send(message + b".\r\n")
        ended = time.perf_counter()
        smtp.getreply()
    return ended


def tell(message: bytes, users: list[str]) -> dict[str, float]:
    missing = {client for user in users for client in clients[user]}
    ended = deliver(message, users)
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
clients = {user: [enter(user) for _ in range(words["sessions"])] for user in words["users"]}
poll = selectors.DefaultSelector()
for client in itertools.chain(*clients.values()):
    poll.register(client.socket, selectors.EVENT_READ, client)
print(json.dumps({"seconds": time.perf_counter() - start}), flush=True)
messages = Corpus(7).messages()
for line in sys.stdin:
    print(json.dumps(tell(next(messages), words["users"][: int(line)])), flush=True)
