"""From a final recipient, its sender and the class of its domain to a route, in the order of Postfix's trivial-rewrite.

Class -> transport and next hop of the class, for all that is not ours the sender's or the site's -> transport tables -> ``relocated_maps``.
Up to there both are text, as in the tables; what a next hop means is decided last, by the transport (``ways``).
"""

from dataclasses import replace

from services.kernel.mail.address import fold, split
from services.kernel.mail.domain import literal_address
from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.mail.reply import Reply
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.decision import Destination, Route, RouteRefused
from services.kernel.routing.inquiry import Hit, Inquiry
from services.kernel.routing.keys import NO_DOMAIN, transport_keys
from services.kernel.routing.nexthop import parse_entry
from services.kernel.routing.notes import Note
from services.kernel.routing.search import AddressSearch
from services.kernel.routing.ways import Way, Ways
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import LookupTrouble, Table

_BAD_LITERAL = RouteRefused(Reply(550, "5.1.3", "bad address literal"))
_BAD_LITERAL_NEXTHOP = "\0"
"""Stands for one among next hops as text; no table can hold it."""
_ANYBODY = f"anybody@{NO_DOMAIN}"
_UNKNOWN_ALIAS = RouteRefused(Reply(550, "5.1.1", "User unknown in virtual alias table"))
_SENDER_TRANSPORT_NOTES = {
    DomainClass.HOSTED: Note.SENDER_TRANSPORT_HOSTED,
    DomainClass.RELAY: Note.SENDER_TRANSPORT_RELAY,
    DomainClass.BACKUP: Note.SENDER_TRANSPORT_BACKUP,
}
_SENDER_RELAYHOST_NOTES = {
    DomainClass.HOSTED: Note.SENDER_RELAYHOST_HOSTED,
    DomainClass.RELAY: Note.SENDER_RELAYHOST_RELAY,
    DomainClass.BACKUP: Note.SENDER_RELAYHOST_BACKUP,
}
_RELAYHOST_NOTES = {
    DomainClass.HOSTED: Note.RELAYHOST_HOSTED,
    DomainClass.RELAY: Note.RELAYHOST_RELAY,
    DomainClass.BACKUP: Note.RELAYHOST_BACKUP,
}


class Transports:
    """The transport tables and defaults of one configuration. Raises ``ConfigError``."""

    def __init__(self, settings: RoutingSettings, search: AddressSearch, tables: Tables) -> None:
        self._settings = settings
        self._search = search
        self._ways = Ways(settings)
        self._transport_maps = tuple(map(tables.open, settings.transport_maps))
        self._relocated = tuple(map(tables.open, settings.relocated_maps))
        self._sender_transports = tuple(map(tables.open, settings.sender_dependent_default_transport_maps))
        self._sender_relayhosts = tuple(map(tables.open, settings.sender_dependent_relayhost_maps))
        self._covers = "transport_maps" in settings.parent_domain_matches_subdomains
        self.tables = (*self._transport_maps, *self._relocated, *self._sender_transports, *self._sender_relayhosts)

    async def route(self, recipient: str, sender: str, domain: Domain, inquiry: Inquiry) -> Route:
        """Raises ``LookupTrouble``, also for a table entry that says nothing we know."""
        if _is_alias_only(domain):
            return await self._unknown_alias(recipient, inquiry)
        way = await self._by_table(recipient, domain, inquiry)
        if way is None or not way.transport:
            by_class = await self._by_class(recipient, sender, domain, inquiry)
            way = by_class if way is None else replace(way, transport=by_class.transport)
        moved = await self._moved(recipient, inquiry)
        return moved or self._route(way, domain, sender, inquiry)

    def is_to_mailbox(self, route: Route) -> bool:
        """Tell whether a route ends in a mailbox here."""
        mailboxes = self._ways.mailboxes
        return isinstance(route, Destination) and (route.host, route.port, route.mbox) == (mailboxes.host, mailboxes.port, "")

    async def refusal(self, recipient: str, domain: Domain, inquiry: Inquiry) -> RouteRefused | None:
        """What the tables have against a recipient already when it is named, whoever sends: ``error:``, ``retry:``, moved."""
        if _is_alias_only(domain):
            return await self._unknown_alias(recipient, inquiry)
        way = await self._by_table(recipient, domain, inquiry)
        moved = await self._moved(recipient, inquiry)
        if moved is None and way is not None and way.transport in ("error", "retry"):
            refused = self._route(way, domain, "", inquiry)
            return refused if isinstance(refused, RouteRefused) else None
        return moved

    async def faults(self) -> list[str]:
        """The entries that mean nothing, each with its place, of all tables whose keys are known: patterns and databases are not asked."""
        found = list[str]()
        for kind, tables in (("transport", self._transport_maps), ("transport", self._sender_transports), ("relayhost", self._sender_relayhosts)):
            for table in tables:
                for key in await table.keys() or ():
                    entry = await table.lookup(key)
                    value = entry.value if entry else ""
                    if entry is not None and not _is_dunno(value) and (words := self._ways.fault(value if kind == "transport" else f":{value}")):
                        found.append(f"{entry.file}:{entry.line}: {kind} of {key}: {words}")
        return found

    async def _unknown_alias(self, recipient: str, inquiry: Inquiry) -> RouteRefused:
        if self._transport_maps:
            inquiry.remark(recipient, Note.TRANSPORT_MAPS_ALIAS_DOMAIN)
        return await self._moved(recipient, inquiry) or _UNKNOWN_ALIAS

    async def _moved(self, recipient: str, inquiry: Inquiry) -> RouteRefused | None:
        """``relocated_maps``, for any class of domain."""
        hit = await self._find(self._relocated, recipient, inquiry)
        return RouteRefused(Reply(550, "5.1.6", f"User has moved to {hit.value}")) if hit else None

    async def _by_table(self, recipient: str, domain: Domain, inquiry: Inquiry) -> Way | None:
        """The transport table's word, without a transport where it leaves that open; ``None`` for none, and for ``:``, which says nothing."""
        if not self._transport_maps:
            return None
        hit = await inquiry.first(self._transport_maps, transport_keys(recipient, self._search.delimiter, covers_subdomains=self._covers))
        if hit is None:
            return None
        entry = parse_entry(hit.value)
        if not entry.transport and not entry.nexthop:
            return None
        if domain.domain_class.is_passed_on and entry.nexthop and self._ways.is_smtp(entry.transport) and await self._is_for_all(hit):
            inquiry.remark(recipient, Note.TRANSPORT_FOR_ALL)
            return None
        nexthop = entry.nexthop or (_own_nexthop(recipient) if self._ways.takes_nexthop(entry.transport) else "")
        return Way(entry.transport, nexthop, f"{hit.place}: transport of {recipient}", is_named=bool(entry.nexthop))

    async def _is_for_all(self, hit: Hit) -> bool:
        """Tell whether an entry is that of all mail, by ``*`` or as it fits anybody: then its next hop is a smarthost by another name."""
        if hit.key == "*":
            return True
        foreign = [await table.lookup(_ANYBODY) for table in self._transport_maps]
        return any(found is not None and found.value == hit.value for found in foreign)

    async def _by_class(self, recipient: str, sender: str, domain: Domain, inquiry: Inquiry) -> Way:
        if domain.domain_class is DomainClass.REMOTE:
            return await self._outwards(recipient, sender, inquiry)
        self._remark_unused(recipient, domain, inquiry)
        own = _own_nexthop(recipient)
        if domain.domain_class.is_passed_on:
            # never the smarthost: it would send the mail back to us
            entry = parse_entry(self._settings.relay_transport)
            named = domain.target or (entry.nexthop if domain.domain_class is DomainClass.RELAY else "")
            return Way(entry.transport, named or own, f"domain {domain.name}", is_named=bool(named))
        is_local = await self._search.classes.is_local(domain.name, inquiry)
        entry = parse_entry(self._settings.local_transport if is_local else self._settings.mailbox_transport)
        return Way(entry.transport, entry.nexthop or own, "routing")

    async def _outwards(self, recipient: str, sender: str, inquiry: Inquiry) -> Way:
        """All that is not ours: the sender's transport or the site's; its next hop, or else the sender's relayhost, or else the site's."""
        settings = self._settings
        hit = await self._find(self._sender_transports, sender or settings.empty_address_default_transport_maps_lookup_key, inquiry)
        value, place = (settings.default_transport, "routing") if hit is None or _is_dunno(hit.value) else (hit.value, hit.place)
        entry = parse_entry(value)
        if entry.nexthop:
            inquiry.remark(recipient, Note.RELAYHOST_NEXTHOP)
            return Way(entry.transport, entry.nexthop, place, is_named=True)
        relay = await self._find(self._sender_relayhosts, sender or settings.empty_address_relayhost_maps_lookup_key, inquiry)
        if relay is not None and not _is_dunno(relay.value):
            inquiry.remark(recipient, Note.RELAYHOST_SENDER)
            return Way(entry.transport, relay.value, relay.place, is_named=True)
        return Way(entry.transport, settings.relayhost or _own_nexthop(recipient), place, is_named=bool(settings.relayhost))

    async def _find(self, tables: tuple[Table, ...], address: str, inquiry: Inquiry) -> Hit | None:
        """Raises ``LookupTrouble``, also for an empty value."""
        hit = await self._search.find(tables, address, inquiry)
        if hit is not None and not hit.value:
            raise hit.trouble(f"nothing is said of {hit.key}")
        return hit

    def _route(self, way: Way, domain: Domain, sender: str, inquiry: Inquiry) -> Route:
        if way.nexthop == _BAD_LITERAL_NEXTHOP:
            return _BAD_LITERAL
        try:
            route = self._ways.route(way, domain, sender)
        except ValueError as error:
            raise LookupTrouble(f"{way.place}: {error}") from None
        return route

    def _remark_unused(self, recipient: str, domain: Domain, inquiry: Inquiry) -> None:
        """Say which ways out do not apply to a domain of ours."""
        for is_set, notes in (
            (self._sender_transports, _SENDER_TRANSPORT_NOTES),
            (self._sender_relayhosts, _SENDER_RELAYHOST_NOTES),
            (self._settings.relayhost, _RELAYHOST_NOTES),
        ):
            if is_set and domain.domain_class in notes:
                inquiry.remark(recipient, notes[domain.domain_class])


def _is_alias_only(domain: Domain) -> bool:
    """Tell whether a domain is one of ``virtual_alias_domains``; the directory's alias domains have a target."""
    return domain.domain_class is DomainClass.ALIAS and not domain.target


def _is_dunno(value: str) -> bool:
    """``DUNNO`` ends the search of a sender without an answer (postconf(5), ``sender_dependent_relayhost_maps``)."""
    return value.upper() == "DUNNO"


def _own_nexthop(recipient: str) -> str:
    """The recipient's domain as next hop, or what stands for an address literal that is none."""
    name = split(recipient)[1]
    if not name.startswith("["):
        return fold(name)
    literal = literal_address(name)
    return f"[{literal}]" if literal else _BAD_LITERAL_NEXTHOP
