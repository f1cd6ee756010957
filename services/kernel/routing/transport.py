"""From a final recipient and the class of its domain to a destination."""

from services.kernel.mail.address import fold, split
from services.kernel.mail.domain import literal_address
from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.mail.reply import Reply
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.decision import Destination, RouteRefused
from services.kernel.routing.inquiry import Inquiry
from services.kernel.routing.keys import transport_keys
from services.kernel.routing.nexthop import Entry, Nexthop, parse_entry, parse_nexthop
from services.kernel.runtime.config import ConfigError
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import LookupTrouble

_BAD_LITERAL = RouteRefused(Reply(550, "5.1.3", "bad address literal"))


class Transports:
    """The transport tables and defaults of one configuration. Raises ``ConfigError``."""

    def __init__(self, settings: RoutingSettings, delimiter: str, tables: Tables) -> None:
        self._delimiter = delimiter
        self.tables = tuple(tables.open(name) for name in settings.transport_maps)
        self._relayhost = _parse_relayhost(settings.relayhost)
        self._mailboxes = _parse_mailbox_transport(settings.mailbox_transport)

    async def destination(self, recipient: str, domain: Domain, inquiry: Inquiry) -> Destination | RouteRefused:
        """Raises ``LookupTrouble``, also for a table entry that says nothing we know."""
        hit = await inquiry.first(self.tables, transport_keys(recipient, self._delimiter)) if self.tables else None
        if hit is None:
            return self._default(recipient, domain)
        try:
            entry = parse_entry(hit[1])
        except ValueError as error:
            raise LookupTrouble(f"transport of {recipient}: {error}") from None
        if isinstance(entry, Reply):
            return RouteRefused(entry)
        return self._by_entry(entry, recipient, domain)

    def _by_entry(self, entry: Entry, recipient: str, domain: Domain) -> Destination | RouteRefused:
        default = self._default(recipient, domain)
        if not entry.transport and entry.nexthop is None:
            return default
        transport = entry.transport or (default.transport if isinstance(default, Destination) else "smtp")
        nexthop = entry.nexthop or _own_domain(recipient)
        return _BAD_LITERAL if nexthop is None else _destination(transport, nexthop, domain)

    def _default(self, recipient: str, domain: Domain) -> Destination | RouteRefused:
        if domain.domain_class is DomainClass.HOSTED:
            return self._mailboxes
        nexthop = _own_domain(recipient)
        if domain.domain_class is DomainClass.REMOTE:
            nexthop = self._relayhost or nexthop
        elif domain.target:  # never the smarthost: it would send the mail back to us
            nexthop = _parse_target(domain)
        return _BAD_LITERAL if nexthop is None else _destination("smtp", nexthop, domain)


def _destination(transport: str, nexthop: Nexthop, domain: Domain) -> Destination:
    is_lmtp = transport == "lmtp"
    is_ours = not is_lmtp and domain.domain_class is not DomainClass.REMOTE
    return Destination(transport, "lmtp" if is_lmtp else "smtp", nexthop.host, nexthop.port, nexthop.is_literal or is_lmtp, is_ours)


def _own_domain(recipient: str) -> Nexthop | None:
    """The recipient's domain as next hop; ``None`` for an address literal that is none."""
    name = split(recipient)[1]
    if not name.startswith("["):
        return Nexthop(fold(name))
    literal = literal_address(name)
    return Nexthop(str(literal), is_literal=True) if literal else None


def _parse_target(domain: Domain) -> Nexthop:
    try:
        return parse_nexthop(domain.target)
    except ValueError as error:
        raise LookupTrouble(f"domain {domain.name}: {error}") from None


def _parse_relayhost(text: str) -> Nexthop | None:
    try:
        return parse_nexthop(text) if text else None
    except ValueError as error:
        raise ConfigError(f"routing.relayhost: {error}") from None


def _parse_mailbox_transport(text: str) -> Destination:
    try:
        entry = parse_entry(text)
    except ValueError as error:
        raise ConfigError(f"routing.mailbox_transport: {error}") from None
    if isinstance(entry, Reply) or entry.nexthop is None or not entry.transport:
        raise ConfigError(f"routing.mailbox_transport: expected transport:host:port, not {text!r}")
    return _destination(entry.transport, entry.nexthop, Domain("", DomainClass.HOSTED))
