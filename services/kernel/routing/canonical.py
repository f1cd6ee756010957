"""Addresses rewritten as mail comes in, in cleanup(8)'s order: sender or recipient canonical maps, canonical maps, masquerading."""

from services.kernel.mail.address import fold, split
from services.kernel.routing.config import CanonicalClass, RoutingSettings
from services.kernel.routing.inquiry import Hit, Inquiry
from services.kernel.routing.keys import unmatched_extension
from services.kernel.routing.names import Names
from services.kernel.routing.notes import Note
from services.kernel.routing.search import AddressSearch
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import LookupTrouble, Table

NESTING_LIMIT = 16
"""Rewritings of one address by one kind of map (Postfix cleanup_map11.c)."""


class Rewriter:
    """The canonical maps and masqueraded domains of one configuration. Everything that asks raises ``LookupTrouble``."""

    def __init__(self, settings: RoutingSettings, names: Names, search: AddressSearch, tables: Tables) -> None:
        self._names = names
        self._search = search
        self._propagates = "canonical" in settings.propagate_unmatched_extensions
        self._kinds = (
            (settings.sender_canonical_classes, tuple(map(tables.open, settings.sender_canonical_maps))),
            (settings.recipient_canonical_classes, tuple(map(tables.open, settings.recipient_canonical_maps))),
            (settings.canonical_classes, tuple(map(tables.open, settings.canonical_maps))),
        )
        self._masquerade = Masquerade(settings, tables)
        self.tables = (*(table for _, maps in self._kinds for table in maps), *self._masquerade.tables)

    def is_idle(self, where: CanonicalClass) -> bool:
        """Whether every address stays as it is there."""
        return not (self._maps_of(where) or self._masquerade.is_for(where) or self._names.appends_domain)

    async def rewrite(self, address: str, where: CanonicalClass, inquiry: Inquiry) -> str:
        """The address by which it goes on; the null sender stays."""
        if not address:
            return address
        address = self._names.complete(address)
        for maps in self._maps_of(where):
            address = await self._map(address, maps, inquiry)
        if self._masquerade.is_for(where):
            address = await self._masquerade.apply(address, inquiry)
        return address

    def _maps_of(self, where: CanonicalClass) -> list[tuple[Table, ...]]:
        return [maps for classes, maps in self._kinds if maps and where in classes]

    async def _map(self, address: str, maps: tuple[Table, ...], inquiry: Inquiry) -> str:
        """Asked again for each result, until it is its own or nobody's."""
        for _ in range(NESTING_LIMIT):
            hit = await self._search.find(maps, address, inquiry)
            if hit is None:
                return address
            before, address = address, self._result(address, hit)
            if fold(before) == fold(address):
                return address
        raise LookupTrouble(f"canonical maps rewrite {address} again and again")

    def _result(self, address: str, hit: Hit) -> str:
        words = hit.value.replace(",", " ").split()
        if len(words) != 1:
            raise hit.trouble(f"one address is expected for {hit.key}, not {hit.value!r}")
        unmatched = unmatched_extension(address, hit.key, self._search.delimiter)
        return self._names.target(words[0], address, unmatched, propagates=self._propagates)


class Masquerade:
    """``masquerade_domains`` stand for their subdomains; the first that fits decides, and ``!`` keeps."""

    def __init__(self, settings: RoutingSettings, tables: Tables) -> None:
        self._classes = settings.masquerade_classes if settings.masquerade_domains else ()
        self._domains = tuple((fold(each.lstrip("!")), (len(each) - len(each.lstrip("!"))) % 2 == 0) for each in settings.masquerade_domains)
        self._users = frozenset(fold(each) for each in settings.masquerade_exceptions if ":" not in each)
        self.tables = tuple(tables.open(each) for each in settings.masquerade_exceptions if ":" in each)

    def is_for(self, where: CanonicalClass) -> bool:
        """Whether addresses there are masqueraded."""
        return where in self._classes

    async def apply(self, address: str, inquiry: Inquiry) -> str:
        """``user@host.example.com`` as ``user@example.com``. Raises ``LookupTrouble``."""
        local, domain = split(address)
        user, name = fold(local), fold(domain)
        if user in self._users or (self.tables and await inquiry.first(self.tables, (user,))):
            inquiry.remark(address, Note.MASQUERADE_EXCEPTION)
            return address
        for parent, replaces in self._domains:
            if name == parent:
                return address
            if name.endswith(f".{parent}"):
                return f"{local}@{parent}" if replaces else address
        return address
