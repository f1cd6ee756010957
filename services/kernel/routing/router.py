"""The router: what a service asks."""

from typing import TypeVar

from services.kernel.mail.address import fold, is_routed, split
from services.kernel.mail.domainclass import DomainClass
from services.kernel.mail.reply import Reply
from services.kernel.mail.rewriting import find_mentions, rewrite
from services.kernel.routing.canonical import Rewriter
from services.kernel.routing.classes import Classes
from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.copies import Copies
from services.kernel.routing.decision import Acceptance, Accepted, Copy, Explanation, NotOurs, Route, Sender, Unknown
from services.kernel.routing.expansion import Expander
from services.kernel.routing.inquiry import Inquiry, Record
from services.kernel.routing.localaliases import LocalAliases
from services.kernel.routing.lookups import Directory
from services.kernel.routing.names import Names
from services.kernel.routing.notes import Note
from services.kernel.routing.recipients import NO_SUCH_USER, Recipients
from services.kernel.routing.search import AddressSearch
from services.kernel.routing.transport import Transports
from services.kernel.runtime.config import Site
from services.kernel.tables.collection import Tables

CACHE_ENTRIES = 20_000
"""Decisions kept until something changes: the recipients of a busy minute, some 400 bytes each."""

_NOT_OURS = Reply(550, "5.7.1", "relaying denied")

Answer = TypeVar("Answer")
Key = TypeVar("Key")


class Router:
    """Decides for one process. Raises ``ConfigError`` when a setting or a table's name cannot be used."""

    def __init__(self, settings: RoutingSettings, site: Site, directory: Directory, tables: Tables) -> None:
        self._site = site
        self._directory = directory
        self._classes = Classes(settings, site.hostname, tables)
        search = AddressSearch(self._classes, site.recipient_delimiter)
        names = Names(settings, site.hostname)
        aliases = tuple(map(tables.open, settings.virtual_alias_maps))
        self._rewriter = Rewriter(settings, names, search, tables)
        self._copies = Copies(settings, search, tables)
        self._recipients = Recipients(settings, site.recipient_delimiter, self._classes, tables)
        local = LocalAliases(settings, names, search, tables)
        self._expander = Expander(settings, names, search, aliases, local)
        self._transports = Transports(settings, search, tables)
        parts = (self._classes, self._rewriter, self._copies, self._recipients, local, self._transports)
        # each once: they are looked at with every question
        self._tables = tuple(dict.fromkeys((*aliases, *(table for part in parts for table in part.tables))))
        self._depends_on_sender = settings.depends_on_sender
        self._changes_senders = not self._rewriter.is_idle("envelope_sender") or self._copies.has_any_of_message
        self.rewrites_headers = not (self._rewriter.is_idle("header_sender") and self._rewriter.is_idle("header_recipient"))
        """Whether ``rewrite_header`` can change anything."""
        self._version = (-1, -1)
        self._senders: dict[str, Sender] = {}
        self._accepted: dict[tuple[str, bool], Acceptance] = {}
        self._routes: dict[str | tuple[str, str], Route] = {}

    async def sender(self, address: str) -> Sender:
        """By which address does this envelope sender go on, and who gets a copy? Raises ``LookupTrouble``."""
        if not self._changes_senders:
            return Sender(address)
        version = await self._refresh()
        answer = self._senders.get(address)
        if answer is None:
            answer = await self._sender(address, Inquiry(self._directory))
            self._keep(self._senders, address, answer, version)
        return answer

    async def rewrite_header(self, head: bytes) -> bytes:
        """The header section of a local client's message with the addresses of its senders and recipients rewritten. Raises ``LookupTrouble``."""
        inquiry = Inquiry(self._directory)
        known: dict[tuple[str, bool], str] = {}
        changes = []
        for mention in find_mentions(head):
            key = (mention.address, mention.is_sender)
            if key not in known:
                known[key] = await self._rewriter.rewrite(mention.address, "header_sender" if mention.is_sender else "header_recipient", inquiry)
            changes.append((mention, known[key]))
        return rewrite(head, changes)

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

    async def domain_class(self, name: str) -> DomainClass:
        """What a domain is to this site. Raises ``LookupTrouble``."""
        return (await self._classes.classify(fold(name), Inquiry(self._directory))).domain_class

    async def route(self, recipient: str, sender: str) -> Route:
        """Where does this final recipient go, in mail of this envelope sender? Raises ``LookupTrouble``."""
        version = await self._refresh()
        key = (recipient, sender) if self._depends_on_sender else recipient
        answer = self._routes.get(key)
        if answer is None:
            answer = await self._route(recipient, sender, Inquiry(self._directory))
            self._keep(self._routes, key, answer, version)
        return answer

    async def is_for_mailbox(self, recipient: str) -> bool:
        """Does mail for this final recipient go into a mailbox here? A table may lead it elsewhere. Raises ``LookupTrouble``."""
        return self._transports.is_to_mailbox(await self.route(recipient, ""))

    async def faults(self) -> list[str]:
        """The entries of transport and relayhost tables that mean nothing, with file and line. Raises ``LookupTrouble``."""
        return await self._transports.faults()

    async def explain(self, recipient: str, sender: str, *, may_relay: bool = False) -> Explanation:
        """Both decisions with all their steps, nothing taken from the cache. Raises ``LookupTrouble``."""
        record = Record()
        inquiry = Inquiry(self._directory, record)
        origin = await self._sender(sender, inquiry)
        stages = [record.cut()]
        acceptance = await self._accept(recipient, may_relay, inquiry)
        stages.append(record.cut())
        final = list[str]()
        if isinstance(acceptance, Accepted):
            final += [*acceptance.final, *(copy.address for copy in (*acceptance.copies, *origin.copies))]
        destinations = []
        for address in dict.fromkeys(final):
            destinations.append((address, await self._route(address, origin.address, inquiry)))
            stages.append(record.cut())
        return Explanation(origin, acceptance, tuple(destinations), tuple(stages))

    async def _refresh(self) -> tuple[int, int]:
        version = (await self._directory.version(), sum(table.version() for table in self._tables))
        if version != self._version:
            self._senders.clear()
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

    async def _sender(self, address: str, inquiry: Inquiry) -> Sender:
        if not address:
            inquiry.remark(address, Note.SENDER_NULL)
        address = await self._rewriter.rewrite(address, "envelope_sender", inquiry)
        return Sender(address, await self._expand_copies(await self._copies.of_message(address, inquiry), inquiry))

    async def _expand_copies(self, addresses: list[str], inquiry: Inquiry) -> tuple[Copy, ...]:
        """Copies are rewritten and expanded as recipients are, but their recipients get none (cleanup_addr.c)."""
        found = list[Copy]()
        for each in addresses:
            original = await self._rewriter.rewrite(each, "envelope_recipient", inquiry)
            found += [Copy(address, original) for address in await self._expander.expand(original, inquiry)]
        return tuple(found)

    async def _accept(self, recipient: str, may_relay: bool, inquiry: Inquiry) -> Acceptance:
        local, name = split(recipient)
        if not name:
            name = self._site.hostname
            recipient = f"{local}@{name}"
        domain = await self._classes.classify(fold(name), inquiry)
        if domain.domain_class is DomainClass.REMOTE and not may_relay:
            return NotOurs(_NOT_OURS)
        recipient = await self._rewriter.rewrite(recipient, "envelope_recipient", inquiry)
        final = await self._expander.expand(recipient, inquiry)
        refusals = [await self._refusal(address, split(recipient)[1], inquiry) for address in final]
        if not may_relay and is_routed(local) and any([await self._is_routed_on(address, inquiry) for address in final]):
            return NotOurs(_NOT_OURS)
        if None not in refusals:
            if fold(local) != "postmaster":  # RFC 5321 section 4.5.1
                return Unknown(refusals[0] or NO_SUCH_USER)
            final = await self._expander.expand(self._site.postmaster or recipient, inquiry)
        # some of an alias's targets may be unknown: they are queued as well, so that the sender hears of them
        copies = await self._expand_copies(await self._copies.of_recipient(recipient, inquiry), inquiry)
        owners = tuple((address, owner) for address, owner in final.items() if owner)
        return Accepted(tuple(final), domain.domain_class, copies, owners)

    async def _is_routed_on(self, address: str, inquiry: Inquiry) -> bool:
        """Tell whether a stranger's ``user%domain@ours``, ``domain!user@ours`` or ``"user@domain"@ours`` leaves with that local part: who
        gets it might take it from us and send it to the other domain (Postfix ``allow_untrusted_routing``)."""
        local, name = split(address)
        return is_routed(local) and (await self._classes.classify(fold(name), inquiry)).domain_class is not DomainClass.HOSTED

    async def _refusal(self, address: str, given: str, inquiry: Inquiry) -> Reply | None:
        domain = await self._classes.classify(fold(split(address)[1]), inquiry)
        refused = await self._transports.refusal(address, domain, inquiry)
        return refused.reply if refused else await self._recipients.refusal(address, domain, given, inquiry)

    async def _route(self, recipient: str, sender: str, inquiry: Inquiry) -> Route:
        domain = await self._classes.classify(fold(split(recipient)[1]), inquiry)
        return await self._transports.route(recipient, sender, domain, inquiry)
