"""Mailboxes full of mail, the same on every stack."""

import time
from collections.abc import Iterator, Sequence
from itertools import count
from typing import NamedTuple

from tests.bench.kinds import OURS
from tests.bench.stacks import ANSWER_SECONDS, PASSWORD, Stack, add_accounts

SIZES = (1_000, 5_000, 100_000)
TYPICAL = 5_000
"""Whose figures stand for their kind."""
FIRST = ("open", "flags", "envelope", "bodystructure", "bodies", "search_found", "search_absent")
"""What mail programs do with a mailbox, in this order. SELECT is the first time they see it."""

REST_SECONDS = 120.0
LOOK_SECONDS = 2.0
BUSY = 0.02
"""Of a core; ours takes 0.003 for its health checks."""

_numbers = count(1)
_latest: dict[tuple[str, int], str] = {}


class Taken(NamedTuple):
    """What one command took: milliseconds at the client, and of the IMAP server's CPU."""

    name: str
    time_ms: float
    cpu_ms: float


def add_users(stack: Stack, addresses: Sequence[str]) -> None:
    """The peers take any user of example.test."""
    if stack.name == OURS:
        add_accounts(stack, addresses)


def fresh(stack: Stack, messages: int) -> str:
    """A new user with that many messages, which the servers have not seen yet."""
    local = f"{messages}box{next(_numbers)}"
    add_users(stack, [f"{local}@example.test"])
    # line ends as the stack's own delivery writes them
    stack.tool("corpus", maildir=f"/mail/example.test/{local}/Maildir", messages=messages, seed=messages, crlf=stack.name == OURS)
    _latest[stack.project.name, messages] = f"{local}@example.test"
    return f"{local}@example.test"


def warm(stack: Stack, messages: int) -> str:
    """A user with that many messages, in which all of ``FIRST`` was done before."""
    user = _latest.get((stack.project.name, messages))
    if user is None:
        user = fresh(stack, messages)
        list(work(stack, user, messages, FIRST))
    return user


def rest(stack: Stack) -> None:
    """Return when the IMAP server has nothing more to do of its own accord, such as to catalogue what was moved in, or after ``REST_SECONDS``."""
    deadline = time.monotonic() + REST_SECONDS
    is_busy = True
    while is_busy and time.monotonic() < deadline:
        before = stack.cpu_seconds_of(stack.parts.imap)
        time.sleep(LOOK_SECONDS)
        is_busy = stack.cpu_seconds_of(stack.parts.imap) - before > BUSY * LOOK_SECONDS


def work(stack: Stack, user: str, messages: int, names: Sequence[str]) -> Iterator[Taken]:
    """Do works of ``tools.imap``, each in a session of its own."""
    patience = ANSWER_SECONDS + messages / 100
    with stack.converse("imap", patience, server=stack.parts.imap, user=user, password=PASSWORD, messages=messages) as client:
        for name in names:
            client.ask(name)
            before = stack.cpu_seconds_of(stack.parts.imap)
            spent = client.ask(name)
            cpu = stack.cpu_seconds_of(stack.parts.imap) - before
            yield Taken(name, 1000 * spent["seconds"] / spent["commands"], 1000 * cpu / spent["commands"])
