"""IDLE: how soon clients are told of new mail, and what it costs to have many of them."""

import statistics
from collections.abc import Callable, Mapping, Sequence

from tests.bench.mailboxes import add_users
from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import ANSWER_SECONDS, PASSWORD, Conversation, Stack

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
        one = _told(crowd, 1)
        crowd.ask(f"{len(USERS)}")
        cpu = stack.cpu_seconds_of(imap)
        everyone = _told(crowd, len(USERS))
        cpu = stack.cpu_seconds_of(imap) - cpu
    return {
        "one user told": 1000 * max(told["last"] for told in one),
        "first told": 1000 * statistics.median(told["first"] for told in everyone),
        "last told": 1000 * statistics.median(told["last"] for told in everyone),
        "memory": memory / 2**10 / clients,
        "cpu": 1000 * cpu / (WAKES * clients),
    }


def _told(crowd: Conversation, users: int) -> Sequence[Mapping[str, float]]:
    """A message for so many users, some times over: the seconds until the first and the last of their clients was told."""
    return [crowd.ask(f"{users}") for _ in range(WAKES)]


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
            Figure("one user told", "ms", Better.LOWER),
            Figure("memory", "KiB/session", Better.LOWER, "imap_idle_memory"),
            Figure("cpu", "ms/session", Better.LOWER, "imap_idle_cpu"),
        ],
        _many,
        prepare=_adding(*USERS),
    ),
]
QUICK = [_by_append(QUICK_MESSAGES)]
