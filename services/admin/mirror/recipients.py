"""Which recipients a domain has, as far as they can be listed."""

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from services.kernel.directory import Directory
from services.kernel.directory.mirror import DomainRecipients, Recipients
from services.kernel.mail.address import fold, split
from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.routing import Router, RoutingSettings
from services.kernel.runtime.config import Site
from services.kernel.tables.collection import Tables


@dataclass(frozen=True, slots=True)
class Lister:
    """Lists for one configuration. Raises ``LookupTrouble``."""

    site: Site
    routing: RoutingSettings
    directory: Directory
    tables: Tables
    router: Router
    clock: Callable[[], float] = time.time

    async def list_recipients(self, domains: Sequence[str]) -> Recipients:
        """The recipients of those of ``domains`` that are ours."""
        addresses = await self.directory.recipients()
        known = {domain.name: domain for domain in await self.directory.domains()}
        found: dict[str, DomainRecipients] = {}
        for name in sorted({fold(domain) for domain in domains}):
            domain_class = await self.router.domain_class(name)
            if domain_class not in (DomainClass.REMOTE, DomainClass.BACKUP):
                found[name] = await self._of(name, domain_class, addresses, known)
        return Recipients(self.site.name, self.clock(), self.site.recipient_delimiter, found)

    async def _of(self, name: str, domain_class: DomainClass, addresses: list[str], known: dict[str, Domain]) -> DomainRecipients:
        names = {name}
        if domain_class is DomainClass.ALIAS and name in known:
            names.add(known[name].target)
        local_parts = {local for local, domain in map(split, addresses) if domain in names}
        lists = self._lists(domain_class)
        keys = [await self.tables.open(table).keys() for table in lists]
        is_complete = None not in keys
        for local, domain in (split(fold(key)) for listed in keys if listed is not None for key in listed if "@" in key):
            if domain == name:
                local_parts.add(local)
        if domain_class.is_passed_on and not self.routing.relay_recipient_maps:
            return DomainRecipients([], is_complete, takes_all=True)
        takes_all = "" in local_parts
        return DomainRecipients(sorted(local_parts - {""}), is_complete, takes_all)

    def _lists(self, domain_class: DomainClass) -> Iterable[str]:
        """The tables that make an address of such a domain one of ours."""
        routing = self.routing
        if domain_class is DomainClass.RELAY:
            return (*routing.virtual_alias_maps, *routing.relay_recipient_maps)
        return (*routing.virtual_alias_maps, *routing.virtual_mailbox_maps, *routing.local_recipient_maps)
