"""Which recipients of our own domains there are."""

from services.kernel.mail.address import fold
from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.mail.reply import Reply
from services.kernel.routing.classes import Classes
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.inquiry import Inquiry
from services.kernel.routing.keys import address_keys, bare
from services.kernel.routing.notes import Note
from services.kernel.tables.collection import Tables

NO_SUCH_USER = Reply(550, "5.1.1", "no such user here")
_DISABLED = Reply(550, "5.2.1", "mailbox disabled")


class Recipients:
    """The directory's mailboxes and the tables of recipients of one configuration."""

    def __init__(self, settings: RoutingSettings, delimiter: str, classes: Classes, tables: Tables) -> None:
        self._delimiter = delimiter
        self._classes = classes
        self._local = tuple(map(tables.open, settings.local_recipient_maps))
        self._mailboxes = tuple(map(tables.open, settings.virtual_mailbox_maps))
        self._relay = tuple(map(tables.open, settings.relay_recipient_maps))
        self.tables = (*self._local, *self._mailboxes, *self._relay)

    async def refusal(self, address: str, domain: Domain, given: str, inquiry: Inquiry) -> Reply | None:
        """Why a final recipient is none. ``given`` is the domain of the recipient that it comes from: an alias's targets in other passed-on
        domains are not looked up. Raises ``LookupTrouble``."""
        if domain.domain_class in (DomainClass.HOSTED, DomainClass.ALIAS):
            return await self._of_mailbox(address, domain, inquiry)
        if domain.domain_class.is_passed_on and domain.name == fold(given):
            if not self._relay:
                inquiry.remark(address, Note.RELAY_RECIPIENTS_OPEN)
                return None
            return None if await inquiry.first(self._relay, address_keys(address, self._delimiter)) else NO_SUCH_USER
        return None

    async def _of_mailbox(self, address: str, domain: Domain, inquiry: Inquiry) -> Reply | None:
        account = await inquiry.account(bare(fold(address), self._delimiter)[0])
        if account is not None:
            return None if account.enabled else _DISABLED
        is_local = bool(self._local) and await self._classes.is_local(domain.name, inquiry)
        tables = self._local if is_local else self._mailboxes
        found = tables and await inquiry.first(tables, address_keys(address, self._delimiter, is_own=is_local))
        return None if found else NO_SUCH_USER
