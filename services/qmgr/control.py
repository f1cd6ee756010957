"""Answers the control hop: what the operator asks about the queue and wants done with it."""

import asyncio
import contextlib
import itertools
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import TypeVar

import msgspec

from services.kernel.mail.envelope import Envelope
from services.kernel.spool.format import Corrupt
from services.kernel.spool.store import QueueStore, State
from services.kernel.wire import control
from services.kernel.wire.control import Failed, Listing, Request, Response, Selection
from services.kernel.wire.delivery import NextHop
from services.kernel.wire.events import Kind
from services.qmgr import survey
from services.qmgr.active import Active, Parts
from services.qmgr.admission import Admission
from services.qmgr.message import Intent
from services.qmgr.site import Site

BLOCK_BYTES = 1024 * 1024
ATTEMPTS = 8
"""Of a message that waits; what follows comes at the longest interval."""
SLOWEST_RATE = 0.01
"""Messages a second below which there is no telling when a queue will be empty."""
SITES = 100
"""Destinations in ``stat``: those with the most work."""
_ALL = tuple(State)
_LIVE = (State.INCOMING, State.ACTIVE, State.DEFERRED, State.HOLD)
_KINDS = {Intent.HOLD: Kind.HELD, Intent.DELETE: Kind.DELETED, Intent.REQUEUE: Kind.REQUEUED, Intent.NONE: Kind.RELEASED}

Result = TypeVar("Result")


class Control:
    """``writer`` is the store's thread, where files move; ``reader`` another one, so that a long listing does not hold mail up."""

    def __init__(self, store: QueueStore, threads: tuple[Executor, Executor], parts: Parts, active: Active, admission: Admission) -> None:
        self._store = store
        self._writer, self._reader = threads
        self._parts = parts
        self._active = active
        self._admission = admission
        self._pages = survey.Pages(store)

    async def answer(self, request: Request) -> Response:
        """Do what is asked; every trouble is an answer."""
        try:
            return await self._answer(request)
        except FileNotFoundError:
            return Failed("the message has just moved: try again")
        except (OSError, Corrupt) as error:
            return Failed(str(error))

    async def _answer(self, request: Request) -> Response:
        match request:
            case control.Ping():
                return control.Pong()
            case control.List(selection, after):
                return await self._list(selection, after)
            case control.Show(queue_id):
                return await self._show(queue_id)
            case control.Cat(queue_id, offset):
                return await self._cat(queue_id, offset)
            case control.Stat():
                return await self._stat()
            case control.Foresee(nexthop, sender):
                return self._foresee(nexthop, sender)
            case control.Flush(selection, only_ours):
                return await self._flush(selection, only_ours=only_ours)
            case _:
                return await self._change(request)

    async def _list(self, selection: Selection, after: str) -> Response:
        entries, has_more = await self._read(lambda: self._pages.page(selection, after, self._parts.clock().wall))
        return Listing([msgspec.structs.replace(entry, next_attempt=self._next_attempt(entry.queue_id)) for entry in entries], has_more)

    def _next_attempt(self, queue_id: str) -> float:
        """By the time of day; 0 for a message that is not deferred."""
        planned = self._parts.plan.time(queue_id)
        return self._parts.clock().shown(planned) if planned else 0.0

    async def _show(self, queue_id: str) -> Response:
        shown = await self._read(lambda: survey.show(self._store, queue_id))
        if shown is None:
            return Failed(f"no message {queue_id}")
        entry = msgspec.structs.replace(shown.entry, next_attempt=self._next_attempt(queue_id))
        return msgspec.structs.replace(shown, entry=entry)

    async def _cat(self, queue_id: str, offset: int) -> Response:
        def read() -> bytes | None:
            state = self._store.find(queue_id)
            return None if state is None else self._store.read_content(state, queue_id, offset, BLOCK_BYTES)

        block = await self._read(read)
        return Failed(f"no message {queue_id}") if block is None else control.Content(block)

    async def _stat(self) -> Response:
        states, oldest = await self._read(lambda: survey.count(self._store, self._parts.clock().wall))
        sites = [self._describe(site, waiting) for site, waiting in self._active.schedule.sites()]
        sites.sort(key=lambda site: (-site.waiting - site.deferred, -site.in_flight, -site.dead_until))
        return control.Stats(states, oldest, sites[:SITES])

    def _foresee(self, nexthop: NextHop, sender: str) -> control.Foreseen:
        """By the same rules as a real message; nothing is begun for the destination."""
        backoff = self._parts.backoff
        rules = backoff.site_rules(nexthop)
        imagined = Envelope("", "", sender, 0.0)
        known = next(((site, waiting) for site, waiting in self._active.schedule.sites() if site.nexthop == nexthop), None)
        return control.Foreseen(
            limit=rules.limit,
            initial=rules.initial,
            recipients=rules.recipients,
            rate_delay=max(rules.rate_delay, rules.transport_delay),
            rate=rules.rate,
            attempts=backoff.attempts(imagined, ATTEMPTS, is_backup=nexthop.is_backup),
            lifetime=backoff.lifetime(imagined, is_backup=nexthop.is_backup),
            warns_after=backoff.settings.delay_warning_seconds if sender and not nexthop.is_backup else 0.0,
            site=self._describe(*known) if known else None,
        )

    def _describe(self, site: Site, waiting: int) -> control.Site:
        now = self._parts.clock()
        deferred = self._parts.plan.waiting_for(site.nexthop)
        rate = site.flow.rate(now.steady)
        eta = (waiting + site.in_flight + deferred) / rate if rate > SLOWEST_RATE and not site.is_dead(now.steady) else None
        dead_until = now.shown(site.dead_until) if site.dead_until else 0.0
        return control.Site(str(site.nexthop), waiting, site.in_flight, site.window, dead_until, site.reason, deferred, round(rate, 2), eta)

    async def _flush(self, selection: Selection, *, only_ours: bool = False) -> Response:
        if selection == Selection():
            queue_ids = self._parts.plan.ids()
        else:
            queue_ids = await self._select(selection, (State.DEFERRED,))
        self._active.revive_all(only_ours=only_ours)
        done = self._parts.plan.hasten(queue_ids, self._parts.clock().steady)
        self._admission.wake()
        return control.Done(done)

    async def flush_domain(self, domain: str) -> None:
        """Try now what waits for a domain of ours; a client asked for it by ETRN, who has no say about the destinations of others. A fault leaves
        it to its time."""
        with contextlib.suppress(OSError, Corrupt):
            await self._flush(Selection(recipient=f"@{domain}"), only_ours=True)

    async def _change(self, request: Request) -> Response:
        match request:
            case control.Hold(selection):
                return await self._apply(Intent.HOLD, await self._select(selection, (State.INCOMING, State.ACTIVE, State.DEFERRED)))
            case control.Release(selection):
                return await self._apply(Intent.NONE, await self._select(selection, (State.HOLD,)))
            case control.Requeue(selection):
                return await self._apply(Intent.REQUEUE, await self._select(selection, (State.ACTIVE, State.DEFERRED, State.HOLD)))
            case control.Delete(selection):
                # what does not parse is deleted only when it is named
                states = _ALL if selection.ids or selection.states else _LIVE
                return await self._apply(Intent.DELETE, await self._select(selection, states))
            case _:
                return Failed("not understood")

    async def _select(self, selection: Selection, states: tuple[State, ...]) -> list[str]:
        now = self._parts.clock().wall
        return await self._read(lambda: [entry.queue_id for entry in survey.select(self._store, selection, states, now)])

    async def _apply(self, intent: Intent, queue_ids: list[str]) -> Response:
        """Active messages by intent, the others on the disk. Nothing is admitted meanwhile, so each is in one place."""
        async with self._admission.lock:
            intended = [queue_id for queue_id in queue_ids if self._intend(queue_id, intent)]
            await self._parts.settler.turn()
            others = sorted(set(queue_ids) - set(intended))
            moved = await asyncio.get_running_loop().run_in_executor(self._writer, self._move, intent, others)
            for queue_id in moved:
                self._parts.plan.remove(queue_id)
                if intent in (Intent.NONE, Intent.REQUEUE):
                    self._parts.plan.add(queue_id, self._parts.clock().steady)
        if intent is Intent.REQUEUE:
            self._active.revive_all()
        self._tell(intent, intended if intent is not Intent.HOLD else [], moved)
        self._admission.wake()
        return control.Done(len(intended) + len(moved))

    def _intend(self, queue_id: str, intent: Intent) -> bool:
        message = self._active.messages.get(queue_id)
        return message is not None and intent is not Intent.NONE and self._active.intend(message, intent)

    def _move(self, intent: Intent, queue_ids: list[str]) -> list[str]:
        """Change what is on the disk; in the store's thread. Returns what was changed: not what has gone or the disk refuses."""
        moved = []
        for queue_id in queue_ids:
            with contextlib.suppress(OSError):
                state = self._store.find(queue_id)
                if state is not None and self._move_one(intent, queue_id, state):
                    moved.append(queue_id)
        return moved

    def _move_one(self, intent: Intent, queue_id: str, state: State) -> bool:
        if state is State.ACTIVE:
            return False
        if intent is Intent.DELETE:
            self._store.remove(queue_id, state)
        elif state is State.CORRUPT:
            return False
        elif intent is Intent.HOLD:
            if state is not State.HOLD:
                self._store.move(queue_id, state, State.HOLD)
        elif state is State.INCOMING:
            return False
        else:
            self._store.defer(queue_id, self._parts.clock().wall, state)
        return True

    def _tell(self, intent: Intent, *groups: Iterable[str]) -> None:
        for queue_id in itertools.chain(*groups):
            self._parts.trail.of(_KINDS[intent], queue_id, reason="by the operator")

    async def _read(self, job: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._reader, job)
