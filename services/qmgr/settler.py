"""Collects settlements and has the clerk carry them out in the store's thread, all that wait at once."""

import asyncio
import functools
from collections.abc import Callable
from concurrent.futures import Executor

from services.kernel.routing import LookupTrouble
from services.qmgr.clerk import Clerk
from services.qmgr.clock import Moment
from services.qmgr.fate import Fate, Settlement
from services.qmgr.routes import Routes
from services.qmgr.trail import Trail

RETRY_SECONDS = 5.0
"""Between two tries to write what the disk did not take; the message stays in memory meanwhile."""
BATCH = 500
"""Settlements written at once: some 20 ms in the store's thread."""


class Settler:
    """``on_settled`` is called for each settlement that was carried out, in the event loop."""

    def __init__(self, clerk: Clerk, executor: Executor, routes: Routes, trail: Trail, clock: Callable[[], Moment]) -> None:
        self._clerk = clerk
        self._executor = executor
        self._routes = routes
        self._trail = trail
        self._clock = clock
        self._waiting: list[Settlement] = []
        self._wake = asyncio.Event()
        self._put = 0
        self._done = 0
        self._turned = asyncio.Event()
        self.on_settled: Callable[[Settlement], None] = lambda _: None

    def put(self, settlement: Settlement) -> None:
        """Have this carried out."""
        self._waiting.append(settlement)
        self._put += 1
        self._wake.set()

    @property
    def is_busy(self) -> bool:
        """Something is being carried out, or waits for it."""
        return self._done < self._put

    async def turn(self) -> None:
        """Return when all that was put until now has been carried out or met trouble."""
        wanted = self._put
        while self._done < wanted:
            self._turned.clear()
            await self._turned.wait()

    async def run(self) -> None:
        """Carry out until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._waiting:
                batch, self._waiting = self._waiting[:BATCH], self._waiting[BATCH:]
                await self._carry_out(batch)

    async def _carry_out(self, batch: list[Settlement]) -> None:
        for settlement in batch:
            if settlement.dues:
                await self._address(settlement)
        await self._write(batch)
        faulty = [settlement for settlement in batch if settlement.fault is not None]
        for settlement in batch:
            if settlement.fault is None:
                self.on_settled(settlement)
        self._complain(faulty, [settlement for settlement in batch if settlement.lost_words is not None])
        self._done += len(batch)
        self._turned.set()

    async def _write(self, batch: list[Settlement]) -> None:
        job = functools.partial(self._clerk.carry_out, batch, self._clock())
        try:
            await asyncio.get_running_loop().run_in_executor(self._executor, job)
        except Exception as defect:  # noqa: BLE001  # the root of the writing: find the message that cannot be settled and put it aside
            if len(batch) > 1:
                for settlement in batch:
                    await self._write([settlement])
                return
            self._trail.trouble("queue", f"put on hold: {defect!r}", batch[0].message.queue_id)
            batch[0].fate, batch[0].dues, batch[0].attempts = Fate.HOLD, [], []
            await asyncio.get_running_loop().run_in_executor(self._executor, job)

    async def _address(self, settlement: Settlement) -> None:
        """Find out whom the reports go to. When that cannot be looked up now the message waits, its statuses say what is owed."""
        try:
            to = await self._routes.report_recipients(settlement.message.envelope.sender)
        except LookupTrouble:
            settlement.dues = []
            if settlement.fate is Fate.REMOVE:
                settlement.fate = Fate.DEFER
                settlement.until = self._clock().steady + RETRY_SECONDS
            return
        for due in settlement.dues:
            due.to = to

    def _complain(self, faulty: list[Settlement], wordless: list[Settlement]) -> None:
        if wordless:
            self._trail.trouble("history", f"{wordless[0].lost_words} ({len(wordless)} messages)", wordless[0].message.queue_id)
        for settlement in wordless:
            settlement.lost_words = None
        again = [settlement for settlement in faulty if not self._is_over(settlement)]
        if again:
            self._trail.trouble("queue", f"{again[0].fault} ({len(again)} messages)", again[0].message.queue_id)
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._again, again)

    def _is_over(self, settlement: Settlement) -> bool:
        """Nothing is to be repeated: the marks go with the next settlement of the message, or somebody took the file away by hand."""
        if settlement.fate is Fate.STAY:
            settlement.message.is_marked = False
            return True
        if not isinstance(settlement.fault, FileNotFoundError):
            return False
        self._trail.trouble("queue", "the file has vanished", settlement.message.queue_id)
        settlement.fate = Fate.REMOVE
        self.on_settled(settlement)
        return True

    def _again(self, settlements: list[Settlement]) -> None:
        for settlement in settlements:
            self.put(settlement)
