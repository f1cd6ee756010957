"""The composition root of relay."""

import asyncio
import random
import sys
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter

from services.kernel.dns.resolver import Resolver
from services.kernel.dns.upstream import Upstream
from services.kernel.routing.config import RoutingSettings
from services.kernel.runtime import config, lifecycle
from services.kernel.runtime.metrics import Metrics
from services.kernel.runtime.workplace import near
from services.kernel.smtp.client import Verb
from services.kernel.smtp.client_tls import Contexts
from services.kernel.smtp.client_wire import OnStep
from services.kernel.smtp.connection import Connection, Terms, open_connection
from services.kernel.spool.reader import open_content
from services.kernel.tables.collection import Tables
from services.kernel.wire import channel
from services.kernel.wire.channel import Listener
from services.kernel.wire.delivery import Request
from services.kernel.wire.events import Emitter, Kind
from services.relay.carriers import Carriers, Openers
from services.relay.config import RelaySettings, Timeouts
from services.relay.delivery import Deliverer, Manners, Network
from services.relay.desk import Desk, Staff
from services.relay.encryption import Said, tls_policies
from services.relay.generic import make_generic
from services.relay.hosts import HostFinder, Own
from services.relay.inspection import Inspector
from services.relay.logins import without_secrets
from services.relay.pool import Line, Pool, PoolLimits
from services.relay.sts import Known
from services.relay.trial import STEP_SECONDS, Trials

GRACE_SECONDS = 15.0
"""For what is under way at a stop; with ``channel.PART_SECONDS`` within the 20 s of ``lifecycle.STOP_SECONDS``."""


class Settings:
    """All that relay reads from the configuration. Raises ``ConfigError``."""

    def __init__(self, path: Path = config.PATH) -> None:
        document = config.read(path)
        self.path = path
        self.site = document.section(config.Site, "site")
        self.relay = document.section(RelaySettings, "relay")
        self.document = document
        self.routing = document.section(RoutingSettings, "routing")


class Relay:
    """The worker; implements ``lifecycle.Service``."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._emitter = Emitter(settings.site.name, "relay", "0", settings.relay.events_directory)
        self._emitter.on_event = self._metrics.count_event
        self._opened = _opened_counter(self._metrics.registry)
        self._sts_known = Known()
        self._pool, staff = self._build(settings)
        self._desk = Desk(staff, self._metrics.registry, self._tell_trouble)
        self._servers: list[asyncio.Server | Listener] = []
        self._hop: Listener | None = None

    def _build(self, settings: Settings) -> tuple[Pool, Staff]:
        """Everything that follows from the configuration. Raises ``OSError`` when there is no name server."""
        site, relay = settings.site, settings.relay
        resolver = Resolver(Upstream(relay.name_servers), time.monotonic)
        own = _own(settings)
        contexts, seconds = Contexts(), _seconds(relay.timeouts)
        pool = Pool(_pool_limits(relay), partial(self._open, contexts, seconds), time.monotonic)
        said = Said(settings.document, relay, settings.routing.transports)
        policies = tls_policies(said, resolver, Tables(self._tell_trouble), self._sts_known, self._tell_trouble)
        network = Network(HostFinder(resolver, own, random.SystemRandom()), pool, own, policies)
        passwords = Tables(without_secrets(self._tell_trouble))
        generics = partial(make_generic, site, settings.routing, Tables(self._tell_trouble))
        carriers = Carriers(relay, site, settings.routing.transports, Openers(passwords.open, generics))
        manners = Manners(relay.addresses_limit, relay.sessions_limit, self._tell_trouble)
        deliverer = Deliverer(manners, carriers, network, partial(open_content, near(relay.queue_directory)))
        brief = {verb: min(limit, STEP_SECONDS) for verb, limit in seconds.items()}
        trials = Trials(carriers, network.finder, policies, partial(self._open, contexts, brief))
        return pool, Staff(deliverer, trials, Inspector(carriers, network.finder, policies))

    async def _open(self, contexts: Contexts, seconds: Mapping[Verb, float], line: Line, on_step: OnStep | None = None) -> Connection:
        context = await contexts.context(line.manner.tls)
        connection = await open_connection(line.endpoint, Terms(line.manner, context, seconds, line.source, on_step=on_step))
        self._opened.inc()
        return connection

    async def start(self) -> None:
        """Part of ``Service``."""
        relay = self._settings.relay
        self._servers.append(await self._metrics.serve(relay.metrics_address))
        self._hop = await channel.listen(relay.listen, Request, self._desk.answer, self._tell_defect)  # type: ignore[arg-type]  # a union is no type
        self._servers.append(self._hop)
        self._emitter.emit(Kind.STARTED)

    async def stop(self) -> None:
        """Part of ``Service``."""
        for server in self._servers:
            server.close()
        await self._desk.finish(GRACE_SECONDS)
        if self._hop is not None:
            await self._hop.part()
        self._pool.close()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Part of ``Service``: new requests go by the new settings; addresses to listen on change by a restart only."""
        try:
            settings = Settings(self._settings.path)
            pool, self._desk.staff = self._build(settings)
        except (config.ConfigError, OSError) as error:
            self._tell_trouble(f"configuration not reloaded: {error}")
            return
        self._pool.close()
        self._pool, self._settings = pool, settings
        self._emitter.emit(Kind.RELOADED)

    def _tell_trouble(self, words: str) -> None:
        self._emitter.emit(Kind.TROUBLE, reason=words)

    def _tell_defect(self, defect: BaseException) -> None:
        self._tell_trouble(f"delivery hop: {defect!r}")


def _own(settings: Settings) -> Own:
    names = {settings.site.hostname, *settings.relay.own_names}
    addresses = {str(address) for address in settings.relay.own_addresses}
    return Own(frozenset(name.lower().rstrip(".") for name in names), frozenset(addresses))


def _pool_limits(relay: RelaySettings) -> PoolLimits:
    limits = relay.connections
    return PoolLimits(limits.limit, limits.smtp_rest_seconds, limits.lmtp_rest_seconds, limits.age_limit_seconds, limits.deliveries_limit)


def _seconds(limits: Timeouts) -> dict[Verb, float]:
    return {
        Verb.CONNECT: limits.connect,
        Verb.GREETING: limits.greeting,
        Verb.EHLO: limits.hello,
        Verb.HELO: limits.hello,
        Verb.LHLO: limits.hello,
        Verb.STARTTLS: limits.starttls,
        Verb.AUTH: limits.auth,
        Verb.XFORWARD: limits.mail,
        Verb.MAIL: limits.mail,
        Verb.RCPT: limits.rcpt,
        Verb.DATA: limits.data,
        Verb.CONTENT: limits.content,
        Verb.DOT: limits.dot,
        Verb.BDAT: limits.dot,
        Verb.RSET: limits.reset,
    }


def _opened_counter(registry: CollectorRegistry) -> Counter:
    return Counter("malleposte_relay_connections_opened", "Connections opened to servers.", registry=registry)


def main() -> None:
    """``python -m services.relay``."""
    try:
        settings = Settings()
        lifecycle.run(lambda _: Relay(settings), directory=settings.relay.queue_directory)
    except (config.ConfigError, OSError) as error:
        sys.exit(f"relay: {error}")
