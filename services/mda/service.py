"""The composition root of mda: the only place where its parts meet."""

import asyncio
import sys
import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prometheus_client import Gauge

from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.reader import Directory
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.delivery import Delivery
from services.kernel.mailbox.store import MailStore, tools_of_this_machine
from services.kernel.runtime import config, lifecycle
from services.kernel.runtime.metrics import Metrics
from services.kernel.smtp.handler import Rules
from services.kernel.smtp.server import Server
from services.kernel.wire.events import Emitter, Kind
from services.mda.config import MdaSettings
from services.mda.conversation import XTRACE, Conversation, House

TRACE_FIELDS_BYTES = 1024 * 1024
"""What a message may have grown by since smtpd measured it: the fields that each hop puts on top."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The sections that mda reads."""

    site: config.Site
    mda: MdaSettings
    mailbox: MailboxSettings
    directory: DirectorySettings


def read_settings(path: Path = config.PATH) -> Settings:
    """Read the configuration. Raises ``ConfigError``."""
    document = config.read(path)
    return Settings(
        document.section(config.Site, "site"),
        document.section(MdaSettings, "mda"),
        document.section(MailboxSettings, "mailbox"),
        document.section(DirectorySettings, "directory"),
    )


class Mda:
    """The worker; implements ``lifecycle.Service``."""

    def __init__(self, settings: Settings, number: int = 0) -> None:
        self._settings = settings
        self._metrics = Metrics()
        self._emitter = Emitter(settings.site.name, "mda", str(number), settings.mda.events_directory)
        self._emitter.on_event = self._metrics.count_event
        tools = tools_of_this_machine()
        self._store = MailStore(settings.mailbox, tools)
        self._delivery = Delivery(self._store, tools.disk)
        self._directory = Directory(settings.directory, settings.site.recipient_delimiter)
        sessions = Gauge("malleposte_mda_sessions", "Connections open now.", registry=self._metrics.registry, multiprocess_mode="livesum")
        house = House(self._directory, self._store, self._delivery, self._emitter, sessions, settings.mda.defers_over_quota)
        self._server = Server(_rules(settings), lambda peer: Conversation(house, peer), self._tell_defect)
        self._metrics_server: asyncio.Server | None = None
        self.ports: list[int] = []
        """Where it listens, in the order of the configuration; known after ``start``."""

    async def start(self) -> None:
        """Part of ``Service``."""
        self._delivery.start()
        if self._settings.mda.metrics_address:
            self._metrics_server = await self._metrics.serve(self._settings.mda.metrics_address)
        for address in self._settings.mda.listen:
            host, _, port = address.rpartition(":")
            self.ports.append(await self._server.listen(host.strip("[]") or None, int(port)))
        self._emitter.emit(Kind.STARTED)

    async def stop(self) -> None:
        """Part of ``Service``."""
        await self._server.stop()
        if self._metrics_server is not None:
            self._metrics_server.close()
        await asyncio.to_thread(self._delivery.close)
        await asyncio.to_thread(self._store.close)
        self._directory.close()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Part of ``Service``: there is nothing that changes while it runs."""
        self._emitter.emit(Kind.RELOADED)

    def _tell_defect(self, defect: BaseException) -> None:
        self._emitter.emit(Kind.TROUBLE, reason="".join(traceback.format_exception(defect))[-4000:])


def _rules(settings: Settings) -> Rules:
    mda = settings.mda
    size_limit = settings.site.message_size_limit + TRACE_FIELDS_BYTES
    return Rules(
        hostname=settings.site.hostname,
        is_lmtp=True,
        size_limit=size_limit,
        text_line_limit=size_limit,  # smtpd has judged the lines
        keywords=(XTRACE,),
        private_parameters=frozenset({XTRACE}),
        recipient_limit=mda.recipient_limit,
        data_seconds=mda.data_seconds,
        # relay is no stranger: what it tries is not punished, and all its connections have one address
        soft_error_limit=sys.maxsize,
        hard_error_limit=sys.maxsize,
        junk_limit=sys.maxsize,
        session_limit=mda.session_limit,
        client_session_limit=mda.session_limit,
    )


def main() -> None:
    """``python -m services.mda``."""
    try:
        settings = read_settings()
        lifecycle.run(partial(Mda, settings))
    except (config.ConfigError, OSError) as error:
        sys.exit(f"mda: {error}")
