"""What a domain is to this site: the directory's word, then the lists of domains in the settings."""

from collections.abc import Iterable

from services.kernel.mail.address import fold
from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.inquiry import Inquiry
from services.kernel.routing.keys import NO_DOMAIN, domain_keys
from services.kernel.routing.notes import Note
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import Table


class DomainList:
    """A list as Postfix writes them: names, tables of names, and ``!`` before what is not meant; the first that fits decides.

    ``name`` is the setting's; ``covers_subdomains`` is Postfix's ``parent_domain_matches_subdomains``, ``None`` for lists that
    hold exact names only. ``is_derived``: the patterns are tables of addresses, not meant as a list, and an entry there that fits every
    domain names none; Postfix would take the mail of the whole world.
    """

    def __init__(
        self, name: str, patterns: Iterable[str], tables: Tables, *, covers_subdomains: bool | None = None, is_derived: bool = False
    ) -> None:
        self._name = name
        self._is_derived = is_derived
        self._covers = covers_subdomains
        self._rules: list[tuple[bool, frozenset[str] | Table]] = []
        for pattern in patterns:
            bare = pattern.lstrip("!")
            self._add((len(pattern) - len(bare)) % 2 == 0, tables.open(bare) if ":" in bare else bare)
        self.tables = tuple(rule for _, rule in self._rules if isinstance(rule, Table))

    def _add(self, verdict: bool, rule: str | Table) -> None:
        """Names that follow each other are one set: a site may have thousands."""
        if not isinstance(rule, str):
            self._rules.append((verdict, rule))
        elif self._rules and self._rules[-1][0] is verdict and isinstance(known := self._rules[-1][1], frozenset):
            self._rules[-1] = (verdict, known | {fold(rule)})
        else:
            self._rules.append((verdict, frozenset((fold(rule),))))

    async def holds(self, name: str, inquiry: Inquiry) -> bool:
        """Tell whether a folded domain is meant. Raises ``LookupTrouble``."""
        keys = (name,) if self._covers is None else domain_keys(name, covers_subdomains=self._covers)
        for verdict, rule in self._rules:
            if isinstance(rule, frozenset):
                named = next((key for key in keys if key in rule), None)
                if named is not None:
                    inquiry.setting(self._name, named, "yes" if verdict else "no")
                    return verdict
            elif await inquiry.first((rule,), keys) is not None:
                if self._is_derived and await rule.lookup(NO_DOMAIN) is not None:
                    inquiry.remark(name, Note.DOMAINS_OF_PATTERN)
                    continue
                return verdict
        return False


class Classes:
    """The domain classes of one configuration."""

    def __init__(self, settings: RoutingSettings, hostname: str, tables: Tables) -> None:
        self._local = DomainList("mydestination", (*settings.mydestination, hostname), tables)
        self._aliases = DomainList("virtual_alias_domains", settings.alias_domains, tables, is_derived=settings.virtual_alias_domains is None)
        self._mailboxes = DomainList("virtual_mailbox_domains", settings.mailbox_domains, tables, is_derived=settings.virtual_mailbox_domains is None)
        covers = "relay_domains" in settings.parent_domain_matches_subdomains
        self._relay = DomainList("relay_domains", settings.relay_domains, tables, covers_subdomains=covers)
        self.hostname = hostname
        self._origin = fold(settings.myorigin or hostname)
        self.tables = (*self._local.tables, *self._aliases.tables, *self._mailboxes.tables, *self._relay.tables)

    async def classify(self, name: str, inquiry: Inquiry) -> Domain:
        """The class of a folded domain, in trivial-rewrite's order. A virtual alias domain is an alias without a target.

        Raises ``LookupTrouble``.
        """
        domain = await inquiry.domain(name)
        if domain is not None:
            return domain
        if await self._local.holds(name, inquiry):
            return Domain(name, DomainClass.HOSTED)
        if await self._aliases.holds(name, inquiry):
            return Domain(name, DomainClass.ALIAS)
        if await self._mailboxes.holds(name, inquiry):
            return Domain(name, DomainClass.HOSTED)
        if await self._relay.holds(name, inquiry):
            return Domain(name, DomainClass.RELAY)
        return Domain(name, DomainClass.REMOTE)

    async def is_local(self, name: str, inquiry: Inquiry) -> bool:
        """Tell whether a folded domain is in ``mydestination``: its users have names alone, its aliases are those of aliases(5)."""
        return await self._local.holds(name, inquiry)

    async def is_own(self, name: str, inquiry: Inquiry) -> bool:
        """Tell whether tables are asked for the user's name alone, too (virtual(5), "TABLE SEARCH ORDER")."""
        return name == self._origin or await self._local.holds(name, inquiry)
