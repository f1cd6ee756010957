"""Start-up: what a crash, a kill or a stop has left becomes a legal queue again.

First what was under way, before anything new is touched; then new mail comes in, and does not wait for the look over what is deferred.
"""

import asyncio
from concurrent.futures import Executor

from services.kernel.mail.queueid import is_queue_id
from services.kernel.spool.store import QueueStore, State
from services.qmgr.active import Parts
from services.qmgr.admission import BATCH, Admission


async def recover(store: QueueStore, executor: Executor, parts: Parts, admission: Admission) -> int:
    """Take up again what was under way; returns how many messages that were. Raises ``OSError`` when the volume cannot be read.

    The reports they owe are made before any message moves: a report that was committed just before a crash is then still where it is looked
    for, and not made twice.
    """
    loop = asyncio.get_running_loop()
    names = await loop.run_in_executor(executor, store.ids, State.ACTIVE)
    limit = parts.backoff.settings.active_limit
    await loop.run_in_executor(executor, _put_back, store, parts, names[limit:])
    async with admission.lock:
        for start in range(0, min(len(names), limit), BATCH):
            await admission.admit([(name, State.ACTIVE) for name in names[start : min(start + BATCH, limit)]])
    await parts.settler.turn()
    return len(names)


def _put_back(store: QueueStore, parts: Parts, queue_ids: list[str]) -> None:
    """What the active queue has no room for, because its limit was lowered, waits as deferred."""
    for queue_id in queue_ids:
        now = parts.clock()
        store.defer(queue_id, now.wall)
        parts.plan.add(queue_id, now.steady)


async def look_over(store: QueueStore, reader: Executor, writer: Executor, parts: Parts) -> None:
    """Plan what is deferred, and remove histories without a message, while mail goes on. Raises ``OSError`` when the volume cannot be read.

    ``writer`` is the store's thread: in no other one may a message be called gone, which could just be moving.
    """
    loop = asyncio.get_running_loop()
    deferred = await loop.run_in_executor(reader, dict, store.deferred())
    now, longest = parts.clock(), parts.backoff.longest_wait
    # an attempt that is planned for later than any may be was written down by a clock that was ahead: it is due
    parts.plan.fill({queue_id: now.planned(until, longest) for queue_id, until in deferred.items() if is_queue_id(queue_id)})
    await loop.run_in_executor(writer, store.sweep, await loop.run_in_executor(reader, store.strays))
