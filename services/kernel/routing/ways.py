"""Transports by name, and what a next hop means to each.

Built in are ``smtp``, ``relay``, ``smtps``, ``lmtp``, ``local`` and ``virtual`` (the mailboxes here), ``mbox`` (a file of the site's, one of
``routing.mboxes``), ``error``, ``retry`` and ``discard``; ``routing.transports`` adds others. A name that is none of these is trouble: mail
waits until the operator has corrected the entry.
"""

from dataclasses import dataclass, replace
from typing import Literal, assert_never

from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.mail.reply import Reply
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.decision import Destination, Discarded, Route, RouteRefused
from services.kernel.routing.nexthop import Nexthop, parse_entry, parse_lmtp, parse_nexthops
from services.kernel.routing.options import BUILTIN
from services.kernel.runtime.config import ConfigError

_Program = Literal["smtp", "lmtp", "pipe"]
_MAILBOXES = ("local", "virtual")
_WITHOUT_NEXTHOP = ("error", "retry", "discard")
MBOX = "mbox"
_SMTPS_PORT = 465
"""RFC 8314 section 7.3."""
_UNDELIVERABLE = "Address is undeliverable"
"""Postfix's words for an ``error:`` or ``retry:`` without any."""


@dataclass(frozen=True, slots=True)
class Way:
    """A transport and its next hop as text. ``is_named``: the operator named the next hop. ``place`` is where."""

    transport: str
    nexthop: str
    place: str
    is_named: bool = False


class Ways:
    """The transports of one configuration. Raises ``ConfigError`` when a default among the settings is none."""

    def __init__(self, settings: RoutingSettings) -> None:
        self._settings = settings
        self._programs: dict[str, _Program] = {name: each.program for name, each in {**BUILTIN, **settings.transports}.items()}
        self._mailboxes = self._default_mailboxes()
        self._mbox_writer = self._default_writer()
        for name in ("local_transport", "mailbox_transport", "relay_transport", "default_transport"):
            self._check(f"routing.{name}", getattr(settings, name))
        if settings.relayhost:
            self._check("routing.relayhost", f"smtp:{settings.relayhost}")

    def takes_nexthop(self, transport: str) -> bool:
        """Tell whether an entry without a next hop means the recipient's domain; else what stands there is a text, or the name of a file."""
        return transport not in _WITHOUT_NEXTHOP and not self._is_mbox(transport)

    def _is_mbox(self, transport: str) -> bool:
        """Tell whether a file of the site's is meant, and no transport of that name in ``routing.transports``."""
        return transport == MBOX and MBOX not in self._programs

    @property
    def mailboxes(self) -> Destination:
        """Where the mailboxes here are written."""
        return self._mailboxes

    def route(self, way: Way, domain: Domain, sender: str) -> Route:
        """What a way means for mail of ``sender`` to ``domain``. Raises ``ValueError`` for one that means nothing."""
        match way.transport:
            case "error" | "retry":
                return RouteRefused(_refusal(way.transport, way.nexthop))
            case "discard":
                return Discarded(Reply(250, "2.0.0", f"discarded {way.nexthop}".strip()))
            case name if name in _MAILBOXES and name not in self._programs:
                return self._mailboxes
            case name if self._is_mbox(name):
                return self._mbox(way.nexthop)
        return self._destination(way, domain, sender)

    def _destination(self, way: Way, domain: Domain, sender: str) -> Destination:
        program = self._programs.get(way.transport)
        is_remote = domain.domain_class is DomainClass.REMOTE
        match program:
            case "pipe":
                return Destination(way.transport, "pipe", way.nexthop)
            case "lmtp":
                first, *others = parse_lmtp(way.nexthop)
                return Destination(way.transport, "lmtp", first.host, first.port, first.is_literal, others=tuple(others))
            case "smtp":
                first, *others = self._smtp_servers(way)
            case None:
                raise ValueError(f"there is no transport {way.transport!r} here")
            case _:
                assert_never(program)
        is_smarthost = way.is_named and is_remote
        return Destination(
            transport=way.transport,
            protocol="smtp",
            host=first.host,
            port=first.port,
            is_literal=first.is_literal,
            is_ours=not is_remote,
            is_backup=domain.domain_class is DomainClass.BACKUP,
            others=tuple(others),
            is_smarthost=is_smarthost,
            sender=sender if is_smarthost and self.has_login_by_sender(way.transport) else "",
        )

    def _mbox(self, name: str) -> Destination:
        if name not in self._settings.mboxes:
            raise ValueError(f"there is no mbox {name!r} in routing.mboxes" if name else "mbox: names no file, one of routing.mboxes is expected")
        return replace(self._mbox_writer, mbox=name)

    def is_smtp(self, transport: str) -> bool:
        """Tell whether a transport, or that of the relay domains where none is named, speaks SMTP."""
        return self._programs.get(transport or parse_entry(self._settings.relay_transport).transport) == "smtp"

    def has_login_by_sender(self, transport: str) -> bool:
        """Tell whether the login at smarthosts depends on the sender (Postfix ``smtp_sender_dependent_authentication``)."""
        options = self._settings.transports.get(transport)
        own = options.sender_dependent_authentication if options is not None else None
        return self._settings.sender_dependent_authentication if own is None else own

    def fault(self, text: str) -> str:
        """What is wrong with a table's ``transport:nexthop``, whoever it is for; empty when nothing is."""
        entry = parse_entry(text)
        try:
            nexthop = entry.nexthop or ("" if self._is_mbox(entry.transport) else "localhost")
            self.route(Way(entry.transport or "smtp", nexthop, ""), Domain("", DomainClass.REMOTE), "")
        except ValueError as error:
            return str(error)
        return ""

    def _smtp_servers(self, way: Way) -> tuple[Nexthop, ...]:
        servers = parse_nexthops(way.nexthop.removeprefix("inet:"))
        if way.transport != "smtps" or "smtps" in self._settings.transports:
            return servers
        return tuple(Nexthop(each.host, each.port or _SMTPS_PORT, each.is_literal) for each in servers)

    def _default_mailboxes(self) -> Destination:
        """What ``local`` and ``virtual`` mean: the mailbox transport, unless that is one of them."""
        entry = parse_entry(self._settings.mailbox_transport)
        default = RoutingSettings.model_fields["mailbox_transport"].default
        chosen = parse_entry(default) if entry.transport in _MAILBOXES or self._is_mbox(entry.transport) or not entry.nexthop else entry
        try:
            return self._destination(Way(chosen.transport, chosen.nexthop, ""), Domain("", DomainClass.HOSTED), "")
        except ValueError as error:
            raise ConfigError(f"routing.mailbox_transport: {error}") from None

    def _default_writer(self) -> Destination:
        """mda, as the writer of the site's files."""
        entry = parse_entry(self._settings.mbox_transport)
        if self._programs.get(entry.transport) != "lmtp" or not entry.nexthop:
            raise ConfigError("routing.mbox_transport: mda takes mail by LMTP, lmtp:inet:HOST:PORT is expected")
        try:
            return self._destination(Way(entry.transport, entry.nexthop, ""), Domain("", DomainClass.HOSTED), "")
        except ValueError as error:
            raise ConfigError(f"routing.mbox_transport: {error}") from None

    def _check(self, setting: str, text: str) -> None:
        if words := self.fault(text) if parse_entry(text).transport else "a transport is expected":
            raise ConfigError(f"{setting}: {words}")


def _refusal(transport: str, text: str) -> Reply:
    """The code of the text, or as in error(8): ``5.0.0`` for error, ``4.0.0`` for retry."""
    code, enhanced = (550, "5.0.0") if transport == "error" else (450, "4.0.0")
    status, _, words = text.partition(" ")
    digits = status.split(".")
    if len(digits) == 3 and all(part.isdigit() for part in digits) and digits[0] == enhanced[0]:
        return Reply(code, status, words.strip() or _UNDELIVERABLE)
    return Reply(code, enhanced, text or _UNDELIVERABLE)
