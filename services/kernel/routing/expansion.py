"""Virtual aliases: from one recipient to all those it stands for.

Tables are asked first, with Postfix's keys and meaning: there ``@domain`` takes mail from mailboxes of the domain too, unless each has its own entry.
Then the directory, where an address counts before its domain: alias, mailbox, alias domain, and ``@domain`` for what is left.
"""

from dataclasses import dataclass

from services.kernel.mail.address import fold, split
from services.kernel.mail.domainclass import DomainClass
from services.kernel.routing.classes import Classes
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.inquiry import Inquiry
from services.kernel.routing.keys import alias_keys, bare
from services.kernel.runtime.config import Site
from services.kernel.tables.lookup import LookupTrouble, Table

ADDRESS_LENGTH = 320
"""RFC 5321 section 4.5.3.1: 64 octets of local part, the sign, 255 of domain. An alias whose extension grows at each turn ends here."""


@dataclass(frozen=True, slots=True)
class Expander:
    """The alias rules of one configuration."""

    settings: RoutingSettings
    site: Site
    classes: Classes
    tables: tuple[Table, ...]

    async def expand(self, recipient: str, inquiry: Inquiry) -> list[str]:
        """All addresses that ``recipient`` stands for, each once, in order; itself when it is no alias.

        An address that is among its own targets stays. Raises ``LookupTrouble`` for a failing lookup, for an expansion beyond the
        limits, and for aliases that only lead to each other (Postfix, too, asks for another try then).
        """
        final: dict[str, str] = {}
        seen = {fold(recipient)}
        waiting = [(recipient, 0)]
        while waiting:
            address, depth = waiting.pop()
            targets = await self._targets(address, inquiry)
            if targets is None:
                final.setdefault(fold(address), address)
                continue
            onward = []
            for target in targets:
                if fold(target) == fold(address):
                    final.setdefault(fold(target), target)
                elif fold(target) not in seen:
                    seen.add(fold(target))
                    onward.append((target, depth + 1))
            waiting += reversed(onward)
            self._check_limits(recipient, len(seen) - 1, depth)
        if not final:
            raise LookupTrouble(f"aliases of {recipient} lead only to each other")
        return list(final.values())

    def _check_limits(self, recipient: str, count: int, depth: int) -> None:
        if count > self.settings.virtual_alias_expansion_limit:
            raise LookupTrouble(f"{recipient} expands to more than {self.settings.virtual_alias_expansion_limit} addresses")
        if depth >= self.settings.virtual_alias_recursion_limit:
            raise LookupTrouble(f"aliases of {recipient} are nested more than {self.settings.virtual_alias_recursion_limit} deep")

    async def _targets(self, address: str, inquiry: Inquiry) -> list[str] | None:
        found = await self._from_tables(address, inquiry)
        return found if found is not None else await self._from_directory(address, inquiry)

    async def _from_tables(self, address: str, inquiry: Inquiry) -> list[str] | None:
        if not self.tables:
            return None
        hit = await inquiry.first(self.tables, alias_keys(address, self.site.recipient_delimiter))
        return None if hit is None else self._complete(address, hit[0], hit[1].replace(",", " ").split())

    async def _from_directory(self, address: str, inquiry: Inquiry) -> list[str] | None:
        local, name = split(address)
        domain = await self.classes.classify(fold(name), inquiry)
        if domain.domain_class is DomainClass.REMOTE:
            return None
        *keys, everyone = alias_keys(address, self.site.recipient_delimiter)
        for key in keys:
            if (targets := await inquiry.alias(key)) is not None:
                return self._complete(address, key, list(targets))
        if await inquiry.account(bare(fold(address), self.site.recipient_delimiter)[0]) is not None:
            return None
        if domain.domain_class is DomainClass.ALIAS:
            return [f"{local}@{domain.target}"]
        targets = await inquiry.alias(everyone)
        return None if targets is None else self._complete(address, everyone, list(targets))

    def _complete(self, address: str, key: str, targets: list[str]) -> list[str]:
        """Make full addresses of targets: ``@other`` keeps the local part, a name alone is of this host (virtual(5)), and an
        extension that the key did not hold goes with each (Postfix ``propagate_unmatched_extensions``)."""
        base, extension = bare(address, self.site.recipient_delimiter)
        is_unmatched = extension and key == fold(base)
        completed = []
        for target in targets:
            local, name = split(target)
            local = local or split(address)[0]
            full = f"{local}{extension if is_unmatched else ''}@{name or self.site.hostname}"
            if len(full) > ADDRESS_LENGTH:
                raise LookupTrouble(f"alias {key} makes an address of {len(full)} characters")
            completed.append(full)
        return completed
