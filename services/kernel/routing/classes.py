"""What a domain is to this site: the directory's word, then ``relay_domains``."""

from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.routing.inquiry import Inquiry
from services.kernel.routing.keys import parents
from services.kernel.tables.collection import Tables


class Classes:
    """The domain classes of one configuration."""

    def __init__(self, hostname: str, relay_domains: tuple[str, ...], tables: Tables) -> None:
        self._hostname = hostname.lower()
        self._relay_names = frozenset(name.lower() for name in relay_domains if ":" not in name)
        self.tables = tuple(tables.open(name) for name in relay_domains if ":" in name)

    async def classify(self, name: str, inquiry: Inquiry) -> Domain:
        """The class of a folded domain. The site's own host name is hosted, as it is in Postfix's ``mydestination``.

        ``relay_domains`` covers subdomains (Postfix ``parent_domain_matches_subdomains``). Raises ``LookupTrouble``.
        """
        domain = await inquiry.domain(name)
        if domain is not None:
            return domain
        if name == self._hostname:
            return Domain(name, DomainClass.HOSTED)
        names = (name, *(parent[1:] for parent in parents(name)))
        if not self._relay_names.isdisjoint(names) or await inquiry.first(self.tables, names):
            return Domain(name, DomainClass.RELAY)
        return Domain(name, DomainClass.REMOTE)
