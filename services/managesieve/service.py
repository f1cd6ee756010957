"""Wiring of managesieve: the only place where its parts meet."""

import asyncio
import sys
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prometheus_client import Gauge

from services.kernel.directory import Directory, DirectorySettings
from services.kernel.mailbox.config import MailboxSettings, SieveSettings
from services.kernel.mailbox.store import MailStore
from services.kernel.runtime import lifecycle
from services.kernel.runtime.config import PATH, ConfigError, Site, read
from services.kernel.runtime.lines import LineStream
from services.kernel.runtime.metrics import Metrics
from services.kernel.runtime.reception import House, Reception
from services.kernel.sasl import Sasl, SaslSettings
from services.kernel.wire.events import Emitter, Kind
from services.managesieve.config import ManagesieveSettings
from services.managesieve.connection import Connection, Surroundings
from services.managesieve.grammar import MAX_LINE_BYTES
from services.managesieve.responses import bye

_FULL = bye("too many sessions, try again later", b"TRYLATER")


@dataclass(frozen=True, slots=True)
class Settings:
    """The sections that managesieve reads."""

    site: Site
    managesieve: ManagesieveSettings
    sieve: SieveSettings
    mailbox: MailboxSettings
    directory: DirectorySettings
    sasl: SaslSettings


def read_settings(path: Path = PATH) -> Settings:
    """Read the configuration file. Raises ``ConfigError``."""
    document = read(path)
    return Settings(
        document.section(Site, "site"),
        document.section(ManagesieveSettings, "managesieve"),
        document.section(SieveSettings, "sieve"),
        document.section(MailboxSettings, "mailbox"),
        document.section(DirectorySettings, "directory"),
        document.section(SaslSettings, "sasl"),
    )


class Managesieve:
    """The worker; implements ``lifecycle.Service``. Raises ``ConfigError`` and ``OSError``."""

    def __init__(self, settings: Settings, number: int = 0) -> None:
        self._settings = settings.managesieve
        self._directory = Directory(settings.directory, settings.site.recipient_delimiter)
        self._store = MailStore(settings.mailbox)
        self._emitter = Emitter(settings.site.name, "managesieve", str(number), settings.managesieve.events_directory)
        self._metrics = Metrics()
        self._emitter.on_event = self._metrics.count_event
        gauge = Gauge("malleposte_managesieve_sessions", "Connections open now.", registry=self._metrics.registry, multiprocess_mode="livesum")
        house = House(MAX_LINE_BYTES, settings.managesieve.session_limit, _FULL)
        self._reception = Reception(house, settings.managesieve.tls, self._receive, self._tell_trouble)
        self._reception.on_count = gauge.set
        sasl = Sasl(settings.sasl, self._directory)
        self._around = Surroundings(settings.managesieve, settings.sieve, sasl, self._store, self._emitter, self._reception.context)
        self._metrics_server: asyncio.Server | None = None

    async def start(self) -> None:
        """Open the ports. Raises ``OSError``."""
        if self._settings.metrics_address:
            self._metrics_server = await self._metrics.serve(self._settings.metrics_address)
        for address in self._settings.listen:
            await self._reception.listen(address, is_tls=False)
        self._emitter.emit(Kind.STARTED)

    async def stop(self) -> None:
        """Close the ports, let each session answer what it has in hand, and give everything back."""
        if self._metrics_server is not None:
            self._metrics_server.close()
        await self._reception.stop()
        self._emitter.emit(Kind.STOPPED)
        self._directory.close()
        self._store.close()
        self._emitter.close()

    async def reload(self) -> None:
        """Load a renewed certificate."""
        self._reception.refresh_certificate()
        self._emitter.emit(Kind.RELOADED)

    def addresses(self) -> list[tuple[str, int]]:
        """Where it listens, for callers that asked for any port."""
        return self._reception.addresses()

    def _receive(self, stream: LineStream, _is_tls: bool) -> Connection:
        return Connection(stream, self._around)

    def _tell_trouble(self, words: str) -> None:
        self._emitter.emit(Kind.TROUBLE, stage="certificate", reason=words)


def main() -> None:
    """Run managesieve until a signal ends it."""
    try:
        settings = read_settings()
        lifecycle.run(partial(Managesieve, settings))
    except (ConfigError, OSError) as error:
        sys.exit(f"managesieve: {error}")
