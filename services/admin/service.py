"""The daemon, put together: the only place where admin's parts are wired."""

import asyncio
import signal
import sys

from prometheus_client import CONTENT_TYPE_LATEST

from services.admin.chores import Counting, Indexing
from services.admin.config import AdminSettings, MirrorSettings
from services.admin.mirror.journeys import Journeys
from services.admin.mirror.recipients import Lister
from services.admin.mirror.server import Identity, MirrorServer
from services.admin.web import Answer, Handler, Web
from services.kernel.directory import Directory, DirectorySettings, DirectoryTrouble
from services.kernel.routing import Router, RoutingSettings
from services.kernel.runtime import lifecycle
from services.kernel.runtime.config import PATH, ConfigError, Document, Site, read
from services.kernel.runtime.metrics import Metrics
from services.kernel.tables.collection import Tables
from services.kernel.wire.events import Emitter, Kind
from services.kernel.wire.journey import PATH as PATH_OF_JOURNEYS
from services.kernel.wire.recipients import PATH as PATH_OF_RECIPIENTS

MIRROR_HEAD_BYTES = 1024 * 1024
"""The names of ten thousand domains stand in one request."""


class Admin:
    """The one worker of the container."""

    def __init__(self, document: Document) -> None:
        site = document.section(Site, "site")
        self._document = document
        self._mirror: MirrorServer | None = None
        self._settings = document.section(AdminSettings, "admin")
        self._directory = Directory(document.section(DirectorySettings, "directory"), site.recipient_delimiter)
        self._metrics = Metrics()
        self._emitter = Emitter(site.name, "admin", "0", self._settings.events_directory)
        self._emitter.on_event = self._metrics.count_event
        self._indexing = Indexing(self._settings, lambda fault: self._emitter.emit(Kind.TROUBLE, stage="index", reason=fault))
        self._counting = Counting(self._settings, self._metrics.registry)
        self._web = Web({"/healthz": self._health, "/metrics": self._expose})
        self._servers: list[asyncio.Server] = []
        self._tasks: list[asyncio.Task[None]] = []

    async def start(self) -> None:
        """Open the ports and begin the chores. Raises ``OSError``."""
        self._servers.append(await self._web.listen(self._settings.address))
        if self._settings.mirror.secondaries:
            self._servers.append(await self._open_mirror(self._settings.mirror))
        if self._settings.metrics_address:
            self._servers.append(await self._metrics.serve(self._settings.metrics_address))
        for chore in (self._indexing, self._counting):
            task = asyncio.create_task(chore.run())
            task.add_done_callback(_end_with)
            self._tasks.append(task)
        self._emitter.emit(Kind.STARTED)

    async def _open_mirror(self, settings: MirrorSettings) -> asyncio.Server:
        identity = Identity(settings.certificate_file, settings.key_file)
        self._mirror = MirrorServer(self._make_lister(self._document), identity.load_key())
        context = identity.context(settings.secondaries)
        handlers: dict[str, Handler] = {PATH_OF_RECIPIENTS: self._mirror.answer, PATH_OF_JOURNEYS: Journeys(self._settings.events_directory).answer}
        return await Web(handlers, MIRROR_HEAD_BYTES).listen(settings.listen, context)

    def _make_lister(self, document: Document) -> Lister:
        site, routing = document.section(Site, "site"), document.section(RoutingSettings, "routing")
        tables = Tables(lambda fault: self._emitter.emit(Kind.TROUBLE, stage="tables", reason=fault))
        return Lister(site, routing, self._directory, tables, Router(routing, site, self._directory, tables))

    async def stop(self) -> None:
        """Close the ports, end the chores."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.to_thread(self._indexing.close)
        self._directory.close()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """The mirror goes by the new routing; each command reads the configuration anew, and what is listened on changes by a restart only."""
        if self._mirror is not None:
            try:
                self._mirror.lister = self._make_lister(read(PATH))
            except ConfigError as fault:
                self._emitter.emit(Kind.TROUBLE, reason=f"configuration not reloaded: {fault}")
                return
        self._emitter.emit(Kind.RELOADED)

    @property
    def port(self) -> int:
        """The port of the HTTP side."""
        number: int = self._servers[0].sockets[0].getsockname()[1]
        return number

    async def _health(self, _query: str) -> Answer:
        try:
            await self._directory.version()
        except DirectoryTrouble as trouble:
            return "503 Service Unavailable", "text/plain", f"{trouble}\n".encode()
        fault = self._indexing.fault
        return ("503 Service Unavailable", "text/plain", f"{fault}\n".encode()) if fault else ("200 OK", "text/plain", b"well\n")

    async def _expose(self, _query: str) -> Answer:
        return "200 OK", CONTENT_TYPE_LATEST, self._metrics.render()


def _end_with(task: asyncio.Task[None]) -> None:
    """A chore that fails is a defect: stop the process, so that the container is started again and the defect is seen."""
    if not task.cancelled() and (defect := task.exception()) is not None:
        print(f"admin: {defect!r}", file=sys.stderr, flush=True)
        signal.raise_signal(signal.SIGTERM)


def main() -> None:
    """Run the daemon until a signal ends it."""
    try:
        document = read(PATH)
        lifecycle.run(lambda _number: Admin(document))
    except (ConfigError, OSError) as error:
        print(f"admin: {error}", file=sys.stderr)
        sys.exit(1)
