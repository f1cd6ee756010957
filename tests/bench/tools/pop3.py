"""Fetch a whole mailbox by POP3, a message after the other. Words: server, user, password, messages. Prints seconds without sign-in, and bytes."""

import json
import sys
import time

from tests.bench.tools.wire import Pop3

words = json.loads(sys.argv[1])
session = Pop3(words["server"], words["user"], words["password"])
start = time.perf_counter()
size = sum(session.command(b"RETR %d" % number, b"\r\n.\r\n").size for number in range(1, words["messages"] + 1))
seconds = time.perf_counter() - start
session.command(b"QUIT")
print(json.dumps({"seconds": seconds, "size": size}))
