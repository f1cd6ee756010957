"""Our addresses as the world is to see them (generic(5)): rewritten on the way out, in the envelope and in the address fields of the header.

The tables of a transport are asked once for each address that differs; a result is not looked up again. What is stored in the queue, told in
events and reported to senders keeps the addresses from before.
"""

from collections.abc import Callable, Iterable, Sequence

from msgspec import structs

from services.kernel.mail import rewriting
from services.kernel.mail.address import fold, split
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.keys import address_keys, unmatched_extension
from services.kernel.routing.names import Names
from services.kernel.runtime.config import Site
from services.kernel.smtp.client_content import Extent
from services.kernel.smtp.client_rendition import Mapped
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import Found, LookupTrouble, Table
from services.kernel.wire.delivery import DeliveryRequest


class Generic:
    """The generic maps of one transport. ``own`` are the domains (in lower case) whose users stand in a table by their name alone."""

    def __init__(self, tables: Sequence[Table], names: Names, own: frozenset[str], delimiter: str, *, propagates: bool) -> None:
        self._tables = tables
        self._names = names
        self._own = own
        self._delimiter = delimiter
        self._propagates = propagates
        """An extension that the key did not hold goes with the result (Postfix ``propagate_unmatched_extensions``)."""

    async def request(self, request: DeliveryRequest) -> DeliveryRequest:
        """The envelope with other addresses; what a recipient was before stays its original. Raises ``LookupTrouble``."""
        new = await self._ask([request.sender, *(recipient.address for recipient in request.recipients)])
        recipients = [structs.replace(recipient, address=new[recipient.address]) for recipient in request.recipients]
        return structs.replace(request, sender=new[request.sender], recipients=recipients)

    async def head(self, content: Extent) -> Callable[[bytes], bytes] | None:
        """What makes another header section of the one of ``content``, ``None`` to leave it. Raises ``LookupTrouble``, ``ContentTrouble``."""
        mapped = Mapped(content)
        try:
            head = mapped[0 : mapped.head_end()]
        finally:
            mapped.close()
        new = await self._ask(mention.address for mention in rewriting.find_mentions(head))
        if all(before == after for before, after in new.items()):
            return None
        return lambda other: rewriting.rewrite(other, [(mention, new[mention.address]) for mention in rewriting.find_mentions(other)])

    async def imagine(self, sender: str, recipient: str, head: bytes) -> tuple[str, str, bytes]:
        """Sender, recipient and a header section with other addresses. Raises ``LookupTrouble``."""
        mentions = list(rewriting.find_mentions(head))
        new = await self._ask([sender, recipient, *(mention.address for mention in mentions)])
        return new[sender], new[recipient], rewriting.rewrite(head, [(mention, new[mention.address]) for mention in mentions])

    async def _ask(self, addresses: Iterable[str]) -> dict[str, str]:
        return {address: await self._rewrite(address) for address in dict.fromkeys(addresses)}

    async def _rewrite(self, address: str) -> str:
        if not address:  # the null sender is nobody's address
            return address
        complete = self._names.complete(address)
        hit = await self._find(complete)
        if hit is None:
            return address
        key, found = hit
        words = found.value.replace(",", " ").split()
        if len(words) != 1:
            raise LookupTrouble(f"{found.file}:{found.line}: one address is expected for {key}, not {found.value!r}")
        unmatched = unmatched_extension(complete, key, self._delimiter)
        return self._names.target(words[0], complete, unmatched, propagates=self._propagates)

    async def _find(self, address: str) -> tuple[str, Found] | None:
        """Each key in all tables before the next; pattern tables see the whole address only."""
        is_own = fold(split(address)[1]) in self._own
        for number, key in enumerate(address_keys(address, self._delimiter, is_own=is_own)):
            for table in self._tables:
                if number == 0 or not table.is_pattern:
                    found = await table.lookup(key)
                    if found is not None:
                        return key, found
        return None


def make_generic(site: Site, routing: RoutingSettings, tables: Tables, maps: tuple[str, ...]) -> Generic:
    """Open the generic maps of a transport. Raises ``ConfigError``."""
    names = Names(routing, site.hostname)
    own = frozenset(fold(name) for name in (site.hostname, names.origin, *routing.mydestination) if ":" not in name)
    propagates = "generic" in routing.propagate_unmatched_extensions
    return Generic([tables.open(name) for name in maps], names, own, site.recipient_delimiter, propagates=propagates)
