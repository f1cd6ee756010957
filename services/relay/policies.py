"""Which TLS policy holds for a server: one place for deliveries, and for whoever explains them.

The order: an entry of the policy tables for the next hop, else the level of the transport. At ``dane`` and ``dane-only`` the TLSA records of the
server decide (``dane``); where nothing stronger is asked for and no entry says otherwise, a domain's MTA-STS policy does (``sts``), so that a failing
DANE is never helped out by MTA-STS (RFC 8461 section 2).
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from services.kernel.dns.resolver import Resolver
from services.kernel.mail.domain import to_ascii
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import TlsPolicy
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire.delivery import Protocol
from services.relay import dane, policy_table
from services.relay import trouble as failure
from services.relay.dane import NotSecured, Secured, Unknown
from services.relay.hosts import Way
from services.relay.policy_words import TransportTls, Words
from services.relay.sts import StsPolicies
from services.relay.sts_policy import Mode
from services.relay.trouble import Scope, Trouble

_DANE = (TlsLevel.DANE, TlsLevel.DANE_ONLY)
_WEAK = (TlsLevel.MAY, TlsLevel.ENCRYPT)


@dataclass(frozen=True, slots=True)
class Sources:
    """Who can be asked for policies beside the operator. ``sts`` is ``None`` where MTA-STS is off; ``is_dnssec`` tells whether the name servers
    validate and the way to them is safe (Postfix ``smtp_dns_support_level = dnssec``).
    """

    resolver: Resolver
    sts: StsPolicies | None = None
    is_dnssec: bool = False


class TlsPolicies:
    """Decides. ``transports`` has the TLS of each transport by its name."""

    def __init__(self, transports: Mapping[str, TransportTls], sources: Sources) -> None:
        self._transports = transports
        self._sources = sources
        self._tables = {table for transport in transports.values() for table in transport.tables}

    def version(self) -> int:
        """A number that changes when the policy tables may have changed."""
        return sum(table.version() for table in self._tables)

    async def policy(self, way: Way) -> TlsPolicy | Trouble:
        """The policy for a server, or why it cannot be spoken to now."""
        transport = self._transports.get(way.nexthop.transport)
        if transport is None:  # qmgr knows of one that came with a change of the configuration
            return failure.local(Scope.HERE, "4.3.5", f"there is no transport {way.nexthop.transport}")
        try:
            entry = await policy_table.find(transport.tables, way.server)
            return await self._decide(Words(transport, entry, way))
        except (LookupTrouble, ValueError) as error:
            return _problem(str(error))

    async def _decide(self, words: Words) -> TlsPolicy | Trouble:
        level = words.level
        if level in _DANE:
            decided = await self._by_dane(words, level)
            if decided is not None:
                return decided
            level = TlsLevel.MAY
        if words.entry is None and level in _WEAK:
            decided = await self._by_sts(words)
            if decided is not None:
                return decided
        return words.policy(level)

    async def _by_dane(self, words: Words, level: TlsLevel) -> TlsPolicy | Trouble | None:
        """``None`` where there is no DANE and none is required."""
        if not self._sources.is_dnssec:
            return _problem(f"{words.place}: {level} needs relay.dns_support_level dnssec")
        host, is_required = words.way.host.endpoint.host, level is TlsLevel.DANE_ONLY
        match await dane.find(self._sources.resolver, words.way.host):
            case Unknown(reason):
                return _refuse(reason)
            case NotSecured(reason):
                return _refuse(f"no DANE for {host}: {reason}") if is_required else None
            case Secured(_, _, ()) as found:
                source = f"TLSA of {found.owner}, none of them usable"
                return _refuse(f"no DANE for {host}: {source}") if is_required else words.policy(TlsLevel.ENCRYPT, source)
            case Secured(base, _, usable) as found:
                domain = (words.way.server.host.lower(),) if words.way.host.is_mx else ()
                names = tuple(dict.fromkeys((base, host, *domain)))  # RFC 7672 section 3.2.2
                made = words.policy(level, f"TLSA of {found.owner}")
                return replace(made, names=names, tlsa=usable, servername=base)  # SNI: RFC 7672 section 8.1

    async def _by_sts(self, words: Words) -> TlsPolicy | Trouble | None:
        """RFC 8461 section 4: a host outside the policy is not used, and the certificate is for the host's name. ``None`` without policy."""
        if self._sources.sts is None or not _has_sts(words.way):
            return None
        domain, host = to_ascii(words.way.server.host).lower().rstrip("."), words.way.host.endpoint.host
        found = await self._sources.sts.policy(domain)
        if found is None or found.mode is not Mode.ENFORCE:
            return None
        source = f"MTA-STS policy of {domain}"
        if not found.allows(host):
            return _refuse(f"{host} is not among the hosts of the {source}")
        made = words.policy(TlsLevel.SECURE, source)
        return replace(made, names=(host,), servername=host, anchors=replace(made.anchors, has_system=True))


def _problem(text: str) -> Trouble:
    return failure.local(Scope.HERE, "4.7.5", f"client TLS configuration problem: {text}")


def _refuse(text: str) -> Trouble:
    return failure.local(Scope.SITE, "4.7.5", text)


def _has_sts(way: Way) -> bool:
    """MTA-STS is for the MX hosts of a recipient's domain, not for ways out that the operator named (RFC 8461 section 1)."""
    is_named_by_operator = way.nexthop.is_smarthost or way.server not in way.nexthop.servers
    return way.host.is_mx and way.nexthop.protocol is Protocol.SMTP and not is_named_by_operator
