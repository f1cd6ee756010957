"""Which delivery is next. Pure: it holds what waits in memory and takes the time as an argument.

Destinations take turns, and within a destination messages take turns, each with one delivery of at most a batch of recipients: neither a
dead or slow destination nor a message with many recipients keeps others waiting.
"""

from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from services.kernel.wire.delivery import NextHop
from services.qmgr.message import Message
from services.qmgr.site import Site, SiteRules

IDLE_SITES = 1000
"""Destinations without work whose window is remembered; beyond this the oldest are forgotten."""
IDLE_SECONDS = 8400.0
"""Twice the longest backoff: a dead destination that nothing was tried for since is not worth remembering."""


@dataclass(slots=True, eq=False)
class Job:
    """One delivery: some recipients (their positions) of one message to one destination."""

    message: Message
    nexthop: NextHop
    numbers: list[int]


class _Line:
    """The jobs that wait for one destination: a ring of messages, each with its jobs in order."""

    __slots__ = ("is_ready", "messages", "site", "waiting")

    def __init__(self, site: Site) -> None:
        self.site = site
        self.messages: dict[str, deque[Job]] = {}
        self.waiting = 0
        self.is_ready = False

    def add(self, job: Job) -> None:
        self.messages.setdefault(job.message.queue_id, deque()).append(job)
        self.waiting += 1

    def take(self) -> Job:
        """The next message's first job; a message that has more goes to the end of the ring."""
        queue_id = next(iter(self.messages))
        jobs = self.messages.pop(queue_id)
        if len(jobs) > 1:
            self.messages[queue_id] = jobs
        self.waiting -= 1
        return jobs.popleft()

    def withdraw(self, queue_id: str) -> list[Job]:
        jobs = self.messages.pop(queue_id, ())
        self.waiting -= len(jobs)
        return list(jobs)


class Schedule:
    """All destinations with what waits for them. ``rules`` gives those of a destination."""

    def __init__(self, rules: Callable[[NextHop], SiteRules]) -> None:
        self._rules = rules
        self._lines: dict[NextHop, _Line] = {}
        self._ready: deque[_Line] = deque()
        self._revivals: list[tuple[float, str, NextHop]] = []
        self.waiting = 0

    def site(self, nexthop: NextHop) -> Site:
        """The state of a destination."""
        return self._line(nexthop).site

    def waiting_for(self, nexthop: NextHop) -> int:
        """How many jobs wait for a destination."""
        line = self._lines.get(nexthop)
        return line.waiting if line else 0

    def sites(self) -> Iterator[tuple[Site, int]]:
        """Each destination with the number of jobs that wait for it."""
        return ((line.site, line.waiting) for line in self._lines.values())

    def add(self, job: Job, now: float) -> None:
        """Let a job wait for its turn."""
        line = self._line(job.nexthop)
        line.add(job)
        self.waiting += 1
        self._offer(line, now)

    def next(self, now: float) -> Job | None:
        """The job whose turn it is, counted as in flight from now on; None when all must wait."""
        self._wake(now)
        while self._ready:
            line = self._ready.popleft()
            line.is_ready = False
            if not line.messages or not line.site.has_room(now):
                continue
            job = line.take()
            line.site.in_flight += 1
            self.waiting -= 1
            self._offer(line, now)
            return job
        return None

    def landed(self, nexthop: NextHop, now: float) -> None:
        """A job is no longer in flight, and the site was told how it went."""
        line = self._line(nexthop)
        line.site.in_flight -= 1
        if line.site.is_dead(now):
            heappush(self._revivals, (line.site.dead_until, str(nexthop), nexthop))
        self._offer(line, now)
        self._forget_idle(now)

    def withdraw(self, queue_id: str) -> list[Job]:
        """Take out all that waits of one message."""
        return self._taken([job for line in self._lines.values() for job in line.withdraw(queue_id)])

    def flush(self, nexthop: NextHop) -> list[Job]:
        """Take out all that waits for one destination."""
        line = self._line(nexthop)
        return self._taken([job for queue_id in list(line.messages) for job in line.withdraw(queue_id)])

    def revive(self, nexthop: NextHop, now: float) -> None:
        """Forget that a destination is dead."""
        line = self._line(nexthop)
        line.site.revive()
        self._offer(line, now)

    def next_revival(self) -> float | None:
        """When a dead destination may be tried again."""
        return self._revivals[0][0] if self._revivals else None

    def _line(self, nexthop: NextHop) -> _Line:
        line = self._lines.get(nexthop)
        if line is None:
            line = self._lines[nexthop] = _Line(Site(nexthop, self._rules(nexthop)))
        return line

    def _offer(self, line: _Line, now: float) -> None:
        if not line.is_ready and line.messages and line.site.has_room(now):
            line.is_ready = True
            self._ready.append(line)

    def _wake(self, now: float) -> None:
        while self._revivals and self._revivals[0][0] <= now:
            line = self._lines.get(heappop(self._revivals)[2])
            if line is not None:
                self._offer(line, now)

    def _taken(self, jobs: list[Job]) -> list[Job]:
        self.waiting -= len(jobs)
        return jobs

    def _forget_idle(self, now: float) -> None:
        """Look at the two destinations that were longest not looked at; those without work go, the others to the end."""
        for _ in range(2 if len(self._lines) > IDLE_SITES else 0):
            nexthop = next(iter(self._lines))
            line = self._lines.pop(nexthop)
            if line.messages or line.site.in_flight or now < line.site.dead_until + IDLE_SECONDS:
                self._lines[nexthop] = line
