"""The composition root of qmgr."""

import asyncio
import contextlib
import os
import random
import signal
import sys
import time
import traceback
from collections.abc import Coroutine
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from prometheus_client import CollectorRegistry, Gauge

from services.kernel.directory import Directory, DirectorySettings
from services.kernel.routing import Router, RoutingSettings
from services.kernel.runtime import config, lifecycle
from services.kernel.runtime.metrics import Metrics
from services.kernel.runtime.workplace import near
from services.kernel.spool.disk import Disk
from services.kernel.spool.store import QueueLocked, QueueStore
from services.kernel.tables.collection import Tables
from services.kernel.wire import channel, control
from services.kernel.wire.events import Emitter, Kind
from services.qmgr.active import Active, Parts
from services.qmgr.admission import Admission
from services.qmgr.backoff import Backoff
from services.qmgr.clerk import Clerk
from services.qmgr.clock import Clock
from services.qmgr.config import QmgrSettings
from services.qmgr.control import Control
from services.qmgr.dispatch import Dispatcher
from services.qmgr.hints import HintSocket
from services.qmgr.plan import Plan
from services.qmgr.recovery import look_over, recover
from services.qmgr.reports import Composer
from services.qmgr.routes import Routes
from services.qmgr.settler import Settler
from services.qmgr.trail import Trail
from services.qmgr.turns import Turns

TICK_SECONDS = 1.0
"""How exact the plan of next attempts is; the shortest backoff is ten of these."""
GRACE_SECONDS = 12.0
"""For deliveries under way at a stop; what has no answer then is tried again after the start. Within ``lifecycle.STOP_SECONDS``."""


class Settings:
    """All that qmgr reads from the configuration. Raises ``ConfigError``."""

    def __init__(self, path: Path = config.PATH) -> None:
        document = config.read(path)
        self.path = path
        self.site = document.section(config.Site, "site")
        self.directory = document.section(DirectorySettings, "directory")
        self.routing = document.section(RoutingSettings, "routing")
        self.qmgr = document.section(QmgrSettings, "qmgr")


class Qmgr:
    """The one worker; implements ``lifecycle.Service``."""

    def __init__(self, settings: Settings, disk: Disk | None = None) -> None:
        self._settings = settings
        qmgr = settings.qmgr
        self._metrics = Metrics()
        self._emitter = Emitter(settings.site.name, "qmgr", "0", qmgr.events_directory)
        self._emitter.on_event = self._metrics.count_event
        self._trail = Trail(self._emitter)
        self._store = QueueStore(qmgr.queue_directory, disk)
        self._writer = ThreadPoolExecutor(1, "store")
        self._reader = ThreadPoolExecutor(1, "survey")
        self._parts = self._make_parts()
        self._active = Active(self._parts)
        self._admission = Admission(self._store, self._writer, self._parts, self._active)
        self._dispatcher = Dispatcher(qmgr, self._active.schedule, self._active.landed, self._trail.trouble)
        self._active.on_jobs = self._dispatcher.pump_soon
        self._active.on_reports = self._admission.hint
        self._control = Control(self._store, (self._writer, self._reader), self._parts, self._active, self._admission)
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[asyncio.Server | channel.Listener] = []
        self._hints: HintSocket | None = None
        self._is_looked_over = asyncio.Event()
        self._turns = Turns(self._flush_domain)
        _make_gauges(self._metrics.registry, self._active, self._parts.plan, self._dispatcher)

    def _make_parts(self) -> Parts:
        site = self._settings.site
        backoff = Backoff(self._settings.qmgr, self._settings.routing.transports)
        self._directory, router = self._make_router(self._settings)
        routes = Routes(router)
        clerk = Clerk(self._store, Composer(self._store, site.hostname, backoff))
        clock = Clock()
        settler = Settler(clerk, self._writer, routes, self._trail, clock.now)
        return Parts(backoff, routes, settler, self._trail, Plan(), clock.now, random.random)

    def _make_router(self, settings: Settings) -> tuple[Directory, Router]:
        directory = Directory(settings.directory, settings.site.recipient_delimiter)
        return directory, Router(settings.routing, settings.site, directory, Tables(lambda words: self._trail.trouble("tables", words)))

    async def start(self) -> None:
        """Part of ``Service``. Raises ``QueueLocked``. Recovery comes first, then mail; the operator is answered when all that waits is known."""
        asyncio.get_running_loop().set_exception_handler(self._tell_defect)
        qmgr = self._settings.qmgr
        self._store.lock()
        self._spawn(self._parts.settler.run())
        recovered = await recover(self._store, self._writer, self._parts, self._admission)
        self._hints = HintSocket(near(qmgr.queue_directory) / "hint", self._store.group(), self._admission.hint, self._turns.ask)
        self._hints.open()
        self._spawn(self._admission.run(), self._dispatcher.run(), self._tick())
        await look_over(self._store, self._reader, self._writer, self._parts)
        self._is_looked_over.set()
        self._servers.append(await self._metrics.serve(qmgr.metrics_address))
        self._servers.append(await channel.listen(qmgr.control, control.Request, self._control.answer, self._tell))  # type: ignore[arg-type]  # a union is no type
        self._emitter.emit(Kind.STARTED, recipients=0, reason=f"{recovered} messages were under way" if recovered else "")

    async def _flush_domain(self, domain: str) -> None:
        await self._is_looked_over.wait()
        await self._control.flush_domain(domain)

    def _spawn(self, *jobs: Coroutine[None, None, None]) -> None:
        for job in jobs:
            task = asyncio.get_running_loop().create_task(job)
            task.add_done_callback(self._ended)
            self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """None of the tasks ends by itself: after a defect a fresh process with a recovery is safer than half of one."""
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._tell(defect)
            self._emitter.flush()
            os.kill(os.getpid(), signal.SIGTERM)

    async def _tick(self) -> None:
        """What time alone brings about: deferred mail comes due, dead destinations may be tried, ``incoming`` is looked through."""
        next_scan = 0.0
        while True:
            now = time.monotonic()
            if now >= next_scan:
                await self._admission.scan()
                next_scan = now + (self._settings.qmgr.scan_seconds if next_scan else 2 * TICK_SECONDS)
            self._admission.wake()
            self._dispatcher.pump()
            await asyncio.sleep(TICK_SECONDS)

    async def stop(self) -> None:
        """Part of ``Service``: what is in memory stays in ``active`` and is taken up again at the next start."""
        for server in self._servers:
            server.close()
        if self._hints is not None:
            self._hints.close()
        self._turns.stop()
        await self._dispatcher.stop(GRACE_SECONDS)
        await self._parts.settler.turn()
        for task in self._tasks:
            task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._writer.shutdown()
        self._reader.shutdown(cancel_futures=True)
        self._directory.close()
        self._store.unlock()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Part of ``Service``: routing and times at once; directories, addresses and connections by a restart only."""
        try:
            settings = Settings(self._settings.path)
            directory, router = self._make_router(settings)
        except (config.ConfigError, OSError) as error:
            self._trail.trouble("config", f"configuration not reloaded: {error}")
            return
        self._directory.close()
        self._directory, self._parts.routes.router = directory, router
        self._parts.backoff.settings, self._parts.backoff.transports = settings.qmgr, settings.routing.transports
        self._active.schedule.adopt_rules(time.monotonic())
        self._dispatcher.pump_soon()
        self._settings = settings
        self._emitter.emit(Kind.RELOADED)

    def _tell(self, defect: BaseException) -> None:
        self._trail.trouble("defect", "".join(traceback.format_exception(defect))[-4000:])

    def _tell_defect(self, _loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
        defect = context.get("exception")
        if isinstance(defect, BaseException):
            self._tell(defect)
        else:
            self._trail.trouble("defect", str(context.get("message")))


def _make_gauges(registry: CollectorRegistry, active: Active, plan: Plan, dispatcher: Dispatcher) -> None:
    Gauge("malleposte_qmgr_active_messages", "Messages in memory.", registry=registry).set_function(lambda: len(active.messages))
    Gauge("malleposte_qmgr_deferred_messages", "Messages that wait for their next attempt.", registry=registry).set_function(lambda: len(plan))
    Gauge("malleposte_qmgr_deliveries", "Deliveries under way.", registry=registry).set_function(lambda: dispatcher.in_flight)


def main() -> None:
    """``python -m services.qmgr``."""
    try:
        settings = Settings()
        lifecycle.run(lambda _: Qmgr(settings), directory=settings.qmgr.queue_directory)
    except (config.ConfigError, QueueLocked, OSError) as error:
        sys.exit(f"qmgr: {error}")
