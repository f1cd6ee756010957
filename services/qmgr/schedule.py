"""Which delivery is next. Pure: it holds what waits in memory and takes the steady time as an argument.

Destinations take turns, and within a destination messages take turns, each with one delivery of at most a batch of recipients: neither a
dead or slow destination nor a message with many recipients keeps others waiting. A transport with a rate of its own is a gate that its
destinations pass one by one.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from heapq import heappop, heappush
from itertools import count

from services.kernel.mail.transcript import Transcript
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
    transcripts: Sequence[Transcript] = ()
    """What was said to servers that did not take all, once it has ended."""


class _Gate:
    """A transport with a rate: one delivery at a time, and a pause after it (Postfix ``transport_transport_rate_delay``)."""

    __slots__ = ("delay", "is_taken", "opens", "waiting")

    def __init__(self) -> None:
        self.delay = 0.0
        self.opens = 0.0
        self.is_taken = False
        self.waiting: list[_Line] = []

    def lets_in(self, now: float) -> bool:
        return not self.is_taken and now >= self.opens

    def leave(self, now: float) -> None:
        self.is_taken = False
        self.opens = now + self.delay


class _Line:
    """The jobs that wait for one destination: a ring of messages, each with its jobs in order.

    ``is_ready`` while it stands in the schedule's ring or at its gate; ``wakeup`` is when it was last said to be looked at, 0 once it was.
    """

    __slots__ = ("gate", "is_ready", "messages", "site", "waiting", "wakeup")

    def __init__(self, site: Site, gate: _Gate | None) -> None:
        self.site = site
        self.gate = gate
        self.messages: dict[str, deque[Job]] = {}
        self.waiting = 0
        self.wakeup = 0.0
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
        self._gates: dict[str, _Gate] = {}
        self._wakeups: list[tuple[float, int, _Line | _Gate]] = []
        self._turn = count()
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
            if line.gate is not None and not line.gate.lets_in(now):
                self._wait_at(line.gate, line)
                continue
            line.is_ready = False
            if not line.messages or not line.site.has_room(now):
                self._offer(line, now)
                continue
            job = line.take()
            if line.site.begin(now):
                self._wake_later(line)
            self.waiting -= 1
            if line.gate is None:
                self._offer(line, now)
            else:  # it stands at the end again when the delivery has landed
                line.gate.is_taken = True
            return job
        return None

    def landed(self, nexthop: NextHop, now: float) -> None:
        """A job is no longer in flight, and the site was told how it went."""
        line = self._line(nexthop)
        site = line.site
        site.in_flight -= 1
        if site.pause(now) or site.is_dead(now):
            self._wake_later(line)
        if line.gate is not None:
            line.gate.leave(now)
            heappush(self._wakeups, (line.gate.opens, next(self._turn), line.gate))
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

    def next_wakeup(self) -> float | None:
        """When a dead or pausing destination may be tried again."""
        return self._wakeups[0][0] if self._wakeups else None

    def adopt_rules(self, now: float) -> None:
        """The rules have changed: go by the new ones."""
        gates, self._gates = self._gates, {}
        for gate in gates.values():
            self._open(gate)
        for line in self._lines.values():
            line.site.adopt(self._rules(line.site.nexthop))
            line.gate = self._gate(line.site)
            self._offer(line, now)

    def _line(self, nexthop: NextHop) -> _Line:
        line = self._lines.get(nexthop)
        if line is None:
            site = Site(nexthop, self._rules(nexthop))
            line = self._lines[nexthop] = _Line(site, self._gate(site))
        return line

    def _gate(self, site: Site) -> _Gate | None:
        delay = site.rules.transport_delay
        if not delay:
            return None
        gate = self._gates.setdefault(site.nexthop.transport, _Gate())
        gate.delay = delay
        return gate

    def _open(self, gate: _Gate) -> None:
        """Those that wait at the gate take their turns again, in their order."""
        self._ready.extend(gate.waiting)
        gate.waiting.clear()

    def _wait_at(self, gate: _Gate, line: _Line) -> None:
        if not gate.waiting and not gate.is_taken:  # its wakeup may be over, when the clock was set back
            heappush(self._wakeups, (gate.opens, next(self._turn), gate))
        gate.waiting.append(line)

    def _offer(self, line: _Line, now: float) -> None:
        if line.is_ready or not line.messages:
            return
        site = line.site
        if site.has_room(now):
            line.is_ready = True
            self._ready.append(line)
        elif not site.in_flight:  # nothing else would tell
            self._wake_later(line)

    def _wake_later(self, line: _Line) -> None:
        until = max(line.site.dead_until, line.site.paused_until)
        if line.wakeup != until:
            line.wakeup = until
            heappush(self._wakeups, (until, next(self._turn), line))

    def _wake(self, now: float) -> None:
        while self._wakeups and self._wakeups[0][0] <= now:
            sleeper = heappop(self._wakeups)[2]
            if isinstance(sleeper, _Gate):
                self._open(sleeper)
            else:
                sleeper.wakeup = 0.0
                self._offer(sleeper, now)

    def _taken(self, jobs: list[Job]) -> list[Job]:
        self.waiting -= len(jobs)
        return jobs

    def _forget_idle(self, now: float) -> None:
        """Look at the two destinations that were longest not looked at; those without work go, the others to the end."""
        for _ in range(2 if len(self._lines) > IDLE_SITES else 0):
            nexthop = next(iter(self._lines))
            line = self._lines.pop(nexthop)
            site = line.site
            if line.messages or site.in_flight or now < max(site.dead_until + IDLE_SECONDS, site.paused_until):
                self._lines[nexthop] = line
