"""The router: what a service asks."""

from typing import TypeVar

from services.kernel.mail.address import fold, split
from services.kernel.mail.domainclass import Domain, DomainClass
from services.kernel.mail.reply import Reply
from services.kernel.routing.classes import Classes
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.decision import Acceptance, Accepted, Destination, Explanation, NotOurs, RouteRefused, Step, Unknown
from services.kernel.routing.expansion import Expander
from services.kernel.routing.inquiry import Inquiry
from services.kernel.routing.keys import alias_keys, bare
from services.kernel.routing.lookups import Directory
from services.kernel.routing.transport import Transports
from services.kernel.runtime.config import Site
from services.kernel.tables.collection import Tables

CACHE_ENTRIES = 20_000
"""Decisions kept until something changes: the recipients of a busy minute, some 400 bytes each."""

_NO_SUCH_USER = Reply(550, "5.1.1", "no such user here")
_DISABLED = Reply(550, "5.2.1", "mailbox disabled")
_NOT_OURS = Reply(550, "5.7.1", "relaying denied")

Answer = TypeVar("Answer")
Key = TypeVar("Key")


class Router:
    """Decides for one process. Raises ``ConfigError`` when a setting or a table's name cannot be used."""

    def __init__(self, settings: RoutingSettings, site: Site, directory: Directory, tables: Tables) -> None:
        self._site = site
        self._directory = directory
        self._classes = Classes(site.hostname, settings.relay_domains, tables)
        self._aliases = tuple(tables.open(name) for name in settings.virtual_alias_maps)
        self._relay_recipients = tuple(tables.open(name) for name in settings.relay_recipient_maps)
        self._expander = Expander(settings, site, self._classes, self._aliases)
        self._transports = Transports(settings, site.recipient_delimiter, tables)
        self._tables = (*self._classes.tables, *self._aliases, *self._relay_recipients, *self._transports.tables)
        self._version = (-1, -1)
        self._accepted: dict[tuple[str, bool], Acceptance] = {}
        self._routes: dict[str, Destination | RouteRefused] = {}

    async def accept(self, recipient: str, *, may_relay: bool = False) -> Acceptance:
        """May this recipient come in, and whom does it stand for?

        With ``may_relay`` (a signed-in user, or a report of our own) foreign recipients are ``Accepted`` too. Raises ``LookupTrouble``.
        """
        version = await self._refresh()
        key = (recipient, may_relay)
        answer = self._accepted.get(key)
        if answer is None:
            answer = await self._accept(recipient, may_relay, Inquiry(self._directory))
            self._keep(self._accepted, key, answer, version)
        return answer

    async def route(self, recipient: str, sender: str) -> Destination | RouteRefused:
        """Where does this final recipient go? Raises ``LookupTrouble``."""
        version = await self._refresh()
        answer = self._routes.get(recipient)
        if answer is None:
            answer = await self._route(recipient, Inquiry(self._directory))
            self._keep(self._routes, recipient, answer, version)
        return answer

    async def explain(self, recipient: str, sender: str, *, may_relay: bool = False) -> Explanation:
        """Both decisions with all their steps, nothing taken from the cache. Raises ``LookupTrouble``."""
        steps: list[Step] = []
        inquiry = Inquiry(self._directory, steps)
        acceptance = await self._accept(recipient, may_relay, inquiry)
        final = acceptance.final if isinstance(acceptance, Accepted) else ()
        destinations = [(address, await self._route(address, inquiry)) for address in final]
        return Explanation(acceptance, tuple(destinations), tuple(steps))

    async def _refresh(self) -> tuple[int, int]:
        version = (await self._directory.version(), sum(table.version() for table in self._tables))
        if version != self._version:
            self._accepted.clear()
            self._routes.clear()
            self._version = version
        return version

    def _keep(self, cache: dict[Key, Answer], key: Key, answer: Answer, version: tuple[int, int]) -> None:
        if version != self._version:
            return  # something changed while we asked: the answer may be of before
        if len(cache) >= CACHE_ENTRIES:
            cache.clear()
        cache[key] = answer

    async def _accept(self, recipient: str, may_relay: bool, inquiry: Inquiry) -> Acceptance:
        local, name = split(recipient)
        if not name:
            name = self._site.hostname
            recipient = f"{local}@{name}"
        domain = await self._classes.classify(fold(name), inquiry)
        if domain.domain_class is DomainClass.REMOTE and not may_relay:
            return NotOurs(_NOT_OURS)
        final = await self._expander.expand(recipient, inquiry)
        refusals = [await self._refusal(address, domain, inquiry) for address in final]
        if None in refusals:
            # some of an alias's targets may be unknown: they are queued as well, so that the sender hears of them
            return Accepted(tuple(final), domain.domain_class)
        if fold(local) == "postmaster":  # RFC 5321 section 4.5.1
            final = await self._expander.expand(self._site.postmaster or recipient, inquiry)
            return Accepted(tuple(final), domain.domain_class)
        return Unknown(refusals[0] or _NO_SUCH_USER)

    async def _refusal(self, address: str, given: Domain, inquiry: Inquiry) -> Reply | None:
        domain = await self._classes.classify(fold(split(address)[1]), inquiry)
        if domain.domain_class is DomainClass.HOSTED:
            account = await inquiry.account(bare(fold(address), self._site.recipient_delimiter)[0])
            if account is None:
                return _NO_SUCH_USER
            return None if account.enabled else _DISABLED
        if domain.domain_class.is_passed_on and self._relay_recipients and domain.name == given.name:
            keys = alias_keys(address, self._site.recipient_delimiter)
            return None if await inquiry.first(self._relay_recipients, keys) else _NO_SUCH_USER
        return None

    async def _route(self, recipient: str, inquiry: Inquiry) -> Destination | RouteRefused:
        domain = await self._classes.classify(fold(split(recipient)[1]), inquiry)
        return await self._transports.destination(recipient, domain, inquiry)
