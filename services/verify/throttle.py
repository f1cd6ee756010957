"""How many probes there may be: at a time in all, at one next hop, in a second, and waiting. Also which next hops are down."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

SITES = 10_000
"""Down next hops remembered; beyond it all are forgotten, which costs a connection attempt each."""


TRIAL_SECONDS = 90.0
"""More than a probe takes; then another may try."""


class TooMany(Exception):
    """More probes wait than may."""


@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds; times in seconds."""

    probes: int
    destination_probes: int
    waiting: int
    per_second: float
    site_down: float


class Throttle:
    """``clock`` gives seconds that never go back."""

    def __init__(self, limits: Limits, clock: Callable[[], float]) -> None:
        self._limits = limits
        self._clock = clock
        self._places = asyncio.Semaphore(limits.probes)
        self._destinations: dict[str, tuple[asyncio.Semaphore, int]] = {}
        self._down: dict[str, tuple[float, str]] = {}
        self._next_begin = 0.0
        self.waiting = 0
        """Probes that wait for their turn."""
        self.under_way = 0

    @asynccontextmanager
    async def place(self, nexthop: str) -> AsyncIterator[None]:
        """Wait for the turn of a probe at ``nexthop`` and hold its place. Raises ``TooMany``."""
        if self.waiting >= self._limits.waiting:
            raise TooMany
        destination = self._enter(nexthop)
        try:
            self.waiting += 1
            try:
                await destination.acquire()
            finally:
                self.waiting -= 1
            try:
                async with self._turn():
                    yield
            finally:
                destination.release()
        finally:
            self._leave(nexthop)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        self.waiting += 1
        try:
            await self._places.acquire()
        finally:
            self.waiting -= 1
        self.under_way += 1
        try:
            await self._pace()
            yield
        finally:
            self.under_way -= 1
            self._places.release()

    async def _pace(self) -> None:
        """Begin no more than ``per_second``, a second's worth at once."""
        now = self._clock()
        begin = max(self._next_begin, now - 1.0)
        self._next_begin = begin + 1.0 / self._limits.per_second
        if begin > now:
            await asyncio.sleep(begin - now)

    def _enter(self, nexthop: str) -> asyncio.Semaphore:
        semaphore, users = self._destinations.get(nexthop) or (asyncio.Semaphore(self._limits.destination_probes), 0)
        self._destinations[nexthop] = (semaphore, users + 1)
        return semaphore

    def _leave(self, nexthop: str) -> None:
        semaphore, users = self._destinations[nexthop]
        if users == 1:
            del self._destinations[nexthop]
        else:
            self._destinations[nexthop] = (semaphore, users - 1)

    def mark_down(self, nexthop: str, reason: str) -> None:
        """The next hop could not be reached."""
        if len(self._down) >= SITES:
            self._down.clear()
        self._down[nexthop] = (self._clock() + self._limits.site_down, reason)

    def mark_up(self, nexthop: str) -> None:
        """It answered."""
        self._down.pop(nexthop, None)

    def why_down(self, nexthop: str) -> str:
        """The last trouble of a next hop that is not to be tried now; empty when it may be.

        When its time is over one probe may try, and for the others it stays down until that one is back: a site that swallows connections
        makes nobody wait.
        """
        until, reason = self._down.get(nexthop, (0.0, ""))
        if not reason or self._clock() < until:
            return reason
        self._down[nexthop] = (self._clock() + TRIAL_SECONDS, reason)
        return ""
