"""How soon a client in IDLE is told of a new message. Words: imap, user, password, count, and ``mx``, the server that mail is sent to; empty: APPEND.

Prints the seconds of each: from the end of the message sent, by APPEND of another session or by SMTP, to EXISTS.
"""

import json
import select
import smtplib
import sys
import time
from collections.abc import Callable

from tests.bench.tools.corpus import Corpus
from tests.bench.tools.wire import SECONDS, Imap

words = json.loads(sys.argv[1])


def appender() -> Callable[[bytes], float]:
    session = Imap(words["imap"], words["user"], words["password"])

    def bring(message: bytes) -> float:
        tag = session.send(b"APPEND INBOX {%d+}\r\n%b" % (len(message), message))
        began = time.perf_counter()
        waiting.append(lambda: session.finish(tag))
        return began

    return bring


def sender() -> Callable[[bytes], float]:
    smtp = smtplib.SMTP(words["mx"], 25, "client.test", SECONDS)
    smtp.ehlo()

    def bring(message: bytes) -> float:
        smtp.mail("carol@world.test")
        smtp.rcpt(words["user"])
        smtp.docmd("DATA")
        smtp.send(message + b".\r\n")
        began = time.perf_counter()
        waiting.append(smtp.getreply)
        return began

    return bring


waiting: list[Callable[[], object]] = []
"""Replies to be read once the client in IDLE is told."""
client = Imap(words["imap"], words["user"], words["password"])
client.command(b"SELECT INBOX")
client.idle()
bring = sender() if words["mx"] else appender()
seconds = []
for _, message in zip(range(words["count"]), Corpus(7).messages(), strict=False):
    client.news()
    began = bring(message)
    told = b""
    while b" EXISTS" not in told:
        if not select.select([client.socket], [], [], 30)[0]:
            raise TimeoutError("the client in IDLE was not told")
        told += client.news()
    seconds.append(time.perf_counter() - began)
    waiting.pop()()
print(json.dumps({"seconds": seconds}))
