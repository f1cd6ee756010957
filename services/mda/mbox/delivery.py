"""Deliveries to mbox files: those to one file together, those to a file that another program holds patiently and few at a time."""

import asyncio
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, nullcontext
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from weakref import WeakValueDictionary

from services.kernel.mail import mbox
from services.kernel.mailbox.delivery import Letter
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.records import Appended, Growth, Quota, Usage
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble, OverQuota, mapped
from services.mda.config import MboxSettings
from services.mda.mbox.file import Held, Spoilt, opened
from services.mda.mbox.home import SITE, MboxHome, SiteHome

BATCH = 50
"""Messages behind one lock, so that readers get their turn."""
PATIENT = 3
"""Deliveries that wait for a file that another program holds."""
ATTEMPT_SECONDS = 1.0
"""Between two attempts to lock (Postfix ``deliver_lock_delay``)."""
PAUSE_SECONDS = 1.0
"""With the lock free after a full batch: other programs look for it once a second."""
_APPENDED = Appended(0, 0)
"""An mbox has no UIDs."""


@dataclass(frozen=True, slots=True, eq=False)
class _Waiting:
    letter: Letter
    future: asyncio.Future[Appended]
    since: float

    def settle(self, trouble: Exception | None) -> None:
        """Tell who waits, unless he went away."""
        if not self.future.done():
            if trouble is None:
                self.future.set_result(_APPENDED)
            else:
                self.future.set_exception(trouble)


class MboxDelivery:
    """Implements ``filing.Deliverer``. ``close`` it at the end."""

    def __init__(
        self,
        store: MailStore,
        disk: Disk,
        settings: MboxSettings,
        on_growth: Callable[[Growth], None] = lambda _: None,
        tell: Callable[[str], None] = lambda _: None,
    ) -> None:
        """``on_growth`` hears, in the event loop, what deliveries do to accounts with a quota of bytes, and ``tell`` of locks that stay."""
        self._store = store
        self._disk = disk
        self._settings = settings
        self._on_growth = on_growth
        self._tell = tell
        self._queues: dict[Path, list[_Waiting]] = {}
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._tasks: set[asyncio.Task[None]] = set()
        self._is_closing = False

    async def deliver(self, letter: Letter) -> Appended:
        """Return once the letter is on stable storage. Raises ``OverQuota``, ``Held``, ``MailboxFull`` or ``MailboxTrouble``.

        The draft must stay open until then: a caller that is cancelled lets the delivery go on.
        """
        loop = asyncio.get_running_loop()
        waiting = _Waiting(letter, loop.create_future(), loop.time())
        path = self._home(letter).path(letter.place.folder)
        queue = self._queues.setdefault(path, [])
        queue.append(waiting)
        if len(queue) == 1:
            task = loop.create_task(self._serve(path, queue))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)
        return await waiting.future

    def hurry(self) -> None:
        """Wait for no lock any more."""
        self._is_closing = True

    async def close(self) -> None:
        """Deliver what waits."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _home(self, letter: Letter) -> MboxHome | SiteHome:
        return SiteHome(self._store.root) if letter.address == SITE else MboxHome(self._store.home(letter.address))

    async def _serve(self, path: Path, queue: list[_Waiting]) -> None:
        """Until nobody waits for this file. Who comes during an attempt is in the next one."""
        while queue:
            batch = queue[:BATCH]
            try:
                async with self._turn(batch):
                    troubles = await self._store.run(self._append, path, batch)
            except Held as held:
                self._send_away(queue, held)
                if queue:
                    await asyncio.sleep(ATTEMPT_SECONDS)
                continue
            except Exception as error:  # noqa: BLE001  # the root of the task: whatever it is, it is temporary to the sender
                troubles = [error if isinstance(error, MailboxTrouble) else MailboxTrouble(f"{type(error).__name__}: {error}")] * len(batch)
            del queue[: len(batch)]
            for waiting, trouble in zip(batch, troubles, strict=True):
                waiting.settle(trouble)
            if queue and len(batch) == BATCH and not self._is_closing:
                await asyncio.sleep(PAUSE_SECONDS)
        del self._queues[path]

    def _turn(self, batch: Sequence[_Waiting]) -> AbstractAsyncContextManager[None]:
        """Of an account with a quota one file at a time, since each counts what is in the others."""
        if not any(waiting.letter.quota.size_bytes for waiting in batch):
            return nullcontext()
        return self._turns.setdefault(batch[0].letter.address, asyncio.Lock())

    def _send_away(self, queue: list[_Waiting], held: Held) -> None:
        """Leave those few who have not waited long."""
        patience = 0.0 if self._is_closing else self._settings.lock_seconds
        limit = asyncio.get_running_loop().time() - patience
        kept = [waiting for waiting in queue if waiting.since > limit][:PATIENT]
        for waiting in queue:
            if waiting not in kept:
                waiting.settle(held)
        queue[:] = kept

    def _append(self, path: Path, batch: Sequence[_Waiting]) -> list[Exception | None]:
        """What became of each letter. Blocks. Where it raises, whatever it is, no letter is in the file, unless it is ``Spoilt``."""
        home, now, loop = self._home(batch[0].letter), time.time(), batch[0].future.get_loop()
        home.make(self._disk)

        def tell(words: str) -> None:
            loop.call_soon_threadsafe(self._tell, words)

        troubles: list[Exception | None] = []
        with mapped(), opened(path, self._disk, self._settings.stale_lock_seconds, time.time, tell) as box:
            before, size = home.usage_bytes(), box.size_bytes
            for waiting in batch:
                try:
                    with mapped():
                        box.add(_form(waiting.letter, now), self._most_bytes(waiting.letter.quota, before - size))
                    troubles.append(None)
                except Spoilt:
                    raise
                except (MailboxTrouble, OverQuota) as trouble:
                    troubles.append(trouble)
            grown = box.size_bytes - size
        if quota_bytes := max(waiting.letter.quota.size_bytes for waiting in batch):
            growth = Growth(batch[0].letter.address, Quota(quota_bytes), Usage(before, 0), Usage(before + grown, 0))
            loop.call_soon_threadsafe(self._on_growth, growth)
        return troubles

    def _most_bytes(self, quota: Quota, others_bytes: int) -> int:
        """How long a file may be beside others of the account; 0 for no limit."""
        left = max(1, quota.size_bytes - others_bytes) if quota.size_bytes else 0
        return min(filter(None, (self._settings.size_limit, left)), default=0)


def _form(letter: Letter, now: float) -> Iterator[bytes]:
    """A letter as it stands in the file, in pieces. Its head begins with the field that names the envelope sender, where it has one."""
    blocks = filter(None, chain((letter.prefix,), letter.draft.blocks()))
    first = next(blocks, b"")
    yield mbox.separator(first, now) + mbox.status(sorted(letter.place.flags), is_old=False)
    yield from mbox.quoted(mbox.stateless(chain((first,), blocks)))
