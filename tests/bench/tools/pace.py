"""Send at a steady mean rate (arrivals by chance, as a Poisson process), each message over a connection of its own.

Words: server, rate (messages a second), seconds, size_bytes. Prints the 50th and the 99th percentile of the time from when a message was due to
when it was in its mailbox, in seconds: a sender that is held up makes no message look faster.
"""

import asyncio
import json
import random
import sys
import time

from tests.bench.tools.maildirs import Deliveries, delivered_at

MARK = b"X-Bench: "
MAILBOXES = 20
BODY_LINE = b"x" * 76 + b"\r\n"


async def send(server: str, number: int, size_bytes: int) -> None:
    reader, writer = await asyncio.open_connection(server, 25)

    async def say(words: bytes, code: bytes) -> None:
        if words:
            writer.write(words + b"\r\n")
        while True:
            line = await reader.readline()
            if line[3:4] != b"-":
                break
        if not line.startswith(code):
            raise ConnectionError(f"{words[:40]!r} was answered {line!r}")

    await say(b"", b"220")
    await say(b"EHLO client.world.test", b"250")
    await say(b"MAIL FROM:<carol@world.test>", b"250")
    await say(b"RCPT TO:<bench%d@example.test>" % (number % MAILBOXES), b"250")
    await say(b"DATA", b"354")
    header = b"From: <carol@world.test>\r\nSubject: pace\r\n%s%d\r\n\r\n" % (MARK, number)
    await say(header + BODY_LINE * (size_bytes // len(BODY_LINE)) + b".", b"250")
    await say(b"QUIT", b"221")
    writer.close()


async def send_all(server: str, rate: float, seconds: float, size_bytes: int) -> list[float]:
    """When each message was due, seconds since the epoch."""
    chance = random.Random(1)
    due, dues = time.time() + 0.1, []
    async with asyncio.TaskGroup() as tasks:
        for number in range(max(20, round(rate * seconds))):
            due += chance.expovariate(rate)
            dues.append(due)
            await asyncio.sleep(due - time.time())
            tasks.create_task(send(server, number, size_bytes))
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
