"""The composition root: one worker of ``smtpd mx`` or ``smtpd submission``."""

import itertools
import os
import secrets
import ssl
import sys
import time
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path

from prometheus_client import Gauge

from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.reader import Directory
from services.kernel.mail.queueid import QueueId, queue_id
from services.kernel.routing import Router, RoutingSettings
from services.kernel.runtime import config, lifecycle
from services.kernel.runtime.metrics import Metrics
from services.kernel.runtime.tls import Certificate
from services.kernel.smtp.handler import Rules
from services.kernel.smtp.server import Server
from services.kernel.spool.intake import Intake
from services.kernel.tables.collection import Tables
from services.kernel.wire.events import Emitter, Kind
from services.kernel.wire.hint import Hinter
from services.smtpd.config import Mx, Role, Submission
from services.smtpd.conversation import Conversation, House
from services.smtpd.message import MessageRules
from services.smtpd.policy import MxPolicy, OwnName, Policy, SubmissionPolicy

_ROLES: dict[str, type[Role]] = {"mx": Mx, "submission": Submission}


class Settings:
    """All that one role reads from the configuration. Raises ``ConfigError``."""

    def __init__(self, role_name: str, path: Path = config.PATH) -> None:
        document = config.read(path)
        self.path = path
        self.site = document.section(config.Site, "site")
        self.directory = document.section(DirectorySettings, "directory")
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
        self._sessions = Gauge("malleposte_smtpd_sessions", "Connections open now.", registry=registry, multiprocess_mode="livesum")
        self._intake = Intake(settings.role.queue_directory, _minfree(settings))
        self._hinter = Hinter(str(settings.role.queue_directory / "hint"))
        self._mint_id = _minter()
        self.ports: list[int] = []
        """Where it listens, in the order of the configuration; known after ``start``."""
        self._build(settings)

    def _build(self, settings: Settings) -> None:
        """Everything that follows from the configuration; called again by ``reload``."""
        site, role = settings.site, settings.role
        certificate = Certificate(role.tls) if role.tls is not None else None
        directory = Directory(settings.directory, site.recipient_delimiter)
        router = Router(settings.routing, site, directory, Tables(self._tell_trouble))
        house = House(
            hostname=site.hostname,
            shows_client=not isinstance(role, Submission),
            expanded_recipient_limit=role.expanded_recipient_limit,
            policy=_policy(role, router, OwnName(site.hostname, role.own_addresses), directory),
            directory=directory,
            message_rules=MessageRules(self._intake, role.hop_limit, isinstance(role, Submission)),
            hinter=self._hinter,
            emitter=self._emitter,
            sessions=self._sessions,
            mint_id=self._mint_id,
        )
        self._rules = _rules(settings, certificate, self._tell_trouble)
        self._house = house

    async def start(self) -> None:
        """Part of ``Service``."""
        role = self._settings.role
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
        self._intake.close()
        self._house.directory.close()
        self._hinter.close()
        self._emitter.emit(Kind.STOPPED)
        self._emitter.close()

    async def reload(self) -> None:
        """Part of ``Service``: new sessions live by the new settings; addresses and workers change by a restart only."""
        try:
            settings = Settings(self._role_name, self._settings.path)
            self._build(settings)
        except (config.ConfigError, OSError) as error:
            self._tell_trouble(f"configuration not reloaded: {error}")
            return
        self._settings = settings
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


def _rules(settings: Settings, certificate: Certificate | None, on_trouble: Callable[[str], None]) -> Rules:
    role, site = settings.role, settings.site
    has_login = isinstance(role, Submission)
    return Rules(
        hostname=site.hostname,
        size_limit=site.message_size_limit,
        tls=partial(_current_context, certificate, on_trouble) if certificate is not None else None,
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


def _current_context(certificate: Certificate, on_trouble: Callable[[str], None]) -> ssl.SSLContext:
    """The files are looked at for each handshake: two stats are nothing beside it."""
    try:
        certificate.refresh()
    except OSError as error:
        on_trouble(f"new certificate not used: {error}")
    return certificate.context


def _minfree(settings: Settings) -> int:
    """A message that is on its way in must fit with room to spare (Postfix wants ``queue_minfree`` at one and a half times the size limit)."""
    return settings.role.queue_minfree or settings.site.message_size_limit * 3 // 2


def _minter() -> Callable[[], QueueId]:
    """Make queue ids that no other worker makes: the count starts anywhere."""
    entropy = itertools.count(secrets.randbelow(2**28))
    return lambda: queue_id(time.time_ns() // 1000, next(entropy))


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
        lifecycle.run(partial(Smtpd, role_name, settings), settings.role.workers)
    except (config.ConfigError, OSError) as error:
        sys.exit(f"smtpd {role_name}: {error}")
