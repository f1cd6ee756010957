"""The composition root: one worker of imapd."""

import ssl
import sys
from functools import partial
from pathlib import Path

from prometheus_client import Gauge

from services.imapd.admission import Admission
from services.imapd.config import ImapdSettings
from services.imapd.filler import Filler
from services.imapd.idlers import Idlers
from services.imapd.session import House
from services.imapd.sessions import Sessions
from services.kernel.directory import Directory, DirectorySettings
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.watch import Watcher
from services.kernel.runtime import config, lifecycle
from services.kernel.runtime.metrics import Metrics
from services.kernel.runtime.tls import Certificate
from services.kernel.sasl import Sasl, SaslSettings
from services.kernel.wire.events import Emitter, Kind


class Settings:
    """All that imapd reads from the configuration. Raises ``ConfigError``."""

    def __init__(self, path: Path = config.PATH) -> None:
        document = config.read(path)
        self.path = path
        self.site = document.section(config.Site, "site")
        self.directory = document.section(DirectorySettings, "directory")
        self.mailbox = document.section(MailboxSettings, "mailbox")
        self.sasl = document.section(SaslSettings, "sasl")
        self.imapd = document.section(ImapdSettings, "imapd")


class Imapd:
    """One worker; implements ``lifecycle.Service``."""

    def __init__(self, settings: Settings, number: int) -> None:
        self._settings = settings
        self._number = number
        self._metrics = Metrics()
        self._emitter = Emitter(settings.site.name, "imapd", str(number), settings.imapd.events_directory)
        self._emitter.on_event = self._metrics.count_event
        self._store = MailStore(settings.mailbox)
        self._watcher = Watcher()
        self._filler = Filler(self._store, self._tell_trouble)
        self._idlers = Idlers(self._watcher)
        gauge = Gauge("malleposte_imapd_sessions", "Sessions open now.", registry=self._metrics.registry, multiprocess_mode="livesum")
        self._admission = Admission(settings.imapd.sessions, settings.imapd.sessions_per_user, gauge.set)
        self._directory = Directory(settings.directory, settings.site.recipient_delimiter)
        self._sessions = Sessions(self._house(settings))
        self.ports: list[int] = []
        """Where it listens, in the order of the configuration; known after ``start``."""

    def _house(self, settings: Settings) -> House:
        certificate = Certificate(settings.imapd.tls)
        return House(
            settings=settings.imapd,
            hostname=settings.site.hostname,
            message_size_limit=settings.site.message_size_limit,
            quota_warnings=settings.mailbox.quota_warnings,
            store=self._store,
            watcher=self._watcher,
            directory=self._directory,
            sasl=Sasl(settings.sasl, self._directory),
            admission=self._admission,
            emitter=self._emitter,
            filler=self._filler,
            idlers=self._idlers,
            tls=partial(self._current_context, certificate),
        )

    def _current_context(self, certificate: Certificate) -> ssl.SSLContext:
        """The files are looked at for each handshake: two stats are nothing beside it."""
        try:
            certificate.refresh()
        except OSError as error:
            self._tell_trouble(f"new certificate not used: {error}")
        return certificate.context

    async def start(self) -> None:
        """Part of ``Service``."""
        settings = self._settings.imapd
        await self._watcher.start()
        if settings.catalogue_in_background:
            self._filler.start()
        for address in settings.listen:
            self.ports.append(await self._sessions.listen(*_split(address), tls_first=False))
        for address in settings.listen_tls:
            self.ports.append(await self._sessions.listen(*_split(address), tls_first=True))
        if self._number == 0:
            await self._metrics.serve(settings.metrics_address)
        self._emitter.emit(Kind.STARTED)

    async def stop(self) -> None:
        """Part of ``Service``."""
        await self._sessions.stop()
        await self._filler.close()
        await self._idlers.close()
        await self._watcher.close()
        self._directory.close()
        self._store.close()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Part of ``Service``: new sessions live by the new settings; addresses, workers, limits on sessions and the stores need a restart."""
        try:
            settings = Settings(self._settings.path)
            house = self._house(settings)
        except (config.ConfigError, OSError) as error:
            self._tell_trouble(f"configuration not reloaded: {error}")
            return
        self._settings, self._sessions.house = settings, house
        self._emitter.emit(Kind.RELOADED)

    def _tell_trouble(self, words: str) -> None:
        self._emitter.emit(Kind.TROUBLE, reason=words)


def _split(address: str) -> tuple[str | None, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]") or None, int(port)


def main() -> None:
    """``python -m services.imapd``."""
    try:
        settings = Settings()
        lifecycle.run(partial(Imapd, settings), settings.imapd.workers, settings.mailbox.root)
    except (config.ConfigError, OSError) as error:
        sys.exit(f"imapd: {error}")
