"""The composition root of verify."""

import asyncio
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Gauge

from services.kernel.directory import Directory, DirectorySettings
from services.kernel.routing import Router, RoutingSettings
from services.kernel.runtime import config, lifecycle
from services.kernel.runtime.metrics import Metrics
from services.kernel.tables.collection import Tables
from services.kernel.wire import channel
from services.kernel.wire.events import Emitter, Kind
from services.kernel.wire.verdict import Ask, Request, State
from services.verify.cache import Cache
from services.verify.config import VerifySettings, to_seconds
from services.verify.desk import Desk, Rules, Tools
from services.verify.directions import Directions, Target
from services.verify.line import Line
from services.verify.prober import Means, Prober
from services.verify.record import Record, Times
from services.verify.throttle import Limits, Throttle

FORGET_SECONDS = 3600.0
"""How often what has expired is removed (Postfix ``address_verify_cache_cleanup_interval`` is 12 h; it is cheap here)."""


class Settings:
    """All that verify reads from the configuration. Raises ``ConfigError``."""

    def __init__(self, path: Path = config.PATH) -> None:
        document = config.read(path)
        self.path = path
        self.site = document.section(config.Site, "site")
        self.directory = document.section(DirectorySettings, "directory")
        self.routing = document.section(RoutingSettings, "routing")
        self.verify = document.section(VerifySettings, "verify")

    @property
    def sender(self) -> str:
        """The envelope sender of probes, in full."""
        name = self.verify.address_verify_sender
        return name if not name or "@" in name else f"{name}@{self.site.hostname}"


class Verify:
    """The one worker; implements ``lifecycle.Service``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        verify = settings.verify
        self._metrics = Metrics()
        self._emitter = Emitter(settings.site.name, "verify", "0", verify.events_directory)
        self._emitter.on_event = self._metrics.count_event
        self._cache = Cache(verify.cache_directory, verify.cache_entries, self._tell_trouble)
        self._line = Line(verify.relay)
        throttle = Throttle(_limits(verify), time.monotonic)
        means = Means(self._line, throttle, self._cache, self._tell_probe, self._tell_defect, time.time)
        self._prober = Prober(means, settings.sender, keeps_negative=verify.address_verify_negative_cache)
        self._directory, rules = self._build(settings)
        registry = self._metrics.registry
        self._desk = Desk(rules, self._cache, self._prober, Tools(registry, self._tell_trouble, time.time))
        self._probes = Counter("malleposte_verify_probes", "Probes by what they found.", ["state"], registry=registry)
        _make_gauges(registry, self._cache, throttle)
        self._servers: list[asyncio.Server | channel.Listener] = []
        self._chore: asyncio.Task[None] | None = None

    def _build(self, settings: Settings) -> tuple[Directory, Rules]:
        """What a reload makes anew."""
        directory = Directory(settings.directory, settings.site.recipient_delimiter)
        routing = settings.verify.route(settings.routing)
        router = Router(routing, settings.site, directory, Tables(self._tell_trouble))
        return directory, Rules(Directions(router, directory, settings.sender), _times(settings.verify))

    async def start(self) -> None:
        """Part of ``Service``."""
        verify = self._settings.verify
        await self._cache.open()
        self._servers.append(await self._metrics.serve(verify.metrics_address))
        self._servers.append(await channel.listen(verify.control, Request, self._desk.answer, self._tell_defect))  # type: ignore[arg-type]  # a union is no type
        self._servers.append(await channel.listen(verify.listen, Ask, self._desk.answer, self._tell_defect))
        self._chore = asyncio.get_running_loop().create_task(self._forget())
        self._chore.add_done_callback(self._ended)
        self._emitter.emit(Kind.STARTED)

    async def _forget(self) -> None:
        while True:
            times, now = self._desk.rules.times, time.time()
            ages = {State.DELIVERABLE: times.positive_expire, State.UNDELIVERABLE: times.negative_expire, State.UNKNOWN: times.unknown}
            await self._cache.forget((state, now - age) for state, age in ages.items())
            await asyncio.sleep(FORGET_SECONDS)

    def _ended(self, task: asyncio.Task[None]) -> None:
        """The chore does not end by itself: after a defect a fresh process is safer than half of one."""
        if not task.cancelled() and (defect := task.exception()) is not None:
            self._tell_defect(defect)
            self._emitter.flush()
            os.kill(os.getpid(), signal.SIGTERM)

    async def stop(self) -> None:
        """Part of ``Service``: probes under way are given up; smtpd treats their addresses as unknown."""
        for server in self._servers:
            server.close()
        if self._chore is not None:
            self._chore.cancel()
        await self._prober.stop()
        self._line.close()
        await self._cache.close()
        self._directory.close()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Part of ``Service``: routing, times and sender at once; addresses, limits and the cache by a restart only."""
        try:
            settings = Settings(self._settings.path)
            directory, rules = self._build(settings)
        except (config.ConfigError, OSError) as error:
            self._tell_trouble(f"configuration not reloaded: {error}")
            return
        self._directory.close()
        self._directory, self._desk.rules, self._settings = directory, rules, settings
        self._prober.sender = settings.sender
        self._prober.keeps_negative = settings.verify.address_verify_negative_cache
        self._emitter.emit(Kind.RELOADED)

    def _tell_probe(self, target: Target, found: Record, seconds: float) -> None:
        self._probes.labels(found.state.value).inc()
        facts = {"recipient": target.address, "nexthop": found.nexthop, "remote": found.remote, "reply": str(found.reply)}
        self._emitter.emit(Kind.PROBED, **facts, sender=self._prober.sender, reason=found.state.value, seconds=round(seconds, 3))

    def _tell_trouble(self, words: str) -> None:
        self._emitter.emit(Kind.TROUBLE, reason=words)

    def _tell_defect(self, defect: BaseException) -> None:
        self._tell_trouble("".join(traceback.format_exception(defect))[-4000:])


def _limits(verify: VerifySettings) -> Limits:
    return Limits(
        probes=verify.probes_limit,
        destination_probes=verify.destination_probes_limit,
        waiting=verify.waiting_limit,
        per_second=verify.probes_per_second,
        site_down=verify.site_down_seconds,
    )


def _times(verify: VerifySettings) -> Times:
    return Times(
        positive_expire=to_seconds(verify.address_verify_positive_expire_time),
        positive_refresh=to_seconds(verify.address_verify_positive_refresh_time),
        negative_expire=to_seconds(verify.address_verify_negative_expire_time),
        negative_refresh=to_seconds(verify.address_verify_negative_refresh_time),
        unknown=verify.unknown_seconds,
    )


def _make_gauges(registry: CollectorRegistry, cache: Cache, throttle: Throttle) -> None:
    Gauge("malleposte_verify_cache_entries", "Addresses in the cache.", registry=registry).set_function(lambda: cache.size)
    Gauge("malleposte_verify_probes_under_way", "Probes under way.", registry=registry).set_function(lambda: throttle.under_way)
    Gauge("malleposte_verify_probes_waiting", "Probes that wait for their turn.", registry=registry).set_function(lambda: throttle.waiting)


def main() -> None:
    """``python -m services.verify``."""
    os.umask(0o027)
    try:
        settings = Settings()
        lifecycle.run(lambda _: Verify(settings))
    except (config.ConfigError, OSError) as error:
        sys.exit(f"verify: {error}")
