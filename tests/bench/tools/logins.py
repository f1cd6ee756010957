"""Sign in and out by IMAP, each time on a new connection, several at a time. Words: server, users, password, sessions, count. Prints seconds."""

import json
import sys
import time
from concurrent.futures import ThreadPoolExecutor

from tests.bench.tools.login import context
from tests.bench.tools.wire import Imap

words = json.loads(sys.argv[1])
trusting = context()


def sign_in(number: int) -> None:
    session = Imap(words["server"], words["users"][number % len(words["users"])], words["password"], trusting)
    session.command(b"LOGOUT")
    session.close()


with ThreadPoolExecutor(words["sessions"]) as threads:
    start = time.perf_counter()
    list(threads.map(sign_in, range(words["count"])))
    print(json.dumps({"seconds": time.perf_counter() - start}))
