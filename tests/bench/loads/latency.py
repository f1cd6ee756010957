"""How long a message takes into its mailbox while the site has half of what the peer can carry: from the moment it was due to be sent."""

from collections.abc import Mapping, Sequence

from tests.bench.kinds import PEER
from tests.bench.loads.mail import carry, empty_mailboxes
from tests.bench.running import Better, Figure, Load
from tests.bench.stacks import Stack

SIZE_BYTES = 4096
CALIBRATION = {"sessions": 20, "messages": 1500, "size_bytes": SIZE_BYTES}


class HalfLoad:
    """One rate for all stacks, so that the slower one is not spared."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._rate = 0.0

    def calibrate(self, stacks: Sequence[Stack]) -> None:
        """Half of the rate at which the peer carries mail end to end, or the only stack if it is alone."""
        (stack,) = [stack for stack in stacks if stack.name == PEER] or stacks[:1]
        self._rate = CALIBRATION["messages"] / carry(stack, **CALIBRATION).delivering_seconds / 2

    def measure(self, stack: Stack) -> Mapping[str, float]:
        times = stack.tool("pace", server=stack.parts.mx, rate=self._rate, seconds=self._seconds, size_bytes=SIZE_BYTES)
        return {name: times[name] * 1000 for name in ("p50", "p99")}


FIGURES = [
    Figure("p50", "ms", Better.LOWER, "p50"),
    Figure("p99", "ms", Better.LOWER, "p99"),
]


def _load(seconds: float) -> Load:
    half_load = HalfLoad(seconds)
    return Load("latency", FIGURES, half_load.measure, prepare=half_load.calibrate, clear=empty_mailboxes)


LOADS = [_load(12)]
QUICK = [_load(6)]
