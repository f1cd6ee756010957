"""Wiring of pop3d: the only place where its parts meet."""

import asyncio
import ssl
import sys
from dataclasses import dataclass

from prometheus_client import Gauge

from services.kernel.directory import Directory, DirectorySettings
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.store import MailStore
from services.kernel.runtime import lifecycle
from services.kernel.runtime.config import PATH, ConfigError, Site, read
from services.kernel.runtime.metrics import Metrics
from services.kernel.runtime.tls import Certificate
from services.kernel.wire.events import Emitter, Kind
from services.pop3d.commands import MAX_LINE_BYTES
from services.pop3d.config import Pop3dSettings
from services.pop3d.connection import Accounts, Connection, Surroundings
from services.pop3d.lines import HANDSHAKE_SECONDS, LineStream

CERTIFICATE_CHECK_SECONDS = 10.0
"""A renewed certificate is in use this long after it appears, at the latest; looking costs two ``stat``."""
STOP_SECONDS = 10.0
"""Half of what the life cycle allows: time for sessions to answer what they have in hand."""
BACKLOG = 512
"""More than the sessions that may come in while one turn of the loop lasts."""
_FULL = b"-ERR [SYS/TEMP] too many sessions, try again later\r\n"


@dataclass(frozen=True, slots=True)
class Settings:
    """The sections that pop3d reads."""

    site: Site
    pop3d: Pop3dSettings
    mailbox: MailboxSettings
    directory: DirectorySettings


class Pop3d:
    """One worker. It closes the store and the accounts when it stops."""

    def __init__(self, settings: Settings, store: MailStore, accounts: Accounts, number: int = 0) -> None:
        self._settings = settings.pop3d
        self._number = number
        self._accounts = accounts
        self._store = store
        self._emitter = Emitter(settings.site.name, "pop3d", str(number), settings.pop3d.events_directory)
        self._certificate = Certificate(settings.pop3d.tls)
        self._certificate_checked = 0.0
        self._metrics = Metrics()
        self._emitter.on_event = self._metrics.count_event
        self._gauge = Gauge("malleposte_pop3d_sessions", "Connections open now.", registry=self._metrics.registry, multiprocess_mode="livesum")
        self._around = Surroundings(settings.site.hostname, self._settings, accounts, store, self._emitter, self._context)
        self._servers: list[asyncio.Server] = []
        self._sessions: dict[asyncio.Task[None], Connection] = {}

    async def start(self) -> None:
        """Open the ports. Raises ``OSError``."""
        if self._number == 0 and self._settings.metrics_address:
            self._servers.append(await self._metrics.serve(self._settings.metrics_address))
        for address in self._settings.listen:
            self._servers.append(await self._listen(address, is_tls=False))
        for address in self._settings.listen_tls:
            self._servers.append(await self._listen(address, is_tls=True))
        self._emitter.emit(Kind.STARTED)

    async def stop(self) -> None:
        """Close the ports, let each session answer what it has in hand, and give everything back."""
        for server in self._servers:
            server.close()
        for session in self._sessions.values():
            session.stop()
        if self._sessions:
            _, late = await asyncio.wait(self._sessions, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._emitter.emit(Kind.STOPPED)
        self._accounts.close()
        self._store.close()
        self._emitter.close()

    async def reload(self) -> None:
        """Load a renewed certificate."""
        self._refresh_certificate()
        self._emitter.emit(Kind.RELOADED)

    def addresses(self) -> list[tuple[str, int]]:
        """Where POP3 and POP3 over TLS are served, for callers that asked for any port."""
        return [server.sockets[0].getsockname()[:2] for server in self._servers]

    async def _listen(self, address: str, *, is_tls: bool) -> asyncio.Server:
        host, _, port = address.rpartition(":")
        loop = asyncio.get_running_loop()

        def protocol() -> LineStream:
            return LineStream(lambda stream: self._begin(stream, is_tls), MAX_LINE_BYTES)

        return await loop.create_server(
            protocol,
            host or None,
            int(port),
            reuse_port=True,
            backlog=BACKLOG,
            ssl=self._context_for_all() if is_tls else None,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if is_tls else None,
        )

    def _context_for_all(self) -> ssl.SSLContext:
        """The context to listen with: it hands each handshake over to the one of that moment, so that a renewed certificate is used."""

        def use_current(session: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            session.context = self._context()

        self._certificate.context.sni_callback = use_current
        return self._certificate.context

    def _begin(self, stream: LineStream, is_tls: bool) -> None:
        if len(self._sessions) >= self._settings.session_limit:
            stream.refuse(_FULL)
            return
        connection = Connection(stream, self._around, is_tls=is_tls)
        task = asyncio.get_running_loop().create_task(connection.serve())
        self._sessions[task] = connection
        self._gauge.inc()
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._sessions[task]
        self._gauge.dec()

    def _context(self) -> ssl.SSLContext:
        now = asyncio.get_running_loop().time()
        if now - self._certificate_checked > CERTIFICATE_CHECK_SECONDS:
            self._certificate_checked = now
            self._refresh_certificate()
        return self._certificate.context

    def _refresh_certificate(self) -> None:
        try:
            self._certificate.refresh()
        except OSError as error:
            self._emitter.emit(Kind.TROUBLE, stage="certificate", reason=str(error))


def read_settings() -> Settings:
    """Read the configuration file. Raises ``ConfigError``."""
    document = read(PATH)
    return Settings(
        document.section(Site, "site"),
        document.section(Pop3dSettings, "pop3d"),
        document.section(MailboxSettings, "mailbox"),
        document.section(DirectorySettings, "directory"),
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
    lifecycle.run(lambda number: build(settings, number), settings.pop3d.workers)
