"""Tables that are asked by address."""

from services.kernel.mail.address import fold, split
from services.kernel.routing.classes import Classes
from services.kernel.routing.inquiry import Hit, Inquiry
from services.kernel.routing.keys import address_keys
from services.kernel.tables.lookup import Table


class AddressSearch:
    """Postfix's ``mail_addr_find``: the keys of an address, in all tables one after the other."""

    def __init__(self, classes: Classes, delimiter: str) -> None:
        self.classes = classes
        self.delimiter = delimiter

    async def find(self, tables: tuple[Table, ...], address: str, inquiry: Inquiry) -> Hit | None:
        """What stands there for an address; a key without ``@``, as ``<>``, is asked as it is. Raises ``LookupTrouble``."""
        if not tables:
            return None
        domain = fold(split(address)[1])
        if not domain:
            return await inquiry.first(tables, (address,))
        is_own = await self.classes.is_own(domain, inquiry)
        return await inquiry.first(tables, address_keys(address, self.delimiter, is_own=is_own))
