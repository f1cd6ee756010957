"""POP3: a whole mailbox fetched, a message after the other, each waited for."""

from collections.abc import Mapping, Sequence

from tests.bench.mailboxes import TYPICAL, warm
from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import PASSWORD, Stack


def _retr(stack: Stack) -> Mapping[str, float]:
    before = stack.cpu_seconds_of(stack.parts.pop3)
    spent = stack.tool("pop3", server=stack.parts.pop3, user=warm(stack, TYPICAL), password=PASSWORD, messages=TYPICAL)
    cpu = stack.cpu_seconds_of(stack.parts.pop3) - before
    return {"time": 1000 * spent["seconds"] / TYPICAL, "cpu": 1000 * cpu / TYPICAL}


def _prepare(stacks: Sequence[Stack]) -> None:
    for stack in stacks:
        _retr(stack)


LOADS = [
    Load(
        f"pop3/retr/{TYPICAL}",
        [Figure("time", "ms/message", Better.LOWER, "pop3_retr"), Figure("cpu", "ms/message", Better.LOWER)],
        _retr,
        prepare=_prepare,
    )
]
