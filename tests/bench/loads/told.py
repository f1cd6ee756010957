"""IDLE: how soon clients are told of new mail, and what it costs to have many of them."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from tests.bench.mailboxes import add_users
from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import ANSWER_SECONDS, PASSWORD, Stack

MESSAGES, QUICK_MESSAGES = 50, 10
USERS = [f"idle{number}@example.test" for number in range(1, 51)]
SESSIONS = 10
"""For each user."""
WAKES = 5


def _latency(stack: Stack, user: str, mx: str, messages: int = MESSAGES) -> Mapping[str, float]:
    told = stack.tool("idle", imap=stack.parts.imap, mx=mx, user=user, password=PASSWORD, count=messages)
    ordered = sorted(1000 * seconds for seconds in told["seconds"])
    return {"median": statistics.median(ordered), "slowest": ordered[-1]}


def _by_append(messages: int) -> Load:
    def measure(stack: Stack) -> Mapping[str, float]:
        return _latency(stack, "append@example.test", "", messages)

    return Load("imap/idle/append", _figures("idle_latency"), measure, prepare=_adding("append@example.test"))


def _by_smtp(stack: Stack) -> Mapping[str, float]:
    return _latency(stack, "mail@example.test", stack.parts.mx)


def _many(stack: Stack) -> Mapping[str, float]:
    """Memory and CPU are the IMAP server's."""
    imap, clients = stack.parts.imap, len(USERS) * SESSIONS
    empty = stack.memory_bytes()[imap]
    with stack.converse("crowd", ANSWER_SECONDS, imap=imap, mx=stack.parts.mx, users=USERS, sessions=SESSIONS, password=PASSWORD) as crowd:
        crowd.ask("enter")
        memory = stack.memory_bytes()[imap] - empty
        crowd.ask("wake")
        cpu = stack.cpu_seconds_of(imap)
        told = [crowd.ask("wake") for _ in range(WAKES)]
        cpu = stack.cpu_seconds_of(imap) - cpu
    return {
        "first told": 1000 * statistics.median(one["first"] for one in told),
        "last told": 1000 * statistics.median(one["last"] for one in told),
        "memory": memory / 2**10 / clients,
        "cpu": 1000 * cpu / (WAKES * clients),
    }


def _adding(*users: str) -> Callable[[Sequence[Stack]], None]:
    def prepare(stacks: Sequence[Stack]) -> None:
        for stack in stacks:
            add_users(stack, users)

    return prepare


def _figures(headline: str) -> list[Figure]:
    return [Figure("median", "ms", Better.LOWER, headline), Figure("slowest", "ms", Better.LOWER)]


LOADS = [
    _by_append(MESSAGES),
    Load("imap/idle/smtp", _figures("idle_mail_latency"), _by_smtp, prepare=_adding("mail@example.test")),
    Load(
        f"imap/idle/{len(USERS) * SESSIONS}",
        [
            Figure("last told", "ms", Better.LOWER, "idle_500"),
            Figure("first told", "ms", Better.LOWER),
            Figure("memory", "KiB/session", Better.LOWER, "imap_idle_memory"),
            Figure("cpu", "ms/session", Better.LOWER, "imap_idle_cpu"),
        ],
        _many,
        prepare=_adding(*USERS),
    ),
]
QUICK = [_by_append(QUICK_MESSAGES)]
