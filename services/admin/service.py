"""The daemon, put together: the only place where admin's parts are wired."""

import asyncio
import signal
import sys

from prometheus_client import CONTENT_TYPE_LATEST

from services.admin.chores import Counting, Indexing
from services.admin.config import AdminSettings
from services.admin.web import Answer, Web
from services.kernel.directory import Directory, DirectorySettings, DirectoryTrouble
from services.kernel.runtime import lifecycle
from services.kernel.runtime.config import PATH, ConfigError, Document, Site, read
from services.kernel.runtime.metrics import Metrics
from services.kernel.wire.events import Emitter, Kind


class Admin:
    """The one worker of the container."""

    def __init__(self, document: Document) -> None:
        site = document.section(Site, "site")
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
        if self._settings.metrics_address:
            self._servers.append(await self._metrics.serve(self._settings.metrics_address))
        for chore in (self._indexing, self._counting):
            task = asyncio.create_task(chore.run())
            task.add_done_callback(_end_with)
            self._tasks.append(task)
        self._emitter.emit(Kind.STARTED)

    async def stop(self) -> None:
        """Close the ports, end the chores."""
        for server in self._servers:
            server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._indexing.close()
        self._directory.close()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Nothing is held that follows a file; each command reads the configuration anew."""
        self._emitter.emit(Kind.RELOADED)

    @property
    def port(self) -> int:
        """The port of the HTTP side."""
        number: int = self._servers[0].sockets[0].getsockname()[1]
        return number

    async def _health(self) -> Answer:
        try:
            await self._directory.version()
        except DirectoryTrouble as trouble:
            return "503 Service Unavailable", "text/plain", f"{trouble}\n".encode()
        fault = self._indexing.fault
        return ("503 Service Unavailable", "text/plain", f"{fault}\n".encode()) if fault else ("200 OK", "text/plain", b"well\n")

    async def _expose(self) -> Answer:
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
