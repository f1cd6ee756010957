"""Mail that goes through a stack: what the loads have in common."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from tests.bench.stacks import MAILBOXES, PASSWORD, Stack


@dataclass(frozen=True, slots=True)
class Sent:
    """What one call of smtp-source took; ``delivering`` until the last message was in its mailbox or with the next server."""

    accepting_seconds: float
    delivering_seconds: float
    cpu_seconds: dict[str, float]
    """By service; empty where it was not weighed."""


def carry(stack: Stack, **words: Any) -> Sent:
    """Send into mailboxes; words as in ``tools.carry``, and ``weighs``: whether to take the CPU, which costs a second on old engines."""
    return _weighed(stack, "carry", **words)


def relay(stack: Stack, **words: Any) -> Sent:
    """Send to other servers; words as in ``tools.relay``."""
    return _weighed(stack, "relay", **words)


def _weighed(stack: Stack, tool: str, *, weighs: bool = True, **words: Any) -> Sent:
    before = stack.cpu_seconds() if weighs else {}
    times = stack.tool(tool, server=stack.parts.mx, **words)
    cpu = {service: seconds - before[service] for service, seconds in stack.cpu_seconds().items()} if weighs else {}
    return Sent(times["accepted"] - times["began"], times["delivered"] - times["began"], cpu)


def empty_mailboxes(stacks: Sequence[Stack]) -> None:
    """Have all users delete their mail."""
    for stack in stacks:
        stack.tool("empty", server=stack.parts.imap, users=MAILBOXES, password=PASSWORD)
