"""What a stack takes while nobody uses it, and what each open connection adds. Our containers have health checks; the peers' have none."""

import time
from collections.abc import Mapping

from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import PASSWORD, Stack

CONNECTIONS = 80
"""Below Postfix's limit of 100 processes a service."""


def _idle(name: str, seconds: float, *headlines: str) -> Load:
    def measure(stack: Stack) -> Mapping[str, float]:
        before = sum(stack.cpu_seconds().values())
        time.sleep(seconds)
        taken = sum(stack.cpu_seconds().values()) - before
        return {"cpu": taken * 1000 / seconds, "memory": sum(stack.memory_bytes().values()) / 1e6}

    cpu, memory = headlines or ("", "")
    return Load(name, [Figure("cpu", "ms/s", Better.LOWER, cpu), Figure("memory", "MB", Better.LOWER, memory)], measure, rounds=1)


def connections(stack: Stack) -> Mapping[str, float]:
    return {
        "smtp": _held_kilobytes(stack, "smtp", stack.parts.mx),
        "imap": _held_kilobytes(stack, "imap", stack.parts.imap),
    }


def _held_kilobytes(stack: Stack, protocol: str, server: str) -> float:
    """Memory of each of many connections: after EHLO, or signed in with INBOX open."""
    before = sum(stack.memory_bytes().values())
    holding = stack.follow("hold", ready="held", protocol=protocol, server=server, count=CONNECTIONS, password=PASSWORD)
    held = sum(stack.memory_bytes().values())
    stack.shell("client", "touch /tmp/release")
    for _ in holding:
        pass
    return (held - before) / CONNECTIONS / 1e3


FRESH = [_idle("idle/fresh", 30, "idle_cpu", "idle_memory")]
"""Before any mail. The seconds are those of one round of our health checks."""
LOADS = [
    _idle("idle/used", 30),
    Load(
        "connections",
        [
            Figure("smtp", "KB/connection", Better.LOWER, "smtp_connection_memory"),
            Figure("imap", "KB/connection", Better.LOWER, "imap_connection_memory"),
        ],
        connections,
    ),
]
