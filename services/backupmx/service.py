"""The composition root of backupmx."""

import asyncio
import contextlib
import os
import sys
import time
import traceback
from collections.abc import Coroutine
from pathlib import Path
from typing import Any

from prometheus_client import CollectorRegistry, Gauge

from services.backupmx.asking import Asking
from services.backupmx.config import BackupmxSettings
from services.backupmx.sync import Source, SyncFault
from services.backupmx.watch import Watch
from services.kernel.directory import Directory, DirectorySettings
from services.kernel.mail.domainclass import DomainClass
from services.kernel.routing import LookupTrouble, Router, RoutingSettings
from services.kernel.runtime import config, lifecycle
from services.kernel.runtime.metrics import Metrics
from services.kernel.tables.collection import Tables
from services.kernel.wire import channel, standby
from services.kernel.wire.events import Emitter, Kind

TICK_SECONDS = 1.0


class Settings:
    """All that backupmx reads from the configuration. Raises ``ConfigError``."""

    def __init__(self, path: Path = config.PATH) -> None:
        document = config.read(path)
        self.site = document.section(config.Site, "site")
        self.directory = document.section(DirectorySettings, "directory")
        self.routing = document.section(RoutingSettings, "routing")
        self.backupmx = document.section(BackupmxSettings, "backupmx")


class Backupmx:
    """The one worker; implements ``lifecycle.Service``. Raises ``ConfigError`` for certificates that cannot be used."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings.backupmx
        self._metrics = Metrics()
        self._emitter = Emitter(settings.site.name, "backupmx", "0", self._settings.events_directory)
        self._emitter.on_event = self._metrics.count_event
        self._directory = Directory(settings.directory, settings.site.recipient_delimiter)
        router = Router(settings.routing, settings.site, self._directory, Tables(self._tell_trouble))
        self._asking = Asking(self._settings, router)
        self._sources = [Source(name, primary, self._settings, time.time) for name, primary in self._settings.primaries.items()]
        self._faults: dict[str, str] = {}
        self._watch = Watch(self._settings.watch_seconds, self._settings.watch_limit)
        self._wake = asyncio.Event()
        self._sync_locks = {source.name: asyncio.Lock() for source in self._sources}
        self._tasks: list[asyncio.Task[None]] = []
        self._servers: list[asyncio.Server | channel.Listener] = []
        self._make_gauges(self._metrics.registry)

    def _make_gauges(self, registry: CollectorRegistry) -> None:
        age = Gauge("malleposte_mirror_age_seconds", "Since the primary last confirmed its recipients.", ["primary"], registry=registry)
        for source in self._sources:
            age.labels(source.name).set_function(lambda source=source: _age(source.confirmed))  # type: ignore[misc]  # bound at once
        down = Gauge("malleposte_primaries_down", "Domains that we back up whose primary does not answer.", registry=registry)
        down.set_function(lambda: sum(look.is_up is False for look in self._watch.looks.values()))

    async def start(self) -> None:
        """Part of ``Service``."""
        self._servers.append(await self._metrics.serve(self._settings.metrics_address))
        self._servers.append(await channel.listen(self._settings.control, standby.Request, self._answer, self._tell_defect))  # type: ignore[arg-type]  # a union is no type
        for job in (*map(self._keep_synced, self._sources), self._keep_watch(), self._keep_asking()):
            self._spawn(job)
        self._emitter.emit(Kind.STARTED)

    def _spawn(self, job: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(job)
        task.add_done_callback(self._ended)
        self._tasks.append(task)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """None of the tasks ends by itself: a defect is told, and a fresh process is better than half of one."""
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._tell_defect(defect)
            self._emitter.flush()
            os._exit(1)

    async def stop(self) -> None:
        """Part of ``Service``."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._directory.close()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Part of ``Service``: the domains are in the directory, which is asked each time; primaries change by a restart only."""
        self._watch.hurry()
        self._wake.set()
        self._emitter.emit(Kind.RELOADED)

    async def _domains(self) -> list[str]:
        """The domains that we back up; those of a whole tree by the name of its top."""
        found = [domain.name for domain in await self._directory.domains() if domain.domain_class is DomainClass.BACKUP]
        return sorted({name.removeprefix(".") for name in found})

    # Mirroring.

    async def _keep_synced(self, source: Source) -> None:
        """Each by itself: a primary that answers a byte at a time keeps no other one's recipients from us."""
        while True:
            await self._sync(source)
            await asyncio.sleep(self._settings.sync_seconds)

    async def _sync(self, source: Source) -> None:
        async with self._sync_locks[source.name]:
            try:
                await asyncio.to_thread(source.sync, source.asked(await self._domains()))
                fault = ""
            except (SyncFault, LookupTrouble) as error:
                fault = str(error)
        is_stale = _age(source.confirmed) > self._settings.stale_seconds
        if fault and is_stale and not self._faults.get(source.name):
            self._tell_trouble(f"recipients of {source.name} are {_say_age(source.confirmed)} old: {fault}")
        self._faults[source.name] = fault

    # Watching.

    async def _keep_watch(self) -> None:
        """Each look by itself: a primary that takes connections and says nothing keeps no other one's return from us."""
        async with asyncio.TaskGroup() as looks:
            while True:
                try:
                    self._watch.follow(await self._domains())
                except LookupTrouble as trouble:
                    self._tell_trouble(str(trouble))
                for domain in self._watch.begin(time.monotonic()):
                    looks.create_task(self._look_once(domain))
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(TICK_SECONDS):
                        await self._wake.wait()
                self._wake.clear()

    async def _look_once(self, domain: str) -> None:
        try:
            await self._look_at(domain)
        finally:
            self._watch.end(domain)

    async def _look_now(self, domains: list[str]) -> None:
        """For the operator: also where a look is under way, which may have begun before he repaired something."""

        async def look_at(domain: str) -> None:
            async with places:
                await self._look_at(domain)

        places = asyncio.Semaphore(self._settings.watch_limit)
        await asyncio.gather(*map(look_at, domains))

    async def _keep_asking(self) -> None:
        """A primary that was away for less than the time between two looks is missed by none of the mail that came meanwhile."""
        while True:
            if trusted := self._watch.take_trusted(time.monotonic()):
                for domain, words in (await self._asking.failures(trusted)).items():
                    if self._watch.doubt(domain, time.monotonic(), words):
                        self._emitter.emit(Kind.SITE_DOWN, nexthop=domain, reason=words)
                        self._wake.set()
            await asyncio.sleep(TICK_SECONDS)

    async def _look_at(self, domain: str) -> None:
        began = time.monotonic()
        is_up, words = await self._asking.answers(domain)
        if not self._watch.saw(domain, began, time.monotonic(), is_up=is_up, words=words):
            return
        self._emitter.emit(Kind.SITE_UP if is_up else Kind.SITE_DOWN, nexthop=domain, reason=words)
        if is_up and (fault := await self._asking.flush(domain)):
            self._tell_trouble(f"mail for {domain} cannot be hastened: {fault}")

    # The operator.

    async def _answer(self, request: standby.Request) -> standby.Response:
        match request:
            case standby.Sync(name):
                for source in self._sources:
                    if name in ("", source.name):
                        await self._sync(source)
            case standby.Look(domain):
                self._watch.follow(await self._domains())
                await self._look_now([name for name in self._watch.looks if domain in ("", name)])
            case standby.Follow(traces):
                return await self._follow(traces)
        return self._state()

    async def _follow(self, traces: list[str]) -> standby.Told:
        asked = [asyncio.to_thread(source.follow, traces) for source in self._sources]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        lines: list[str] = []
        faults = []
        for source, answer in zip(self._sources, answers, strict=True):
            match answer:
                case list():
                    lines += answer
                case SyncFault():
                    faults.append(f"{source.name}: {answer}")
                case _:
                    raise answer
        return standby.Told(lines, faults)

    def _state(self) -> standby.State:
        primaries = [
            standby.PrimaryState(
                source.name,
                source.confirmed,
                source.held.version[:12] if source.held else "",
                {name: -1 if facts.takes_all else len(facts.local_parts) for name, facts in source.held.domains.items()} if source.held else {},
                self._faults.get(source.name, ""),
            )
            for source in self._sources
        ]
        began = time.time() - time.monotonic()
        looks = sorted(self._watch.looks.items())
        domains = [standby.DomainState(name, look.is_up, look.since and began + look.since, look.words) for name, look in looks]
        return standby.State(primaries, domains)

    def _tell_trouble(self, words: str) -> None:
        self._emitter.emit(Kind.TROUBLE, reason=words)

    def _tell_defect(self, defect: BaseException) -> None:
        self._tell_trouble("".join(traceback.format_exception(defect))[-4000:])


def _age(confirmed: float) -> float:
    """In seconds. A confirmation of the future is by a clock that was ahead: it was given nobody knows when, and counts by how wrong it is."""
    return abs(time.time() - confirmed)


def _say_age(confirmed: float) -> str:
    return f"{round(_age(confirmed) / 60)} minutes" if confirmed else "not there, so any time"


def main() -> None:
    """``python -m services.backupmx``."""
    try:
        settings = Settings()
        lifecycle.run(lambda _: Backupmx(settings))
    except (config.ConfigError, OSError) as error:
        sys.exit(f"backupmx: {error}")
