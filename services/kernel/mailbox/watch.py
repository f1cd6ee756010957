"""Waking those who wait for a change: inotify on the file that each commit touches, across containers on one host."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from asyncinotify import Inotify, Mask, Watch

from services.kernel.mailbox.trouble import mapped


class _Watched:
    """One mailbox and the callbacks for it."""

    def __init__(self, watch: Watch) -> None:
        self.watch = watch
        self.callbacks: dict[object, Callable[[], None]] = {}


class Watcher:
    """The watches of one process: one inotify instance, one task."""

    def __init__(self) -> None:
        self._inotify: Inotify | None = None
        self._task: asyncio.Task[None] | None = None
        self._watched: dict[str, _Watched] = {}

    async def start(self) -> None:
        """Begin to listen. Raises ``OSError`` when the machine has no inotify instance left."""
        self._inotify = Inotify()
        self._task = asyncio.create_task(self._listen(self._inotify))

    async def close(self) -> None:
        """Stop listening."""
        if self._task is not None:
            self._task.cancel()
            with suppress(asyncio.CancelledError):
                await self._task
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None
        self._watched.clear()

    def subscribe(self, notify_path: Path, wake: Callable[[], None]) -> Callable[[], None]:
        """Call ``wake`` in the event loop after each change of any folder of a user, by his ``notify_path``, several changes perhaps as one.

        Returns what ends the subscription. The callback must be short: set an event and look at the folder with ``changes``.
        Raises ``MailboxTrouble`` when the machine has no watch left (``fs.inotify.max_user_watches``).
        """
        assert self._inotify is not None, "the watcher was not started"
        path = str(notify_path)
        if path not in self._watched:
            with mapped():
                self._watched[path] = _Watched(self._inotify.add_watch(notify_path, Mask.ATTRIB))
        token = object()
        self._watched[path].callbacks[token] = wake
        return lambda: self._unsubscribe(path, token)

    def _unsubscribe(self, path: str, token: object) -> None:
        watched = self._watched.get(path)
        if watched is None or watched.callbacks.pop(token, None) is None or watched.callbacks:
            return
        del self._watched[path]
        # the file may be gone with its mailbox, and the watch with it
        with suppress(OSError, KeyError):
            if self._inotify is not None:
                self._inotify.rm_watch(watched.watch)

    async def _listen(self, inotify: Inotify) -> None:
        async for event in inotify:
            watched = self._watched.get(str(event.path))
            if watched is not None:
                for wake in list(watched.callbacks.values()):
                    wake()
