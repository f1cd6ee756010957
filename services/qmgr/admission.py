"""The way from the disk into memory: new mail by hints and scans, deferred mail when its time has come."""

import asyncio
import errno
import functools
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Executor
from dataclasses import dataclass, field

from services.kernel.mail.queueid import is_queue_id
from services.kernel.spool.format import Corrupt, QueueFile, Truncated, Unfinished
from services.kernel.spool.store import QueueStore, State
from services.kernel.wire.events import Kind
from services.qmgr.active import Active, Parts
from services.qmgr.message import Message

BATCH = 100
"""Messages loaded at once: some 3 ms in the store's thread."""
BACKLOG = 100_000
"""New messages known by name, 10 MB; beyond this they are left to a later scan."""
UNFINISHED_SECONDS = 86_400.0
"""A file in ``incoming`` that is not whole and was not written to for this long was given up by its writer: a day for 256 KB is no upload."""
RETRY_SECONDS = 60.0
"""A deferred message that the disk does not give is tried again after this."""


@dataclass(slots=True)
class Loaded:
    """What came of loading a message. Without ``file`` there is none to deliver, for the reason in ``fault``."""

    queue_id: str
    state: State
    file: QueueFile | None = None
    arrived: float = 0.0
    """Since when the message is here, by the time of day."""
    fault: OSError | Corrupt | None = None


def load(store: QueueStore, wanted: Sequence[tuple[str, State]], now: float) -> list[Loaded]:
    """Read messages and make them active; what does not parse is put aside. ``now`` is the time of day. Blocks."""
    return [_load(store, queue_id, state, now) for queue_id, state in wanted]


def _load(store: QueueStore, queue_id: str, state: State, now: float) -> Loaded:
    loaded = Loaded(queue_id, state)
    try:
        file = _activate(store, queue_id, state)
        loaded.file, loaded.arrived = file, _arrived(store, file, now)
    except (FileNotFoundError, Unfinished):
        return loaded
    except Corrupt as corrupt:
        loaded.fault = corrupt
        try:
            store.move(queue_id, state, State.CORRUPT)
        except OSError as error:
            loaded.fault = error
    except OSError as error:
        loaded.fault = error
    return loaded


def _activate(store: QueueStore, queue_id: str, state: State) -> QueueFile:
    try:
        file = store.load(state, queue_id)
    except Unfinished as unfinished:
        if state is State.INCOMING:
            raise
        raise Corrupt(str(unfinished)) from unfinished
    except OSError as error:
        if error.errno == errno.EIO:
            raise Corrupt("the disk does not give it back") from error
        raise
    if file.envelope.queue_id != queue_id:
        raise Corrupt(f"the envelope is of {file.envelope.queue_id!r}")
    if state is not State.ACTIVE:
        store.move(queue_id, state, State.ACTIVE)
    return file


def _arrived(store: QueueStore, file: QueueFile, now: float) -> float:
    """When the lifetime begins. A clock that was ahead has stamped a message of the future: it counts from the first attempt that is past."""
    stamped = file.envelope.arrived
    if stamped <= now:
        return stamped
    return min((attempt.time for attempt in store.read_history(file.envelope.queue_id) if attempt.time <= now), default=now)


@dataclass(slots=True)
class Found:
    """What a scan of ``incoming`` found: queue ids, files that were given up and removed, and why others were put aside as corrupt."""

    queue_ids: list[str] = field(default_factory=list)
    abandoned: list[str] = field(default_factory=list)
    corrupt: list[tuple[str, str]] = field(default_factory=list)


def scan(store: QueueStore, now: float) -> Found:
    """Look through ``incoming``. Blocks; raises ``OSError``."""
    found = Found()
    for entry in store.settled(now):
        if not is_queue_id(entry.name):
            store.move(entry.name, State.INCOMING, State.CORRUPT)
            found.corrupt.append((entry.name, "not the name of a queue file"))
        elif entry.time >= now - UNFINISHED_SECONDS:
            found.queue_ids.append(entry.name)
        else:
            _sort_old(store, entry.name, found)
    return found


def _sort_old(store: QueueStore, queue_id: str, found: Found) -> None:
    """An old file is delivered when it is whole; one without its end may have been promised and is kept; one that was never finished goes."""
    try:
        store.load(State.INCOMING, queue_id)
    except Truncated as truncated:
        store.move(queue_id, State.INCOMING, State.CORRUPT)
        found.corrupt.append((queue_id, str(truncated)))
    except Unfinished:
        store.remove(queue_id, State.INCOMING, has_history=False)
        found.abandoned.append(queue_id)
    except (Corrupt, OSError):
        found.queue_ids.append(queue_id)
    else:
        found.queue_ids.append(queue_id)


class Admission:
    """Fills the active queue. While ``lock`` is held nothing is on its way in."""

    def __init__(self, store: QueueStore, executor: Executor, parts: Parts, active: Active) -> None:
        self._store = store
        self._executor = executor
        self._active = active
        self._plan = parts.plan
        self._trail = parts.trail
        self._clock = parts.clock
        self._backlog: deque[str] = deque()
        self._known: set[str] = set()
        self._wake = asyncio.Event()
        self.lock = asyncio.Lock()
        active.on_room = self.wake

    @property
    def is_busy(self) -> bool:
        """Something is known that is not in memory yet."""
        return bool(self._known) or self.lock.locked() or self._wake.is_set()

    def wake(self) -> None:
        """Something may be due, or there may be room."""
        self._wake.set()

    def hint(self, queue_ids: Sequence[str]) -> None:
        """New messages are said to be in ``incoming``."""
        for queue_id in queue_ids:
            if queue_id not in self._known and is_queue_id(queue_id) and len(self._known) < BACKLOG:
                self._known.add(queue_id)
                self._backlog.append(queue_id)
        self._wake.set()

    async def scan(self) -> None:
        """Find the new messages that no hint told of, unless there is enough to do already."""
        if len(self._backlog) > BATCH:
            return
        try:
            found = await asyncio.get_running_loop().run_in_executor(self._executor, scan, self._store, self._clock().wall)
        except OSError as error:
            self._trail.trouble("queue", str(error))
            return
        self.hint(found.queue_ids)
        for name, reason in found.corrupt:
            self._trail.corrupt(name, State.INCOMING, reason)
        for name in found.abandoned:
            self._trail.of(Kind.REMOVED, name, reason="its writer died before the message was accepted")

    async def run(self) -> None:
        """Let messages in until cancelled."""
        while True:
            await self._wake.wait()
            self._wake.clear()
            while wanted := self._choose(self._clock().steady):
                async with self.lock:
                    await self.admit(wanted)

    def _choose(self, now: float) -> list[tuple[str, State]]:
        """Deferred mail may fill half of the active queue, so that old trouble never shuts new mail out."""
        room = min(BATCH, self._active.room)
        if room <= 0:
            return []
        half = (self._active.room - len(self._active.messages)) // 2
        wanted = [(queue_id, State.DEFERRED) for queue_id in self._plan.take_due(now, min(room // 2 + 1, half))]
        while self._backlog and len(wanted) < room:
            wanted.append((self._backlog.popleft(), State.INCOMING))
        return wanted

    async def admit(self, wanted: Sequence[tuple[str, State]]) -> None:
        """Load messages and hand them to the active queue; the caller holds the lock."""
        results = await asyncio.get_running_loop().run_in_executor(self._executor, load, self._store, wanted, self._clock().wall)
        for loaded in results:
            self._known.discard(loaded.queue_id)
            if loaded.file is not None:
                await self._take(loaded, loaded.file)
            elif isinstance(loaded.fault, Corrupt):
                self._trail.corrupt(loaded.queue_id, loaded.state, str(loaded.fault))
        self._active.on_jobs()
        self._complain([loaded for loaded in results if isinstance(loaded.fault, OSError)])

    async def _take(self, loaded: Loaded, file: QueueFile) -> None:
        is_new = loaded.state is State.INCOMING
        try:
            await self._active.take(Message(loaded.queue_id, file, has_history=not is_new, arrived=loaded.arrived), is_new=is_new)
        except Exception as defect:  # noqa: BLE001  # the root of each message's way: a defect of ours stops this one only, and it is kept
            self._active.messages.pop(loaded.queue_id, None)
            self._trail.trouble("queue", f"put on hold: {defect!r}", loaded.queue_id)
            move = functools.partial(self._store.move, loaded.queue_id, State.ACTIVE, State.HOLD)
            await asyncio.get_running_loop().run_in_executor(self._executor, move)

    def _complain(self, faulty: list[Loaded]) -> None:
        if not faulty:
            return
        self._trail.trouble("queue", f"{faulty[0].fault} ({len(faulty)} messages)", faulty[0].queue_id)
        for loaded in faulty:
            if loaded.state is State.DEFERRED:
                self._plan.add(loaded.queue_id, self._clock().steady + RETRY_SECONDS)
