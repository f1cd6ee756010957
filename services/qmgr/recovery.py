"""Start-up: what a crash, a kill or a stop has left becomes a legal queue again, before anything new is touched."""

import asyncio
from concurrent.futures import Executor

from services.kernel.mail.queueid import is_queue_id
from services.kernel.spool.store import QueueStore, State
from services.qmgr.active import Parts
from services.qmgr.admission import BATCH, Admission


async def recover(store: QueueStore, executor: Executor, parts: Parts, admission: Admission) -> int:
    """Finish or undo each half-done step; returns how many messages were under way. Raises ``OSError`` when the volume cannot be read.

    Active messages come first, and the reports they owe are made before any message moves: a report that was committed just before a crash
    is then still where it is looked for, and not made twice. Histories without a message are removed; deferred messages are planned.
    """
    loop = asyncio.get_running_loop()
    await loop.run_in_executor(executor, store.sweep)
    await loop.run_in_executor(executor, _plan, store, parts)
    names = await loop.run_in_executor(executor, store.ids, State.ACTIVE)
    limit = parts.backoff.settings.active_limit
    await loop.run_in_executor(executor, _put_back, store, parts, names[limit:])
    async with admission.lock:
        for start in range(0, min(len(names), limit), BATCH):
            await admission.admit([(name, State.ACTIVE) for name in names[start : min(start + BATCH, limit)]])
    await parts.settler.turn()
    return len(names)


def _plan(store: QueueStore, parts: Parts) -> None:
    """An attempt that is planned for later than any may be was written down by a clock that was ahead: it is due."""
    now, longest = parts.clock(), parts.backoff.longest_wait
    for queue_id, until in store.deferred():
        if is_queue_id(queue_id):
            parts.plan.add(queue_id, now.planned(until, longest))


def _put_back(store: QueueStore, parts: Parts, queue_ids: list[str]) -> None:
    """What the active queue has no room for, because its limit was lowered, waits as deferred."""
    for queue_id in queue_ids:
        now = parts.clock()
        store.defer(queue_id, now.wall)
        parts.plan.add(queue_id, now.steady)
