"""A qmgr without a network and with its own time: real queue files, a scripted relay and a scripted router."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

from services.kernel.mail.domainclass import DomainClass
from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome, Remote
from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, Destination, LookupTrouble, Route, Router
from services.kernel.spool.disk import Disk
from services.kernel.spool.store import QueueStore, State
from services.kernel.wire.events import Emitter, Event, Kind
from services.qmgr.active import Active, Parts
from services.qmgr.admission import Admission
from services.qmgr.backoff import Backoff
from services.qmgr.clerk import Clerk
from services.qmgr.clock import Clock
from services.qmgr.config import QmgrSettings
from services.qmgr.control import Control
from services.qmgr.plan import Plan
from services.qmgr.recovery import look_over, recover
from services.qmgr.reports import Composer
from services.qmgr.routes import Routes
from services.qmgr.schedule import Job
from services.qmgr.settler import Settler
from services.qmgr.trail import Trail
from tests.unit.kernel.spool.messages import ARRIVED, put

DEADLINE_SECONDS = 10.0
REMOTE = Remote("mx.world.test", "192.0.2.1", 25)
DELIVERED = Delivered(Reply(250, "2.0.0", "queued"), REMOTE)
REFUSED = Bounced(Reply(550, "5.1.1", "no such user"), REMOTE)
BUSY = Deferred(Reply(450, "4.2.1", "mailbox busy"), REMOTE)
DOWN = Deferred(Reply(451, "4.4.1", "connection refused"), Remote("mx.world.test"), site=True)

Deliver = Callable[[Job], list[Outcome] | None]


class Recorder(Emitter):
    """Keeps events instead of writing them."""

    def __init__(self) -> None:
        super().__init__("test", "qmgr", "0", None, stdout=False)
        self.events: list[Event] = []
        self.changed = asyncio.Event()

    def emit(self, kind: Kind, **facts: Any) -> None:
        self.events.append(Event(kind, **facts))
        self.changed.set()

    def kinds(self, queue_id: str = "") -> list[Kind]:
        return [event.kind for event in self.events if queue_id in ("", event.queue_id)]


class World(Router):
    """Routes everything to its own domain, but for what a test says."""

    def __init__(self) -> None:
        self.answers: dict[str, Route] = {}
        self.aliases: dict[str, tuple[str, ...]] = {}
        self.has_trouble = False

    async def accept(self, recipient: str, *, may_relay: bool = False) -> Accepted:
        if self.has_trouble:
            raise LookupTrouble("directory is away")
        return Accepted(self.aliases.get(recipient, (recipient,)), DomainClass.REMOTE)

    async def route(self, recipient: str, sender: str) -> Route:
        if self.has_trouble:
            raise LookupTrouble("directory is away")
        return self.answers.get(recipient) or Destination("smtp", "smtp", recipient.rpartition("@")[2])


class Rig:
    """One queue with its manager. ``deliver`` answers for relay; a job for which it raises ``StopIteration`` stays under way.

    Reports stay in ``incoming`` to be looked at: nothing tells of them, and a scan is made only by a test.
    """

    def __init__(self, root: Path, deliver: Deliver, disk: Disk | None = None, ahead: float = 0.0, **settings: Any) -> None:
        """``ahead`` is what the time of day is ahead of the steady one."""
        self.root = root
        self.now = ARRIVED + 1
        self.ahead = ahead
        self.deliver = deliver
        self.jobs: list[Job] = []
        self.under_way: list[Job] = []
        self.recorder = Recorder()
        self.world = World()
        self.settings = QmgrSettings(queue_directory=root, **settings)
        self.store = QueueStore(root, disk)
        self.thread = ThreadPoolExecutor(1)
        backoff = Backoff(self.settings)
        routes = Routes(self.world)
        trail = Trail(self.recorder)
        self.clock = Clock(lambda: self.now + self.ahead, lambda: self.now)
        settler = Settler(Clerk(self.store, Composer(self.store, "mail.example.test", backoff)), self.thread, routes, trail, self.clock.now)
        self.parts = Parts(backoff, routes, settler, trail, Plan(), self.clock.now, lambda: 0.0)
        self.active = Active(self.parts)
        self.active.on_jobs = self.pump
        self.admission = Admission(self.store, self.thread, self.parts, self.active)
        self.control = Control(self.store, (self.thread, self.thread), self.parts, self.active, self.admission)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Recovery first, then work; ends like a kill: nothing is finished."""
        tasks = [asyncio.create_task(self.parts.settler.run())]
        try:
            await recover(self.store, self.thread, self.parts, self.admission)
            await look_over(self.store, self.thread, self.thread, self.parts)
            tasks.append(asyncio.create_task(self.admission.run()))
            yield
        finally:
            for task in tasks:
                task.cancel()
            with suppress(asyncio.CancelledError):
                await asyncio.gather(*tasks, return_exceptions=True)
            self.thread.shutdown()

    def pump(self) -> None:
        while (job := self.active.schedule.next(self.now)) is not None:
            self.jobs.append(job)
            try:
                outcomes = self.deliver(job)
            except StopIteration:
                self.under_way.append(job)
            else:
                self.active.landed(job, outcomes, 0.1)

    def land(self, outcomes: list[Outcome] | None) -> None:
        """Answer the oldest job that stayed under way."""
        self.active.landed(self.under_way.pop(0), outcomes, 0.1)

    async def send(self, envelope: Envelope, recipients: list[Recipient]) -> str:
        """Put a message in and wait until it is delivered, waits, or its jobs stay under way."""
        queue_id = put(self.root, envelope, recipients)
        self.admission.hint([queue_id])
        await self.quiet()
        return queue_id

    async def pass_time(self, seconds: float) -> None:
        """Let time pass and everything happen that comes due."""
        self.now += seconds
        self.admission.wake()
        self.pump()
        await self.quiet()

    async def quiet(self) -> None:
        """Wait until nothing more happens by itself."""
        async with asyncio.timeout(DEADLINE_SECONDS):
            while not self._is_quiet():
                await self.parts.settler.turn()
                await asyncio.sleep(0)  # no single event says that three tasks have nothing to do

    def _is_quiet(self) -> bool:
        is_idle = not self.parts.settler.is_busy and all(message.open_jobs for message in self.active.messages.values())
        has_due = any(self.parts.plan.time(queue_id) <= self.now for queue_id in self.parts.plan.ids())
        return is_idle and not has_due and not self.admission.is_busy

    def state(self, queue_id: str) -> State | None:
        return self.store.find(queue_id)

    def ids(self, state: State) -> list[str]:
        return self.store.ids(state)

    def report(self) -> str:
        """The content of the only report in the queue."""
        (queue_id,) = [event.queue_id for event in self.recorder.events if event.kind in (Kind.REPORTED, Kind.DELAYED)]
        state = self.store.find(queue_id)
        assert state is not None
        return self.store.read_content(state, queue_id, 0, 1_000_000).decode()


def play(root: Path, deliver: Deliver, scenario: Callable[[Rig], Coroutine[None, None, None]], **settings: Any) -> Rig:
    """Start on a volume, do what the scenario says, end as by a kill."""

    async def main() -> Rig:
        rig = Rig(root, deliver, **settings)
        async with rig.running():
            await scenario(rig)
        return rig

    return asyncio.run(main())


def always(*outcomes: Outcome) -> Deliver:
    """Each recipient gets the outcome at its place in the job; the last one for all others."""
    return lambda job: [outcomes[min(place, len(outcomes) - 1)] for place in range(len(job.numbers))]


def never(_job: Job) -> list[Outcome] | None:
    """Deliveries stay under way."""
    raise StopIteration
