"""Send at a steady mean rate (arrivals by chance, as a Poisson process), each message over a connection of its own.

Words: server, rate (messages a second), seconds, size_bytes. Prints the 50th and the 99th percentile of the time from when a message was due to
when it was in its mailbox, in seconds: a sender that is held up makes no message look faster.
"""

import asyncio
import json
import random
import sys
import time

from tests.bench.tools.client import send
from tests.bench.tools.maildirs import Deliveries, delivered_at

MARK = b"X-Bench: "
MAILBOXES = 20


async def send_all(server: str, rate: float, seconds: float, size_bytes: int) -> list[float]:
    """When each message was due, seconds since the epoch."""
    chance = random.Random(1)
    due, dues = time.time() + 0.1, []
    async with asyncio.TaskGroup() as tasks:
        for number in range(max(20, round(rate * seconds))):
            due += chance.expovariate(rate)
            dues.append(due)
            await asyncio.sleep(due - time.time())
            tasks.create_task(send(server, [number % MAILBOXES], size_bytes, MARK + b"%d\r\n" % number))
    return dues


def number_of(path: str) -> int:
    with open(path, "rb") as file:
        head = file.read(4096)
    return int(head.partition(MARK)[2].split(None, 1)[0])


def main(server: str, rate: float, seconds: float, size_bytes: int) -> None:
    deliveries = Deliveries()
    dues = asyncio.run(send_all(server, rate, seconds, size_bytes))
    late = sorted(delivered_at(path) - dues[number_of(path)] for path in deliveries.wait(len(dues)))
    print(json.dumps({"p50": late[len(late) // 2], "p99": late[len(late) * 99 // 100]}))


main(**json.loads(sys.argv[1]))
