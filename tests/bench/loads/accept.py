"""Taking mail: connections of Postfix's smtp-source, until the last ``250``. Mail is delivered meanwhile, as on any site."""

from collections.abc import Mapping

from tests.bench.kinds import FRONTS, OURS, PEER
from tests.bench.loads.mail import carry, empty_mailboxes
from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import Stack

SIZES = {"1KB": (1_000, 2000), "4KB": (4_000, 2000), "50KB": (50_000, 500), "1MB": (1_000_000, 100), "20MB": (20_000_000, 10)}
"""Name -> bytes, messages."""
TYPICAL = "accept/4KB/10/new"
MANY = 100
"""Sessions of which OpenSMTPD forgets one now and then, and smtp-source waits for it for ever: it is left out there."""


def _load(size: str, sessions: int, is_reused: bool, count: int) -> Load:
    size_bytes, _ = SIZES[size]
    name = f"accept/{size}/{sessions}/{'reused' if is_reused else 'new'}"
    figure = Figure("rate", "messages/s", Better.HIGHER, "accept" if name == TYPICAL else "")

    def measure(stack: Stack) -> Mapping[str, float]:
        sent = carry(stack, sessions=sessions, messages=count, size_bytes=size_bytes, reuse=is_reused, weighs=False)
        return {"rate": count / sent.accepting_seconds}

    return Load(name, [figure], measure, FRONTS if sessions < MANY else (OURS, PEER), clear=empty_mailboxes)


LOADS = [
    _load(size, sessions, is_reused, count)
    for size, (_, count) in SIZES.items()
    for sessions in (1, 10, MANY)
    for is_reused in (False, True)
    if sessions <= count and (sessions < count or not is_reused)
]
QUICK = [_load("4KB", 10, False, 2000)]
