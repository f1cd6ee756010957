"""How fast a destination takes mail, so that it can be said when a queue for it will be empty. Pure."""

import math

MEMORY_SECONDS = 15.0
"""What happened longer ago than this hardly counts any more: long enough for a slow trickle, short enough to follow a drain that speeds up."""


class Flow:
    """The rate of deliveries, as a mean that forgets."""

    __slots__ = ("_rate", "_since", "_time")

    def __init__(self) -> None:
        self._rate = 0.0
        self._since = 0.0
        self._time = 0.0

    def count(self, now: float, number: int = 1) -> None:
        """So many were delivered."""
        if self.rate(now) < 1e-6:
            self._rate, self._since, self._time = 0.0, now, now
        self._rate = self._decayed(now) + number / MEMORY_SECONDS
        self._time = now

    def rate(self, now: float) -> float:
        """Deliveries a second. A flow that has just begun is not taken for a slow one."""
        known = 1.0 - math.exp(-max(now - self._since, 0.5) / MEMORY_SECONDS)
        return self._decayed(now) / known if self._since else 0.0

    def _decayed(self, now: float) -> float:
        return self._rate * math.exp(-max(0.0, now - self._time) / MEMORY_SECONDS)
