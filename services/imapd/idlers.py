"""Sessions in IDLE, told many at a time.

Hundreds may wait for news of one folder. To have each of them wake up, look and go back to sleep takes longer than to say what happened. So one
task for each mailbox looks once for all who know the same, and says it for them while they sleep on. Who cannot be told so is woken, and does it
himself as after any other command: he may be speaking already, or slow to read, or have wishes of his own (NOTIFY), or the look fails.
"""

import asyncio
import contextlib
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import Protocol

from services.imapd.selected import Look
from services.kernel.mailbox.user import UserMail
from services.kernel.mailbox.watch import Watcher

TURN_SESSIONS = 25
"""Told in one turn of the event loop, some 1 ms; what was said goes out at its end."""


class Idler(Protocol):
    """What is needed of a session in IDLE."""

    def ring(self) -> None:
        """Have it look for itself."""

    @property
    def moment(self) -> Hashable:
        """What it knows of its folder; ``None`` when it must look for itself."""

    async def glance(self) -> tuple[Look, bool]:
        """Look at the folder for all who know the same, and tell whether this was who looked first. Raises what that raises."""

    def tell(self, found: Look, *, is_first: bool) -> None:
        """Say what happened, while the session sleeps."""


class Idlers:
    """The sessions of a process that are in IDLE, by the mailbox that they hear of."""

    def __init__(self, watcher: Watcher) -> None:
        self._watcher = watcher
        self._rooms: dict[str, _Room] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def enter(self, owner: UserMail, idler: Idler) -> Callable[[], None]:
        """Have a session told of changes in the mailbox of ``owner``; returns what ends that. Raises ``MailboxTrouble``."""
        room = self._rooms.get(owner.address)
        if room is None:
            room = _Room(self._start)
            room.unsubscribe = self._watcher.subscribe(owner.notify_path, room.ring)
            self._rooms[owner.address] = room
        room.idlers[idler] = None
        return lambda: self._leave(owner.address, idler)

    def _leave(self, address: str, idler: Idler) -> None:
        room = self._rooms[address]
        del room.idlers[idler]
        if not room.idlers:
            room.unsubscribe()
            del self._rooms[address]

    def _start(self, room: "_Room") -> None:
        task = asyncio.get_running_loop().create_task(room.tell_all())
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def close(self) -> None:
        """Tell nobody any more."""
        for task in list(self._tasks):
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task


class _Room:
    """Those who hear of one mailbox. One task at a time tells them, started by the bell."""

    def __init__(self, start: Callable[["_Room"], None]) -> None:
        self.idlers: dict[Idler, None] = {}
        self.unsubscribe: Callable[[], None] = lambda: None
        self._start = start
        self._is_at_work = False
        self._has_rung = False

    def ring(self) -> None:
        """Something happened in the mailbox."""
        self._has_rung = True
        if not self._is_at_work:
            self._is_at_work = True
            self._start(self)

    async def tell_all(self) -> None:
        """Tell all, until nothing has happened since."""
        try:
            while self._has_rung:
                self._has_rung = False
                await self._tell_by_moment()
        finally:
            self._is_at_work = False

    async def _tell_by_moment(self) -> None:
        by_moment: dict[Hashable, list[Idler]] = {}
        for idler in self.idlers:
            by_moment.setdefault(idler.moment, []).append(idler)
        _ring(by_moment.pop(None, ()))
        await asyncio.gather(*(_tell(moment, idlers) for moment, idlers in by_moment.items()))


async def _tell(moment: Hashable, idlers: Sequence[Idler]) -> None:
    """Tell those who know the same at this moment. Whatever goes wrong, each meets it by himself, and says so to his client."""
    told = 0
    try:
        found, is_first = await idlers[0].glance()
        for told, idler in enumerate(idlers):
            if told % TURN_SESSIONS == TURN_SESSIONS - 1:
                await asyncio.sleep(0)
            if idler.moment != moment:
                idler.ring()
                continue
            idler.tell(found, is_first=is_first)
            is_first = False
    except Exception:  # noqa: BLE001  # the root of the work: who is woken finds the same trouble, and it is reported there
        _ring(idlers[told:])


def _ring(idlers: Iterable[Idler]) -> None:
    for idler in idlers:
        idler.ring()
