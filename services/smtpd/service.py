"""The composition root: one worker of ``smtpd mx`` or ``smtpd submission``."""

import os
import sys
import traceback
from dataclasses import replace
from functools import partial
from pathlib import Path

from prometheus_client import Gauge

from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.reader import Directory
from services.kernel.routing import Router, RoutingSettings
from services.kernel.runtime import config, lifecycle
from services.kernel.runtime.metrics import Metrics
from services.kernel.runtime.workplace import near
from services.kernel.sasl import Sasl, SaslSettings
from services.kernel.smtp.handler import Rules
from services.kernel.smtp.server import Server
from services.kernel.spool.intake import Intake, minter
from services.kernel.tables.collection import Tables
from services.kernel.wire.events import Emitter, Kind
from services.kernel.wire.hint import Hinter
from services.kernel.wire.room import Board
from services.smtpd.asker import Asker
from services.smtpd.capacity import FULL, FULL_FOR_NOW, Capacity
from services.smtpd.config import Mx, Role, Submission
from services.smtpd.conversation import Conversation, House
from services.smtpd.handshake import Handshakes
from services.smtpd.message import MessageRules
from services.smtpd.partners import Partners
from services.smtpd.policy import MxPolicy, OwnName, Policy, SubmissionPolicy, Turn
from services.smtpd.verification import Verification, has_work

_ROLES: dict[str, type[Role]] = {"mx": Mx, "submission": Submission}


class Settings:
    """All that one role reads from the configuration. Raises ``ConfigError``."""

    def __init__(self, role_name: str, path: Path = config.PATH) -> None:
        document = config.read(path)
        self.path = path
        self.site = document.section(config.Site, "site")
        self.directory = document.section(DirectorySettings, "directory")
        self.sasl = document.section(SaslSettings, "sasl")
        self.routing = document.section(RoutingSettings, "routing")
        self.role = document.section(_ROLES[role_name], "smtpd", role_name)


class Smtpd:
    """One worker; implements ``lifecycle.Service``."""

    def __init__(self, role_name: str, settings: Settings, number: int) -> None:
        self._role_name = role_name
        self._settings = settings
        self._number = number
        self._metrics = Metrics()
        self._emitter = Emitter(settings.site.name, "smtpd", f"{role_name}-{number}", settings.role.events_directory)
        self._emitter.on_event = self._metrics.count_event
        registry = self._metrics.registry
        sessions = Gauge("malleposte_smtpd_sessions", "Connections open now.", registry=registry, multiprocess_mode="livesum")
        self._count_sessions = partial(self._metrics.add, sessions)
        self._intake = Intake(settings.role.queue_directory, _minfree(settings))
        self._hinter = Hinter(str(near(settings.role.queue_directory) / "hint"))
        self._mint_id = minter()
        self._asker = Asker(settings.role.verify, settings.role.verify_seconds, self._tell_trouble)
        self.ports: list[int] = []
        """Where it listens, in the order of the configuration; known after ``start``."""
        self._build(settings)

    def _build(self, settings: Settings) -> None:
        """Everything that follows from the configuration; called again by ``reload``."""
        site, role = settings.site, settings.role
        directory = Directory(settings.directory, site.recipient_delimiter)
        tables = Tables(self._tell_trouble)
        router = Router(settings.routing, site, directory, tables)
        house = House(
            hostname=site.hostname,
            shows_client=not isinstance(role, Submission),
            expanded_recipient_limit=role.expanded_recipient_limit,
            policy=_policy(role, router, OwnName(site.hostname, role.own_addresses), directory),
            router=router,
            directory=directory,
            sasl=Sasl(settings.sasl.model_copy(update={"scram": role.scram}), directory) if isinstance(role, Submission) else None,
            message_rules=_message_rules(role, self._intake, router),
            hinter=self._hinter,
            emitter=self._emitter,
            count_sessions=self._count_sessions,
            mint_id=self._mint_id,
            verification=Verification(role, tables, router, self._asker) if has_work(role) else None,
            capacity=_capacity(role, directory, router),
        )
        self._partners = _partners(role)
        handshakes = Handshakes(role.tls, self._partners, self._tell_trouble) if role.tls is not None else None
        self._rules = _rules(settings, self._partners, handshakes)
        if isinstance(role, Mx):
            self._rules = replace(self._rules, etrn=Turn(router, self._hinter.ask_for).start)
        self._house = house

    async def start(self) -> None:
        """Part of ``Service``."""
        role = self._settings.role
        await self._partners.start()
        self._server = Server(self._rules, lambda peer: Conversation(self._house, peer), self._tell_defect)
        for address in role.listen:
            self.ports.append(await self._server.listen(*_split(address)))
        for address in role.listen_tls:
            self.ports.append(await self._server.listen(*_split(address), tls_first=True))
        if self._number == 0:
            await self._metrics.serve(role.metrics_address)
        self._emitter.emit(Kind.STARTED, reason=self._role_name)

    async def stop(self) -> None:
        """Part of ``Service``."""
        await self._server.stop()
        self._partners.stop()
        self._intake.close()
        self._house.directory.close()
        self._hinter.close()
        self._asker.close()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Part of ``Service``: new sessions live by the new settings; addresses and workers change by a restart only."""
        partners = self._partners
        try:
            settings = Settings(self._role_name, self._settings.path)
            self._build(settings)
        except (config.ConfigError, OSError) as error:
            self._partners = partners
            self._tell_trouble(f"configuration not reloaded: {error}")
            return
        await self._partners.start(partners)
        self._settings = settings
        self._asker.configure(settings.role.verify, settings.role.verify_seconds)
        self._server.rules = self._rules
        self._emitter.emit(Kind.RELOADED)

    def _tell_trouble(self, words: str) -> None:
        self._emitter.emit(Kind.TROUBLE, reason=words)

    def _tell_defect(self, defect: BaseException) -> None:
        self._tell_trouble("".join(traceback.format_exception(defect))[-4000:])


def _policy(role: Role, router: Router, own_name: OwnName, directory: Directory) -> Policy:
    if isinstance(role, Submission):
        return SubmissionPolicy(router, own_name, directory)
    return MxPolicy(router, own_name)


def _capacity(role: Role, directory: Directory, router: Router) -> Capacity | None:
    if role.over_quota == "ignore":
        return None
    return Capacity(Board(role.room_directory), directory, router, FULL if role.over_quota == "reject" else FULL_FOR_NOW)


def _partners(role: Role) -> Partners:
    return Partners(role.authorized_xforward_hosts, role.authorized_xforward_certificate_file) if isinstance(role, Mx) else Partners((), None)


def _message_rules(role: Role, intake: Intake, router: Router) -> MessageRules:
    is_local = isinstance(role, Submission)
    return MessageRules(intake, role.hop_limit, is_local, router.rewrite_header if is_local and router.rewrites_headers else None)


def _rules(settings: Settings, partners: Partners, handshakes: Handshakes | None) -> Rules:
    role, site = settings.role, settings.site
    has_login = isinstance(role, Submission)
    return Rules(
        hostname=site.hostname,
        size_limit=site.message_size_limit,
        tls=handshakes.context if handshakes is not None else None,
        is_partner=partners.hold if partners else None,
        offers_auth=has_login,
        requires_auth=has_login,
        recipient_limit=role.recipient_limit,
        command_seconds=role.command_seconds,
        data_seconds=role.data_seconds,
        text_line_limit=role.text_line_limit,
        soft_error_limit=role.soft_error_limit,
        hard_error_limit=role.hard_error_limit,
        error_delay_seconds=role.error_delay_seconds,
        junk_limit=role.junk_limit,
        session_limit=role.session_limit,
        client_session_limit=role.client_session_limit,
    )


def _minfree(settings: Settings) -> int:
    """A message that is on its way in must fit with room to spare (Postfix wants ``queue_minfree`` at one and a half times the size limit)."""
    return settings.role.queue_minfree or settings.site.message_size_limit * 3 // 2


def _split(address: str) -> tuple[str | None, int]:
    host, _, port = address.rpartition(":")
    return host.strip("[]") or None, int(port)


def main() -> None:
    """``python -m services.smtpd mx|submission``."""
    role_name = sys.argv[1] if len(sys.argv) == 2 else ""
    if role_name not in _ROLES:
        sys.exit(f"usage: smtpd {'|'.join(_ROLES)}")
    os.umask(0o027)
    try:
        settings = Settings(role_name)
        lifecycle.run(partial(Smtpd, role_name, settings), settings.role.workers, settings.role.queue_directory)
    except (config.ConfigError, OSError) as error:
        sys.exit(f"smtpd {role_name}: {error}")
