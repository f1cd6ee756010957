"""What the daemon does in the background: the index is kept up to date and short, and the queue is counted."""

import asyncio
import sqlite3
import threading
import time
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Gauge

from services.admin.config import AdminSettings
from services.admin.control import Control
from services.admin.trace.index import Index
from services.admin.trouble import ControlError
from services.kernel.wire.control import Stat, Stats

FORGET_SECONDS = 3600.0
"""How often what is older than the retention is looked for."""
COUNT_SECONDS = 15.0
"""How often the queue is counted: the interval at which Prometheus asks by custom."""

Tell = Callable[[str], None]


class Indexing:
    """Reads on in the event files. A fault is told when it is a new one, and tried again."""

    def __init__(self, settings: AdminSettings, tell: Tell) -> None:
        self._settings = settings
        self._tell = tell
        self._index: Index | None = None
        self._forget_at = 0.0
        self._lock = threading.Lock()
        self.fault = ""

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            fault = await asyncio.to_thread(self.turn)
            if fault and fault != self.fault:
                self._tell(fault)
            self.fault = fault
            await asyncio.sleep(self._settings.index_seconds)

    def turn(self) -> str:
        """Read on once; return what was wrong, or nothing. Blocking."""
        with self._lock:
            return self._turn()

    def _turn(self) -> str:
        try:
            if self._index is None:
                self._index = Index(self._settings.events_directory)
            self._index.catch_up()
            if time.monotonic() >= self._forget_at:
                self._forget_at = time.monotonic() + FORGET_SECONDS
                self._index.forget(time.time() - self._settings.retention_days * 86_400)
        except (OSError, sqlite3.Error) as error:
            self._close()
            return f"trace index: {error}"
        return ""

    def close(self) -> None:
        """Give the index back; the next turn opens it again.

        Blocking: it waits for a turn under way, which a task that was cancelled leaves behind in its thread.
        """
        with self._lock:
            self._close()

    def _close(self) -> None:
        if self._index is not None:
            self._index.close()
            self._index = None


class Counting:
    """The numbers of the queue as metrics. While qmgr cannot be asked there are none, so that nobody looks at old ones."""

    def __init__(self, settings: AdminSettings, registry: CollectorRegistry) -> None:
        self._address = settings.control
        self._messages = Gauge("malleposte_queue_messages", "Messages in the queue.", ["state"], registry=registry)
        self._oldest = Gauge("malleposte_queue_oldest_seconds", "Age of the oldest message.", ["state"], registry=registry)
        self._dead = Gauge("malleposte_queue_dead_sites", "Destinations that are held back.", registry=registry)
        self._eta = Gauge("malleposte_queue_eta_seconds", "When nothing waits for a destination any more.", ["site"], registry=registry)

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self.turn()
            await asyncio.sleep(COUNT_SECONDS)

    async def turn(self) -> None:
        """Count once."""
        try:
            async with Control(self._address) as control:
                self._show(await control.ask(Stat(), Stats))
        except ControlError:
            self._messages.clear()
            self._oldest.clear()
            self._eta.clear()

    def _show(self, stats: Stats) -> None:
        for state, count in stats.states.items():
            self._messages.labels(state).set(count)
            self._oldest.labels(state).set(stats.oldest_seconds.get(state, 0.0))
        self._eta.clear()
        for site in stats.sites:
            if site.eta_seconds is not None and site.waiting + site.deferred:
                self._eta.labels(site.nexthop).set(site.eta_seconds)
        now = time.time()
        self._dead.set(sum(site.dead_until > now for site in stats.sites))
