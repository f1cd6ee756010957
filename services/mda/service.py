"""The composition root of mda: the only place where its parts meet."""

import asyncio
import sys
import time
import traceback
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from prometheus_client import Gauge

from services.kernel.directory.account import MailboxFormat
from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.reader import Directory
from services.kernel.mailbox.acl import Change
from services.kernel.mailbox.config import MailboxSettings, SieveSettings
from services.kernel.mailbox.delivery import Delivery
from services.kernel.mailbox.store import MailStore, tools_of_this_machine
from services.kernel.routing import Router, RoutingSettings
from services.kernel.runtime import config, lifecycle
from services.kernel.runtime.metrics import Metrics
from services.kernel.smtp.handler import Rules
from services.kernel.smtp.server import Server
from services.kernel.spool.intake import Intake, minter
from services.kernel.tables.collection import Tables
from services.kernel.wire import channel, mailboxes
from services.kernel.wire.events import Emitter, Kind
from services.kernel.wire.hint import Hinter
from services.mda.config import MdaSettings
from services.mda.conversation import XMBOX, XTRACE, Conversation, House
from services.mda.desk import Desk
from services.mda.filing import Deliverers, Filing
from services.mda.forwarding import Forwarding
from services.mda.mbox.delivery import MboxDelivery
from services.mda.message import Mailroom
from services.mda.notices import Manners, Notices
from services.mda.outbox import Outbox
from services.mda.quotas import QuotaRules, Quotas, Rooms
from services.mda.rulebook import Rulebook
from services.mda.sorting import Customs, Hands, Sorter
from services.mda.telling import Teller

TRACE_FIELDS_BYTES = 1024 * 1024
"""What a message may have grown by since smtpd measured it: the fields that each hop puts on top."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The sections that mda reads."""

    site: config.Site
    mda: MdaSettings
    mailbox: MailboxSettings
    directory: DirectorySettings
    routing: RoutingSettings
    sieve: SieveSettings
    path: Path = config.PATH


def read_settings(path: Path = config.PATH) -> Settings:
    """Read the configuration. Raises ``ConfigError``."""
    document = config.read(path)
    return Settings(
        document.section(config.Site, "site"),
        document.section(MdaSettings, "mda"),
        document.section(MailboxSettings, "mailbox"),
        document.section(DirectorySettings, "directory"),
        document.section(RoutingSettings, "routing"),
        document.section(SieveSettings, "sieve"),
        path,
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
        self._directory = Directory(settings.directory, settings.site.recipient_delimiter)
        self._quotas = self._build_quotas()
        self._delivery = Delivery(self._store, tools.disk, self._quotas.grown)
        self._quotas.deliverer = self._delivery
        self._mbox_delivery = MboxDelivery(
            self._store, tools.disk, settings.mda.mbox, lambda growth: self._quotas.warn(growth, self._mbox_delivery), self._tell_trouble
        )
        self._deliverers: Deliverers = {MailboxFormat.MAILDIR: self._delivery, MailboxFormat.MBOX: self._mbox_delivery}
        self._watching: asyncio.Task[None] | None = None
        sessions = Gauge("malleposte_mda_sessions", "Connections open now.", registry=self._metrics.registry, multiprocess_mode="livesum")
        self._intake = Intake(settings.mda.queue_directory, settings.site.message_size_limit)
        self._hinter = Hinter(str(settings.mda.queue_directory / "hint"))
        self._sorter = self._build_sorter()
        mailroom = Mailroom(self._deliverers, self._sorter, Teller(self._emitter), settings.mda.defers_over_quota)
        self._mboxes = set(settings.routing.mboxes)
        house = House(self._directory, self._store, mailroom, self._emitter, sessions, self._mboxes)
        self._server = Server(_rules(settings), lambda peer: Conversation(house, peer), self._tell_defect)
        self._desk = Desk(self._store, tools.disk, self._directory, settings.sieve.script_limits, self._tell_sharing)
        self._desk_server: channel.Listener | None = None
        self._metrics_server: asyncio.Server | None = None
        self.ports: list[int] = []
        """Where it listens, in the order of the configuration; known after ``start``."""

    def _build_quotas(self) -> Quotas:
        """What follows when mailboxes fill up."""
        mda, site = self._settings.mda, self._settings.site
        rules = QuotaRules(site.hostname, self._settings.mailbox.quota_warnings, site.message_size_limit)
        rooms = Rooms(mda.room_directory, rules.least_bytes) if mda.room_directory is not None else None
        return Quotas(self._store, self._directory, rooms, rules, self._emitter)

    def _build_sorter(self) -> Sorter:
        """What rules need."""
        settings, store = self._settings, self._store
        site, sieve, teller = settings.site, settings.sieve, Teller(self._emitter)
        router = Router(settings.routing, site, self._directory, Tables(self._tell_trouble))
        outbox = Outbox(self._intake, self._hinter, router, minter(), time.time)
        filing = Filing(store, self._deliverers, teller)
        hands = Hands(
            filing,
            Forwarding(outbox, store, teller, site.hostname, sieve.redirect_sender),
            Notices(outbox, store, filing, teller, Manners(site.hostname, sieve.vacation_sender, sieve.notify_sender)),
            teller,
        )
        customs = Customs(site.hostname, site.recipient_delimiter, sieve.limits, sieve.log_bytes)
        return Sorter(store, Rulebook(sieve, store, self._tell_trouble), hands, customs)

    async def start(self) -> None:
        """Part of ``Service``."""
        self._delivery.start()
        if self._settings.mda.metrics_address:
            self._metrics_server = await self._metrics.serve(self._settings.mda.metrics_address)
        if self._settings.mda.control:
            self._desk_server = await channel.listen(
                self._settings.mda.control,
                mailboxes.Request,  # type: ignore[arg-type]  # a union is no type
                self._desk.answer,
                self._tell_defect,
            )
        for address in self._settings.mda.listen:
            host, _, port = address.rpartition(":")
            self.ports.append(await self._server.listen(host.strip("[]") or None, int(port)))
        self._watching = asyncio.create_task(self._quotas.run())
        self._emitter.emit(Kind.STARTED)

    async def stop(self) -> None:
        """Part of ``Service``."""
        self._mbox_delivery.hurry()
        await self._server.stop()
        if self._desk_server is not None:
            self._desk_server.close()
        if self._metrics_server is not None:
            self._metrics_server.close()
        if self._watching is not None:
            self._watching.cancel()
            await asyncio.wait([self._watching])
        await self._mbox_delivery.close()
        await self._quotas.close()
        await asyncio.to_thread(self._sorter.close)
        await asyncio.to_thread(self._delivery.close)
        self._intake.close()
        self._hinter.close()
        await asyncio.to_thread(self._store.close)
        self._directory.close()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Part of ``Service``: the names of the site's mbox files at once, all else by a restart only."""
        try:
            names = read_settings(self._settings.path).routing.mboxes
        except (config.ConfigError, OSError) as error:
            self._tell_trouble(f"configuration not reloaded: {error}")
            return
        self._mboxes.clear()
        self._mboxes.update(names)
        self._emitter.emit(Kind.RELOADED)

    def _tell_sharing(self, owner: str, folder: str, change: Change) -> None:
        words = change.words(owner)
        self._emitter.emit(Kind.SHARED, stage="malle mailbox acl", recipient=owner, folder=folder, reason=words)

    def _tell_trouble(self, words: str) -> None:
        self._emitter.emit(Kind.TROUBLE, reason=words)

    def _tell_defect(self, defect: BaseException) -> None:
        self._tell_trouble("".join(traceback.format_exception(defect))[-4000:])


def _rules(settings: Settings) -> Rules:
    mda = settings.mda
    size_limit = settings.site.message_size_limit + TRACE_FIELDS_BYTES
    return Rules(
        hostname=settings.site.hostname,
        is_lmtp=True,
        size_limit=size_limit,
        text_line_limit=size_limit,  # smtpd has judged the lines
        keywords=(XTRACE, XMBOX),
        private_parameters=frozenset({XTRACE, XMBOX}),
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
        lifecycle.run(partial(Mda, settings), directory=settings.mailbox.root)
    except (config.ConfigError, OSError) as error:
        sys.exit(f"mda: {error}")
