"""The transports as relay goes by them: options laid over each other, tables opened, once for each configuration."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from services.kernel.routing.nexthop import parse_nexthop
from services.kernel.routing.options import BUILTIN, SUBMISSIONS_PORT, Outgoing, Transport, resolve
from services.kernel.runtime.config import ConfigError, Site
from services.kernel.smtp.client_content import Conveyance
from services.kernel.tables.lookup import Table
from services.kernel.wire.delivery import NextHop, Protocol, Server
from services.relay.config import RelaySettings
from services.relay.generic import Generic
from services.relay.logins import Logins
from services.relay.parcel import Style

PORTS = {Protocol.SMTP: 25, Protocol.LMTP: 24}
"""RFC 5321 section 4.5.4.2; 24 is the port of mda (RFC 2033 section 3 forbids 25)."""


@dataclass(frozen=True, slots=True)
class Carrier:
    """One transport. ``hello`` is the name we give; ``fallbacks`` are tried when nothing else is left."""

    name: str
    hello: str
    options: Outgoing
    logins: Logins | None = None
    fallbacks: tuple[Server, ...] = ()
    style: Style = field(default_factory=Style)
    generic: Generic | None = None

    def source(self, address: str) -> str:
        """Our address for connections to ``address``, empty where the system may choose (Postfix ``smtp_bind_address``)."""
        bound = self.options.bind_address6 if ":" in address else self.options.bind_address
        return str(bound) if bound is not None else ""

    def servers(self, nexthop: NextHop) -> tuple[Server, ...]:
        """The places of a next hop in order. Mail for our own domains never goes round by another relay."""
        if nexthop.is_ours or nexthop.protocol is not Protocol.SMTP:
            return nexthop.servers
        return nexthop.servers + self.fallbacks

    def port(self, protocol: Protocol) -> int:
        """Where a server without a port is spoken to."""
        return SUBMISSIONS_PORT if self.options.tls.wrappermode else PORTS[protocol]


@dataclass(frozen=True, slots=True)
class Openers:
    """What opens the tables that options name: one of passwords, and the generic maps of a transport."""

    passwords: Callable[[str], Table] | None = None
    generics: Callable[[tuple[str, ...]], Generic] | None = None


class Carriers:
    """All transports but those of other services. Raises ``ConfigError``."""

    def __init__(self, relay: RelaySettings, site: Site, transports: Mapping[str, Transport] = BUILTIN, openers: Openers | None = None) -> None:
        self._site = site
        self._openers = openers or Openers()
        own = {name: transport for name, transport in {**BUILTIN, **transports}.items() if transport.program != "pipe"}
        self._carriers = {name: self._make(name, resolve(relay, transport)) for name, transport in own.items()}

    def find(self, name: str) -> Carrier | None:
        """The transport of this name."""
        return self._carriers.get(name)

    def _make(self, name: str, options: Outgoing) -> Carrier:
        for family, bound in ((4, options.bind_address), (6, options.bind_address6)):
            if bound is not None and bound.version != family:
                raise ConfigError(f"transport {name}: {bound} is no IPv{family} address to bind to")
        return Carrier(
            name,
            options.helo_name or self._site.hostname,
            options,
            self._logins(options),
            tuple(_parse_fallback(name, text) for text in options.fallback_relay),
            _style(options),
            self._openers.generics(options.generic_maps) if self._openers.generics is not None and options.generic_maps else None,
        )

    def _logins(self, options: Outgoing) -> Logins | None:
        open_table = self._openers.passwords
        if not options.sasl.enable or open_table is None:
            return None
        tables: Sequence[Table] = [open_table(table) for table in options.sasl.password_maps]
        return Logins(options.sasl, tables, self._site.recipient_delimiter)


def _style(options: Outgoing) -> Style:
    return Style(Conveyance(options.line_length_limit, options.chunking), converts=not options.disable_mime_output_conversion)


def _parse_fallback(name: str, text: str) -> Server:
    try:
        nexthop = parse_nexthop(text)
    except ValueError as error:
        raise ConfigError(f"transport {name}: fallback_relay: {error}") from None
    return Server(nexthop.host, nexthop.port, nexthop.is_literal)
