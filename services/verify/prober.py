"""One probe an address, however many ask: from the place in the throttle to the record in the cache."""

import asyncio
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import assert_never

from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome
from services.kernel.mail.reply import Reply
from services.kernel.wire.delivery import ProbeRequest
from services.kernel.wire.verdict import Source, State
from services.verify.cache import Cache
from services.verify.directions import Target
from services.verify.line import Line, NoLine
from services.verify.record import Record, merge, replace_by
from services.verify.throttle import Throttle, TooMany

Tell = Callable[[Target, Record, float], None]
"""Called after each probe that was made, with the seconds it took."""
Join = Callable[[Record | None, Record], Record]
"""What is remembered, from what was known and what was found."""


@dataclass(frozen=True, slots=True)
class Means:
    """What a probe goes through. ``clock`` is the time of day."""

    line: Line
    throttle: Throttle
    cache: Cache
    tell: Tell
    tell_defect: Callable[[BaseException], None]
    clock: Callable[[], float]


class Prober:
    """Settings that a reload changes are plain attributes."""

    def __init__(self, means: Means, sender: str, *, keeps_negative: bool) -> None:
        self._means = means
        self.sender = sender
        self.keeps_negative = keeps_negative
        self._under_way: dict[str, asyncio.Task[Record]] = {}

    def begin(self, target: Target, known: Record | None) -> asyncio.Task[Record]:
        """The probe of this address that is under way, or a new one. ``known`` is its record unless that has expired.

        The task ends with the record that is now in the cache. Who waits for it shields it: others may wait for the same.
        """
        return self._under_way.get(target.key) or self._start(target, known, merge)

    async def force(self, target: Target, known: Record | None) -> Record:
        """Probe now, whatever is known and even if the next hop is held for down. What is found out replaces what was known."""
        while (task := self._under_way.get(target.key)) is not None:
            await asyncio.wait([task])
        self._means.throttle.mark_up(str(target.nexthop))
        return await asyncio.shield(self._start(target, known, replace_by))

    def _start(self, target: Target, known: Record | None, join: Join) -> asyncio.Task[Record]:
        task = self._under_way[target.key] = asyncio.get_running_loop().create_task(self._probe(target, known, join))
        task.add_done_callback(lambda _: self._ended(target.key, task))
        return task

    def _ended(self, key: str, task: asyncio.Task[Record]) -> None:
        del self._under_way[key]
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._means.tell_defect(defect)

    async def stop(self) -> None:
        """Give up what is under way: who waits hears no answer, and nothing wrong gets into the cache."""
        tasks = list(self._under_way.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _probe(self, target: Target, known: Record | None, join: Join) -> Record:
        nexthop = str(target.nexthop)
        try:
            async with self._means.throttle.place(nexthop):
                if reason := self._means.throttle.why_down(nexthop):
                    return self._give_up(target, known, f"not asked again yet: {reason}")
                started = time.monotonic()
                outcome = await self._means.line.probe(ProbeRequest(target.nexthop, self.sender, target.address))
        except TooMany:
            return self._give_up(target, known, "too many probes wait")
        except NoLine as trouble:
            return self._give_up(target, known, str(trouble))
        self._note_site(nexthop, outcome)
        found = self._record(target, outcome)
        seconds = time.monotonic() - started
        record = join(known, found)
        if record.state is State.DELIVERABLE or self.keeps_negative:
            await self._means.cache.put([record])
        self._means.tell(target, found, seconds)
        return record

    def _give_up(self, target: Target, known: Record | None, reason: str) -> Record:
        """Nobody was asked, so nothing is remembered."""
        now = self._means.clock()
        if known is not None:
            return replace(known, probed=now)
        reply = Reply(450, "4.4.1", reason)
        return Record(target.key, State.UNKNOWN, Source.NONE, reply, now, now, str(target.nexthop))

    def _note_site(self, nexthop: str, outcome: Outcome) -> None:
        if isinstance(outcome, Deferred) and outcome.site:
            self._means.throttle.mark_down(nexthop, str(outcome.reply))
        else:
            self._means.throttle.mark_up(nexthop)

    def _record(self, target: Target, outcome: Outcome) -> Record:
        now = self._means.clock()
        facts = (Source.PROBE, outcome.reply, now, now, str(target.nexthop), str(outcome.remote))
        return Record(target.key, _state(outcome), *facts)


def _state(outcome: Outcome) -> State:
    match outcome:
        case Delivered():
            return State.DELIVERABLE
        case Bounced():
            return State.UNDELIVERABLE
        case Deferred():
            return State.UNKNOWN
        case _:
            assert_never(outcome)
