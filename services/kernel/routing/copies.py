"""Copies for somebody else: ``always_bcc``, ``sender_bcc_maps`` and ``recipient_bcc_maps``, as cleanup(8) adds them."""

from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.inquiry import Inquiry
from services.kernel.routing.search import AddressSearch
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import Table


class Copies:
    """The tables of copies of one configuration. Everything that asks raises ``LookupTrouble``."""

    def __init__(self, settings: RoutingSettings, search: AddressSearch, tables: Tables) -> None:
        self._always = settings.always_bcc
        self._search = search
        self._senders = tuple(map(tables.open, settings.sender_bcc_maps))
        self._recipients = tuple(map(tables.open, settings.recipient_bcc_maps))
        self.tables = (*self._senders, *self._recipients)
        self.has_any_of_message = bool(self._always or self._senders)

    async def of_message(self, sender: str, inquiry: Inquiry) -> list[str]:
        """Who gets a copy of a message of this sender, whoever its recipients are."""
        found = [self._always] if self._always else []
        return found + await self._find(self._senders, sender, inquiry)

    async def of_recipient(self, recipient: str, inquiry: Inquiry) -> list[str]:
        """Who gets a copy of mail for this recipient."""
        return await self._find(self._recipients, recipient, inquiry)

    async def _find(self, tables: tuple[Table, ...], address: str, inquiry: Inquiry) -> list[str]:
        hit = await self._search.find(tables, address, inquiry) if address else None
        if hit is None:
            return []
        words = hit.value.split()
        if len(words) != 1:
            raise hit.trouble(f"one address is expected for {hit.key}, not {hit.value!r}")
        return words
