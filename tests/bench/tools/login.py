"""Sign in to submission again and again over new connections. Words: server, password, processes, threads (of each), seconds.

Prints how many a second.
"""

import functools
import json
import multiprocessing
import smtplib
import ssl
import sys
import threading
import time
from typing import Any


@functools.cache
def context() -> ssl.SSLContext:
    """Of a client that trusts anyone."""
    made = ssl.create_default_context()
    made.check_hostname = False
    made.verify_mode = ssl.CERT_NONE
    return made


def repeat(words: dict[str, Any], until: float, counts: list[int]) -> None:
    trusting, count = context(), 0
    while time.monotonic() < until:
        with smtplib.SMTP_SSL(words["server"], 465, "client.world.test", timeout=30, context=trusting) as client:
            client.login("bench0@example.test", words["password"])
        count += 1
    counts.append(count)


def work(words: dict[str, Any]) -> int:
    until = time.monotonic() + words["seconds"]
    counts: list[int] = []
    threads = [threading.Thread(target=repeat, args=(words, until, counts)) for _ in range(words["threads"])]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(counts) < len(threads):
        raise RuntimeError("some could not sign in")
    return sum(counts)


if __name__ == "__main__":
    wanted = json.loads(sys.argv[1])
    with multiprocessing.Pool(wanted["processes"]) as pool:
        began = time.monotonic()
        done = pool.map(work, [wanted] * wanted["processes"])
        elapsed = time.monotonic() - began  # the last ones end after their time
    print(json.dumps({"rate": sum(done) / elapsed}))
