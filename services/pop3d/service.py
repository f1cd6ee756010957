"""Wiring of pop3d: the only place where its parts meet."""

import asyncio
import sys
from dataclasses import dataclass

from prometheus_client import Gauge

from services.kernel.directory import Directory, DirectorySettings
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.store import MailStore
from services.kernel.runtime import lifecycle
from services.kernel.runtime.config import PATH, ConfigError, Site, read
from services.kernel.runtime.lines import LineStream
from services.kernel.runtime.metrics import Metrics
from services.kernel.runtime.reception import House, Reception
from services.kernel.sasl import Sasl, SaslSettings
from services.kernel.wire.events import Emitter, Kind
from services.pop3d.commands import MAX_LINE_BYTES
from services.pop3d.config import Pop3dSettings
from services.pop3d.connection import Accounts, Connection, Surroundings

_FULL = b"-ERR [SYS/TEMP] too many sessions, try again later\r\n"


@dataclass(frozen=True, slots=True)
class Settings:
    """The sections that pop3d reads."""

    site: Site
    pop3d: Pop3dSettings
    mailbox: MailboxSettings
    directory: DirectorySettings
    sasl: SaslSettings


class Pop3d:
    """One worker. It closes the store and the accounts when it stops."""

    def __init__(self, settings: Settings, store: MailStore, accounts: Accounts, number: int = 0) -> None:
        self._settings = settings.pop3d
        self._number = number
        self._accounts = accounts
        self._store = store
        self._emitter = Emitter(settings.site.name, "pop3d", str(number), settings.pop3d.events_directory)
        house = House(MAX_LINE_BYTES, settings.pop3d.session_limit, _FULL)
        self._reception = Reception(house, settings.pop3d.tls, self._receive, self._tell_trouble)
        self._metrics = Metrics()
        self._emitter.on_event = self._metrics.count_event
        gauge = Gauge("malleposte_pop3d_sessions", "Connections open now.", registry=self._metrics.registry, multiprocess_mode="livesum")
        self._reception.on_count = gauge.set
        sasl = Sasl(settings.sasl, accounts)
        self._around = Surroundings(settings.site.hostname, self._settings, accounts, sasl, store, self._emitter, self._reception.context)
        self._metrics_server: asyncio.Server | None = None

    async def start(self) -> None:
        """Open the ports. Raises ``OSError``."""
        if self._number == 0 and self._settings.metrics_address:
            self._metrics_server = await self._metrics.serve(self._settings.metrics_address)
        for address in self._settings.listen:
            await self._reception.listen(address, is_tls=False)
        for address in self._settings.listen_tls:
            await self._reception.listen(address, is_tls=True)
        self._emitter.emit(Kind.STARTED)

    async def stop(self) -> None:
        """Close the ports, let each session answer what it has in hand, and give everything back."""
        if self._metrics_server is not None:
            self._metrics_server.close()
        await self._reception.stop()
        self._emitter.emit(Kind.STOPPED)
        self._accounts.close()
        self._store.close()
        self._emitter.close()

    async def reload(self) -> None:
        """Load a renewed certificate."""
        self._reception.refresh_certificate()
        self._emitter.emit(Kind.RELOADED)

    def addresses(self) -> list[tuple[str, int]]:
        """Where POP3 and POP3 over TLS are served, for callers that asked for any port."""
        return self._reception.addresses()

    def _receive(self, stream: LineStream, is_tls: bool) -> Connection:
        return Connection(stream, self._around, is_tls=is_tls)

    def _tell_trouble(self, words: str) -> None:
        self._emitter.emit(Kind.TROUBLE, stage="certificate", reason=words)


def read_settings() -> Settings:
    """Read the configuration file. Raises ``ConfigError``."""
    document = read(PATH)
    return Settings(
        document.section(Site, "site"),
        document.section(Pop3dSettings, "pop3d"),
        document.section(MailboxSettings, "mailbox"),
        document.section(DirectorySettings, "directory"),
        document.section(SaslSettings, "sasl"),
    )


def build(settings: Settings, number: int = 0) -> Pop3d:
    """Make a worker with the site's own mailboxes and directory."""
    directory = Directory(settings.directory, settings.site.recipient_delimiter)
    return Pop3d(settings, MailStore(settings.mailbox), directory, number)


def main() -> None:
    """Run pop3d until a signal ends it."""
    try:
        settings = read_settings()
    except ConfigError as error:
        sys.exit(str(error))
    lifecycle.run(lambda number: build(settings, number), settings.pop3d.workers, settings.mailbox.root)
