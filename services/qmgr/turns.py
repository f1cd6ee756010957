"""Domains whose mail is asked for by ETRN. Anybody may ask, so the queue is searched for one at a time, and never for most of the time."""

import asyncio
import time
from collections.abc import Awaitable, Callable

FLUSH_SECONDS = 30.0
"""Between two searches for what waits for the same domain."""
DOMAINS = 1000
"""Asked for lately, or waiting for their turn; beyond this none is remembered, and none waits: a queue is tried by its own times, too."""
REST = 9.0
"""The pause after a search, in times of what it took: a tenth of the time is for strangers."""


class Turns:
    """``flush`` searches the queue for a domain and has it tried."""

    def __init__(self, flush: Callable[[str], Awaitable[None]]) -> None:
        self._flush = flush
        self._flushed: dict[str, float] = {}
        self._waiting: dict[str, None] = {}
        self._task: asyncio.Task[None] | None = None

    def ask(self, domain: str) -> None:
        """Have a domain's mail tried when its turn comes, unless it was just now."""
        if time.monotonic() < self._flushed.get(domain, -FLUSH_SECONDS) + FLUSH_SECONDS or len(self._waiting) >= DOMAINS:
            return
        self._waiting[domain] = None
        if self._task is None or self._task.done():
            self._task = asyncio.get_running_loop().create_task(self._run())

    async def _run(self) -> None:
        while self._waiting:
            domain = next(iter(self._waiting))
            del self._waiting[domain]
            if len(self._flushed) >= DOMAINS:
                self._flushed.clear()
            begun = self._flushed[domain] = time.monotonic()
            await self._flush(domain)
            await asyncio.sleep(REST * (time.monotonic() - begun))

    def stop(self) -> None:
        """Begin no more."""
        if self._task is not None:
            self._task.cancel()
