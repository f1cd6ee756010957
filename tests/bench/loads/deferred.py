"""A queue of mail that cannot go out: what it costs to have, to start with, to list, to send at last, and what it does to other mail."""

import json
import statistics
import time
from collections.abc import Callable, Mapping
from datetime import datetime

from tests.bench.loads.mail import carry, empty_mailboxes, relay
from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import Stack
from tests.bench.tools.relay import taken_of

SIZE_BYTES = 4096
DESTINATIONS = 10
FLUSHED = 10_000
"""Messages that are waited for when the queue is flushed: a large one takes some peers half an hour."""
SECONDS = 1800.0
STARTS = 3
"""Of the same queue, whose median is the figure: a queue costs more to fill than to start with."""
NEW = {"sessions": 20, "messages": 1000, "size_bytes": SIZE_BYTES}
"""Mail for mailboxes, beside the queue."""


FIGURES = [
    Figure("start", "s", Better.LOWER, "deferred_start"),
    Figure("memory", "MB", Better.LOWER, "deferred_memory"),
    Figure("list", "s", Better.LOWER, "deferred_list"),
    Figure("flush", "messages/s", Better.HIGHER, "deferred_flush"),
    Figure("new mail", "mailboxes/s", Better.HIGHER, "deferred_new_mail"),
]


def _load(count: int) -> Load:
    def measure(stack: Stack) -> Mapping[str, float]:
        _fill(stack, count)
        values = {
            "new mail": NEW["messages"] / carry(stack, **NEW).delivering_seconds,
            "list": _list_seconds(stack),
            "start": _start_seconds(stack),
            "memory": sum(stack.memory_bytes().values()) / 1e6,
        }
        sent = min(taken_of(count), FLUSHED)
        return {**values, "flush": sent / _flush_seconds(stack, sent)}

    return Load(f"deferred/{count}", FIGURES, measure, clear=empty_mailboxes, rounds=1 if count > 1_000 else None, size=count)


def _start_load(count: int) -> Load:
    """The start alone; the mail stays in the queue."""

    def measure(stack: Stack) -> Mapping[str, float]:
        _fill(stack, count)
        return {"start": _start_seconds(stack)}

    return Load(f"deferred/{count}", FIGURES[:1], measure, clear=empty_mailboxes, rounds=1, size=count)


def _fill(stack: Stack, count: int) -> None:
    """Mail for a server that is down, until all of it waits."""
    words = {"sink": "dead", "domain": "dead.test", "destinations": DESTINATIONS, "waits": False}
    relay(stack, **words, sessions=20, messages=count, size_bytes=SIZE_BYTES)
    _wait(lambda: _waiting(stack) >= count, "not all is deferred")


def _waiting(stack: Stack) -> int:
    return int(stack.shell(stack.parts.queue, f"find {stack.operator.deferred} -type f | wc -l"))


def _wait(condition: Callable[[], bool], otherwise: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(otherwise)
        time.sleep(0.5)


def _list_seconds(stack: Stack) -> float:
    return stack.seconds(stack.operator.service, stack.operator.list_queue)


def _start_seconds(stack: Stack) -> float:
    return statistics.median(_one_start(stack) for _ in range(STARTS))


def _one_start(stack: Stack) -> float:
    """From the start of the program that owns the queue to a new message in its mailbox."""
    container = stack.project.container(stack.parts.queue)
    container.stop(timeout=30)
    probe = stack.follow("probe", ready="ready", server=stack.parts.mx)
    container.start()
    delivered = float(json.loads(next(probe))["delivered"])
    container.reload()
    return delivered - _timestamp(container.attrs["State"]["StartedAt"])


def _timestamp(text: str) -> float:
    """Docker's times have nine digits below the second, of which Python takes six."""
    return datetime.fromisoformat(f"{text[:26].rstrip('Z')}+00:00").timestamp()


def _flush_seconds(stack: Stack, count: int) -> float:
    """From the operator's word, once the server is back, until it has so many messages."""
    dead = stack.project.container("dead")
    try:
        stack.shell("dead", "python3 -m tests.bench.tools.sink 0 >/dev/null 2>&1 & sleep 1")
        began = time.time()
        stack.shell(stack.operator.service, stack.operator.flush_queue)
        return float(stack.tool("taken", sink="dead", count=count)["last"]) - began
    finally:
        dead.restart(timeout=1)


LOADS = [_load(count) for count in (1_000, 10_000, 100_000)]
QUICK = [_start_load(1_000)]
