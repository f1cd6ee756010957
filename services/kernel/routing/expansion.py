"""Aliases: from one recipient to all those it stands for.

Tables are asked first, with Postfix's keys and meaning: there ``@domain`` takes mail from mailboxes of the domain too, unless each has its own entry.
Then ``alias_maps`` for users of this host. Then the directory, where an address counts before its domain: alias, mailbox, alias domain, and
``@domain`` for what is left.
"""

from dataclasses import dataclass, replace

from services.kernel.mail.address import fold, split
from services.kernel.mail.domainclass import DomainClass
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.inquiry import Inquiry
from services.kernel.routing.keys import address_keys, bare, unmatched_extension
from services.kernel.routing.localaliases import LocalAliases, Target
from services.kernel.routing.names import Names
from services.kernel.routing.notes import Note
from services.kernel.routing.search import AddressSearch
from services.kernel.tables.lookup import LookupTrouble, Table

ADDRESS_LENGTH = 320
"""RFC 5321 section 4.5.3.1: 64 octets of local part, the sign, 255 of domain. An alias whose extension grows at each turn ends here."""


@dataclass(frozen=True, slots=True)
class Expander:
    """The alias rules of one configuration."""

    settings: RoutingSettings
    names: Names
    search: AddressSearch
    tables: tuple[Table, ...]
    local: LocalAliases

    async def expand(self, recipient: str, inquiry: Inquiry) -> dict[str, str]:
        """All addresses that ``recipient`` stands for, each once, in order; itself when it is no alias. Each has the envelope sender of
        the list that it came by, or nothing.

        An address that is among its own targets stays. Raises ``LookupTrouble`` for a failing lookup, for an expansion beyond the
        limits, and for aliases that only lead to each other (Postfix, too, asks for another try then).
        """
        final: dict[str, Target] = {}
        seen = {fold(recipient)}
        waiting = [(Target(recipient), 0)]
        while waiting:
            one, depth = waiting.pop()
            targets = await self._targets(one.address, inquiry)
            if targets is None:
                final.setdefault(fold(one.address), one)
                continue
            onward = []
            for target in targets:
                known = target if target.owner else replace(target, owner=one.owner)
                if fold(target.address) == fold(one.address):
                    final.setdefault(fold(target.address), known)
                elif fold(target.address) not in seen:
                    seen.add(fold(target.address))
                    onward.append((known, depth + 1))
            waiting += reversed(onward)
            self._check_limits(recipient, len(seen) - 1, depth)
        if not final:
            raise LookupTrouble(f"aliases of {recipient} lead only to each other")
        return {one.address: one.owner for one in final.values()}

    def _check_limits(self, recipient: str, count: int, depth: int) -> None:
        if count > self.settings.virtual_alias_expansion_limit:
            raise LookupTrouble(f"{recipient} expands to more than {self.settings.virtual_alias_expansion_limit} addresses")
        if depth >= self.settings.virtual_alias_recursion_limit:
            raise LookupTrouble(f"aliases of {recipient} are nested more than {self.settings.virtual_alias_recursion_limit} deep")

    async def _targets(self, address: str, inquiry: Inquiry) -> list[Target] | None:
        hit = await self.search.find(self.tables, address, inquiry)
        if hit is not None:
            inquiry.remark(address, Note.DIRECTORY_ALIASES_NOT_ASKED)
            return self._complete(address, hit.key, hit.value.replace(",", " ").split())
        found = await self.local.targets(address, inquiry)
        return found if found is not None else await self._from_directory(address, inquiry)

    async def _from_directory(self, address: str, inquiry: Inquiry) -> list[Target] | None:
        local, name = split(address)
        domain = await self.search.classes.classify(fold(name), inquiry)
        if domain.domain_class is DomainClass.REMOTE:
            return None
        *keys, everyone = address_keys(address, self.search.delimiter)
        for key in keys:
            if (targets := await inquiry.alias(key)) is not None:
                return self._complete(address, key, list(targets))
        if await inquiry.account(bare(fold(address), self.search.delimiter)[0]) is not None:
            inquiry.remark(address, Note.MAILBOX_BEFORE_CATCH_ALL)
            return None
        if domain.domain_class is DomainClass.ALIAS and domain.target:
            return [Target(f"{local}@{domain.target}")]
        targets = await inquiry.alias(everyone)
        return None if targets is None else self._complete(address, everyone, list(targets))

    def _complete(self, address: str, key: str, targets: list[str]) -> list[Target]:
        unmatched = unmatched_extension(address, key, self.search.delimiter)
        propagates = "virtual" in self.settings.propagate_unmatched_extensions
        completed = [self.names.target(target, address, unmatched, propagates=propagates) for target in targets]
        longest = max(map(len, completed), default=0)
        if longest > ADDRESS_LENGTH:
            raise LookupTrouble(f"alias {key} makes an address of {longest} characters")
        return [Target(each) for each in completed]
