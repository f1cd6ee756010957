"""Taking mail: connections of Postfix's smtp-source, until the last ``250``."""

from collections.abc import Mapping

from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import Stack

SIZES = {"1KB": (1_000, 3000), "4KB": (4_000, 3000), "50KB": (50_000, 1000), "1MB": (1_000_000, 60), "20MB": (20_000_000, 4)}
"""Name -> bytes, messages."""


def _load(size: str, sessions: int, is_reused: bool) -> Load:
    size_bytes, count = SIZES[size]
    is_typical = size == "4KB" and sessions == 10 and not is_reused

    def measure(stack: Stack) -> Mapping[str, float]:
        sent = stack.tool(
            "carry", server=stack.parts.mx, sessions=sessions, messages=count, size_bytes=size_bytes, reuse=is_reused, domain="example.test"
        )
        return {"rate": count / (sent["accepted"] - sent["began"])}

    name = f"accept/{size}/{sessions}/{'reused' if is_reused else 'new'}"
    return Load(name, [Figure("rate", "messages/s", Better.HIGHER, "accept" if is_typical else "")], measure, quick=is_typical)


LOADS = [_load(size, sessions, is_reused) for size in SIZES for sessions in (1, 10, 100) for is_reused in (False, True)]
