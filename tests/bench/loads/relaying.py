"""Relay out: SMTP in, queue on disk, SMTP to a server that takes all, at once or 50 ms away (of each reply)."""

from collections.abc import Mapping

from tests.bench.kinds import FRONTS, OURS, PEER
from tests.bench.loads.mail import relay
from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import Stack
from tests.bench.tools.relay import taken_of

MESSAGES, SESSIONS, SIZE_BYTES = 2000, 20, 4096
SINKS = {"0ms": ("sink", "far.test"), "50ms": ("slow", "slow.test")}
"""Latency -> server, the domain that it is the MX of with all names below."""


def _load(latency: str, destinations: int, messages: int = MESSAGES) -> Load:
    sink, domain = SINKS[latency]
    is_typical = latency == "0ms" and destinations == 1
    figures = [
        Figure("rate", "messages/s", Better.HIGHER, "relay_out" if is_typical else ""),
        Figure("cpu", "ms/message", Better.LOWER, "relay_cpu" if is_typical else ""),
    ]

    def measure(stack: Stack) -> Mapping[str, float]:
        words = {"sink": sink, "domain": domain, "destinations": destinations}
        sent = relay(stack, **words, sessions=SESSIONS, messages=messages, size_bytes=SIZE_BYTES)
        return {"rate": taken_of(messages) / sent.delivering_seconds, "cpu": sum(sent.cpu_seconds.values()) * 1000 / messages}

    # OpenSMTPD opens connections to one host so slowly that many destinations there take it minutes
    stacks = FRONTS if destinations == 1 else (OURS, PEER)
    return Load(f"relay/{latency}/{destinations}", figures, measure, stacks)


LOADS = [_load(latency, destinations) for latency in SINKS for destinations in (1, 500)]
QUICK = [_load("0ms", 1, 1000)]
