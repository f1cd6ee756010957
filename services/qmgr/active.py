"""The active messages: routed into jobs, their outcomes collected, and settled when no job is left."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from services.kernel.mail.outcome import Bounced, Deferred, Outcome, Remote
from services.kernel.mail.reply import Reply
from services.kernel.mail.transcript import Transcript
from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.backoff import Backoff
from services.qmgr.clock import Moment
from services.qmgr.config import QmgrSettings
from services.qmgr.fate import Fate, Settlement, settle
from services.qmgr.message import Intent, Message
from services.qmgr.plan import Plan
from services.qmgr.routes import Routes
from services.qmgr.schedule import Job, Schedule
from services.qmgr.settler import Settler
from services.qmgr.site import Site
from services.qmgr.trail import Trail

CROWDED_SECONDS = 60.0
"""How long a message waits on disk for a slow or failing destination that has its share of the active queue."""
CROWDED_SHARE = 4
"""That share: a quarter."""
COMPLAINT_SECONDS = 10.0
LOST = Deferred(Reply(451, "4.3.0", "delivery was interrupted, its outcome is unknown"), Remote())


@dataclass(frozen=True, slots=True)
class Parts:
    """What the active queue works with. ``chance`` gives numbers between 0 and 1."""

    backoff: Backoff
    routes: Routes
    settler: Settler
    trail: Trail
    plan: Plan
    clock: Callable[[], Moment]
    chance: Callable[[], float]


class Active:
    """All messages in memory. ``on_jobs`` is called when a job may start, ``on_room`` when a message has gone, ``on_reports`` with new ones."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.schedule = Schedule(parts.backoff.site_rules)
        self.messages: dict[str, Message] = {}
        self._complained = float("-inf")
        self.on_jobs: Callable[[], None] = lambda: None
        self.on_room: Callable[[], None] = lambda: None
        self.on_reports: Callable[[list[str]], None] = lambda _: None
        parts.settler.on_settled = self._settled

    @property
    def _settings(self) -> QmgrSettings:
        return self._parts.backoff.settings

    @property
    def room(self) -> int:
        """How many more messages may come in."""
        return self._settings.active_limit - len(self.messages)

    async def take(self, message: Message, *, is_new: bool) -> None:
        """Take a loaded message in and plan its deliveries."""
        self.messages[message.queue_id] = message
        if is_new:
            self._parts.trail.queued(message)
        if message.is_owed:
            # a crash or a lookup came between the mark and the report: report just these before there are more
            message.next_attempt = self._parts.clock().steady
            self._settle(message)
            return
        spread = await self._parts.routes.spread(message)
        now = self._parts.clock().steady
        if spread.trouble:
            # as long as we cannot tell they may be of a domain that we back up: they must not expire by the shorter lifetime
            message.backup |= frozenset(spread.unknown)
            self._complain(spread.trouble, now)
        if spread.decided:
            self._record(message, None, spread.decided)
        for nexthop, numbers in spread.groups.items():
            self._open(message, nexthop, numbers, now)
        if not message.open_jobs:
            self._settle(message)

    def _open(self, message: Message, nexthop: NextHop, numbers: list[int], now: float) -> None:
        schedule = self.schedule
        site = schedule.site(nexthop)
        if nexthop.is_backup:
            message.backup |= frozenset(numbers)
        if site.is_dead(now):
            self._hold_back(message, site, numbers)
            return
        crowd = self._settings.active_limit // CROWDED_SHARE
        if (site.is_slow or site.is_suspect) and schedule.waiting_for(nexthop) >= crowd:
            message.delay(now + CROWDED_SECONDS, None)
            return
        size = site.rules.recipients
        for start in range(0, len(numbers), size):
            message.open_jobs += 1
            schedule.add(Job(message, nexthop, numbers[start : start + size]), now)

    def _complain(self, words: str, now: float) -> None:
        """Tell of lookup trouble, but not for every message that meets it."""
        if now >= self._complained + COMPLAINT_SECONDS:
            self._complained = now
            self._parts.trail.trouble("routing", words)

    def landed(self, job: Job, outcomes: list[Outcome] | None, seconds: float) -> None:
        """A delivery has ended; no outcomes means that they are unknown."""
        now = self._parts.clock().steady
        message = job.message
        if outcomes is None:
            self.schedule.landed(job.nexthop, now)
            self._lost(job, now)
        else:
            self._judge(job.nexthop, outcomes, seconds)
            self.schedule.landed(job.nexthop, now)
            message.open_jobs -= 1
            if job.nexthop.is_backup:
                outcomes = self._soften(message, job.numbers, outcomes)
            self._record(message, job.nexthop, list(zip(job.numbers, outcomes, strict=True)), job.transcripts)
            if not message.open_jobs or not message.is_marked:
                self._settle(message)
        self.on_jobs()

    def _soften(self, message: Message, numbers: list[int], outcomes: list[Outcome]) -> list[Outcome]:
        """What a primary refuses that we took mail for is not returned: its sender may be forged. It waits for the operator."""
        if self._settings.backup_refused == "bounce":
            return outcomes
        refused = {number for number, outcome in zip(numbers, outcomes, strict=True) if isinstance(outcome, Bounced)}
        message.refused |= refused
        return [Deferred(outcome.reply, outcome.remote) if isinstance(outcome, Bounced) else outcome for outcome in outcomes]

    def _lost(self, job: Job, now: float) -> None:
        """Once it is tried again at once: relay was restarted. After that it waits: the message may be what broke relay."""
        message = job.message
        message.losses += 1
        if message.losses == 1 and message.intent is Intent.NONE:
            self.schedule.add(job, now)
            return
        message.open_jobs -= 1
        self._record(message, None, [(number, LOST) for number in job.numbers])
        if not message.open_jobs:
            self._settle(message)

    def _judge(self, nexthop: NextHop, outcomes: list[Outcome], seconds: float) -> None:
        """Tell the destination how it did: whoever answered for one recipient is well."""
        site = self.schedule.site(nexthop)
        now = self._parts.clock()
        first = outcomes[0]
        if not all(isinstance(outcome, Deferred) and outcome.site for outcome in outcomes):
            site.flow.count(now.steady)
            if site.succeed(seconds):
                self._parts.plan.hasten_site(nexthop, now.steady)
                self._parts.trail.site_up(site)
                self.on_room()
        elif site.fail(now.steady, self._parts.chance(), str(first.reply)):
            self._parts.trail.site_down(site, now)
            for job in self.schedule.flush(nexthop):
                job.message.open_jobs -= 1
                self._hold_back(job.message, site, job.numbers)
                if not job.message.open_jobs:
                    self._settle(job.message)

    def _hold_back(self, message: Message, site: Site, numbers: list[int]) -> None:
        """Defer recipients untried, until their destination is tried again."""
        outcome = Deferred(Reply(451, "4.4.1", f"destination is left alone: {site.reason}"), Remote(), site=True)
        self._record(message, site.nexthop, [(number, outcome) for number in numbers])

    def _record(self, message: Message, nexthop: NextHop | None, outcomes: Iterable[tuple[int, Outcome]], said: Sequence[Transcript] = ()) -> None:
        now = self._parts.clock()
        for number, outcome in outcomes:
            message.note(number, outcome)
            self._parts.trail.outcome(message, number, outcome, nexthop, now)
            if isinstance(outcome, Deferred):
                self._delay(message, nexthop, outcome, now)
        message.remember(now.wall, nexthop, outcomes, said)

    def _delay(self, message: Message, nexthop: NextHop | None, outcome: Deferred, now: Moment) -> None:
        site = self.schedule.site(nexthop) if nexthop and outcome.site else None
        if site is not None and site.is_dead(now.steady):
            message.delay(site.dead_until, nexthop)
            return
        is_near = nexthop is None or nexthop.protocol is Protocol.LMTP
        soon = is_near and (outcome.site or nexthop is None)
        is_backup = nexthop is not None and nexthop.is_backup
        age, chance = now.age(message.arrived), self._parts.chance()
        wait = self._parts.backoff.wait(message.envelope, age, chance, soon=soon, is_backup=is_backup)
        message.delay(now.steady + wait, None)

    def _settle(self, message: Message) -> None:
        self._parts.settler.put(settle(message, self._parts.clock(), self._parts.backoff))

    def _settled(self, settlement: Settlement) -> None:
        message = settlement.message
        self._parts.trail.settled(settlement, self._parts.clock())
        if settlement.reported:
            self.on_reports([report for _, report in settlement.reported])
        if settlement.fate is Fate.STAY:
            return
        self.messages.pop(message.queue_id, None)
        if settlement.fate is Fate.DEFER:
            site = message.waits_for
            is_up = site is not None and not self.schedule.site(site).is_down  # since we decided
            self._parts.plan.add(message.queue_id, self._parts.clock().steady if is_up else settlement.until, site)
        self.on_room()

    def intend(self, message: Message, intent: Intent) -> bool:
        """Do something else with a message; at once unless a delivery of it is under way. Returns whether it will be done.

        It is not done to a message that is being settled: wait for the settler's turn and look for it where it went.
        """
        if not message.open_jobs:
            return False
        message.intent = intent
        message.open_jobs -= len(self.schedule.withdraw(message.queue_id))
        if not message.open_jobs:
            self._settle(message)
        return True

    def revive_all(self, *, only_ours: bool = False) -> None:
        """Try every dead destination again, or every one that is ours to pass mail on to."""
        now = self._parts.clock().steady
        for site, _ in list(self.schedule.sites()):
            if site.is_suspect and (site.nexthop.is_ours or not only_ours):
                self.schedule.revive(site.nexthop, now)
        self.on_jobs()
