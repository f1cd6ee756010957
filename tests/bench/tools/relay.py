"""Send mail on to other servers. Words: ``sink`` (the server), ``domain`` with so many ``destinations`` below, the rest as ``source.Send``.

Prints when it began, was accepted, and when the sink had taken what ``taken_of`` says; with ``waits`` false there is no sink to wait for.
"""

import json
import socket
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.bench.tools.source import Send, send

PARALLEL = 10
SECONDS = 600.0
POLL_SECONDS = 0.1


def taken_of(messages: int) -> int:
    """Those that are waited for: what meets a late answer of the name server is tried again after minutes by some peers, and says nothing."""
    return messages - messages // 100


def taken(sink: str) -> Any:
    with socket.create_connection((sink, 2500), 30) as connection:
        return json.loads(connection.makefile().read())


def wait(sink: str, count: int) -> float:
    """When the sink had taken so many messages in all. Raises ``TimeoutError``."""
    deadline = time.monotonic() + SECONDS
    while (now := taken(sink))["count"] < count:
        if time.monotonic() > deadline:
            raise TimeoutError(f"{sink} has {now['count']} of {count} messages")
        time.sleep(POLL_SECONDS)
    return float(now["last"])


def parts(words: dict[str, Any], domain: str, destinations: int) -> list[Send]:
    """One destination takes all sessions; of many each has a process of its own, and ``PARALLEL`` run at a time."""
    if destinations == 1:
        return [Send(domain=f"one.{domain}", **words)]
    share = {**words, "messages": words["messages"] // destinations, "sessions": max(1, words["sessions"] // PARALLEL)}
    return [Send(domain=f"d{number}.{domain}", **share) for number in range(destinations)]


def main(sink: str, domain: str, destinations: int = 1, waits: bool = True, **words: Any) -> None:
    before = taken(sink)["count"] if waits else 0
    began = time.time()
    with ThreadPoolExecutor(PARALLEL) as pool:
        list(pool.map(send, parts(words, domain, destinations)))
    accepted = time.time()
    delivered = wait(sink, before + taken_of(words["messages"])) if waits else accepted
    print(json.dumps({"began": began, "accepted": accepted, "delivered": delivered}))


if __name__ == "__main__":
    main(**json.loads(sys.argv[1]))
