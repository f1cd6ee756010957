"""IMAP on a whole mailbox: ``first`` in one that was just moved in, ``again`` with all caches filled; and signing in."""

from collections.abc import Callable, Mapping, Sequence

from tests.bench.mailboxes import FIRST, SIZES, TYPICAL, fresh, rest, warm, work
from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import PASSWORD, Stack

AGAIN = ("select", "flags", "envelope", "bodystructure", "bodies", "search_found", "search_absent", "store", "store_one", "append")
HEADLINES = {"search_found": "imap_search"}
"""Where it is not the name of the work."""
LONG = 100_000
"""A round takes minutes."""
LOGINS = 400
SESSIONS = 4


def _first(messages: int) -> Load:
    headlines = {"open": "imap_first_open"} if messages == TYPICAL else {}
    return _load("first", messages, FIRST, headlines, fresh)


def _again(messages: int, is_typical: bool) -> Load:
    headlines = {name: HEADLINES.get(name, f"imap_{name}") for name in AGAIN} if is_typical else {}

    def prepare(stacks: Sequence[Stack]) -> None:
        for stack in stacks:
            list(work(stack, warm(stack, messages), messages, ["append"]))
            rest(stack)

    return _load("again", messages, AGAIN, headlines, warm, prepare)


def _load(
    name: str,
    messages: int,
    works: Sequence[str],
    headlines: Mapping[str, str],
    mailbox: Callable[[Stack, int], str],
    prepare: Callable[[Sequence[Stack]], None] | None = None,
) -> Load:
    """Time and the IMAP server's CPU for one command of each work."""

    def measure(stack: Stack) -> Mapping[str, float]:
        values = {}
        for taken in work(stack, mailbox(stack, messages), messages, works):
            values[taken.name] = taken.time_ms
            values[f"{taken.name} cpu"] = taken.cpu_ms
        return values

    times = [Figure(one, "ms", Better.LOWER, headlines.get(one, "")) for one in works]
    cpu = [Figure(f"{one} cpu", "ms", Better.LOWER) for one in works]
    is_long = messages == LONG
    return Load(f"imap/{name}/{messages}", times + cpu, measure, prepare=prepare, rounds=1 if is_long else None, size=messages)


def _logins(stack: Stack) -> Mapping[str, float]:
    users = [f"bench{number}@example.test" for number in range(10)]
    before = stack.cpu_seconds_of(stack.parts.imap)
    spent = stack.tool("logins", server=stack.parts.imap, users=users, password=PASSWORD, sessions=SESSIONS, count=LOGINS)
    cpu = stack.cpu_seconds_of(stack.parts.imap) - before
    return {"rate": LOGINS / spent["seconds"], "cpu": 1000 * cpu / LOGINS}


LOADS = [
    *(load for messages in SIZES for load in (_first(messages), _again(messages, messages == TYPICAL))),
    Load("imap/logins", [Figure("rate", "logins/s", Better.HIGHER, "imap_logins"), Figure("cpu", "ms", Better.LOWER)], _logins),
]
QUICK = [_again(SIZES[0], is_typical=True)]
