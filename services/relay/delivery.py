"""One delivery, or one probe, which is a delivery without content: from a request to the outcome of each recipient.

A kept connection of the next hop is tried first; then the places of the next hop in order, and the hosts of each, until every recipient has its
outcome or no host is left. A kept connection that turns out to be closed before anything was answered counts for nothing.
"""

import asyncio
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Remote
from services.kernel.smtp.client import Verb
from services.kernel.smtp.client_content import ContentTrouble, Extent
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.smtp.client_tls import TlsSetup
from services.kernel.smtp.connection import Endpoint, Refused
from services.kernel.spool.format import Corrupt
from services.kernel.spool.reader import OpenContent
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse, NextHop, ProbeRequest, ProbeResponse, Protocol, Server
from services.relay import lines
from services.relay import trouble as policy
from services.relay.attempt import Attempt
from services.relay.carriers import PORTS, Carrier, Carriers
from services.relay.hosts import HostFinder, Own, Way
from services.relay.parcel import Parcel
from services.relay.policies import TlsPolicies
from services.relay.pool import Line, Pool, Session
from services.relay.transfer import Afterwards, inquire, transfer
from services.relay.trouble import Scope, Trouble


class Reached(Enum):
    """How far one try came."""

    NO_ROUTE = "no route"
    ADDRESS = "address"
    SESSION = "session"
    OURSELVES = "ourselves"
    """No other host is asked: it would be worse than ourselves (RFC 5321 section 5.1)."""


@dataclass(frozen=True, slots=True)
class Manners:
    """How many hosts of one place an attempt tries, and who takes words for the operator."""

    max_addresses: int = 5
    max_sessions: int = 2
    tell_trouble: Callable[[str], None] = lambda _: None


@dataclass(frozen=True, slots=True)
class Network:
    """What a delivery reaches the world through."""

    finder: HostFinder
    pool: Pool
    own: Own
    policies: TlsPolicies


class Deliverer:
    """Carries out requests. ``open_content`` opens the content of a queue id and raises ``OSError`` or ``Corrupt``."""

    def __init__(self, manners: Manners, carriers: Carriers, network: Network, open_content: Callable[[str], OpenContent]) -> None:
        self._manners = manners
        self._carriers = carriers
        self._network = network
        self._open_content = open_content
        self._logins_version: dict[str, int] = {}
        self._policies_version = 0
        self._unknown: set[str] = set()

    async def deliver(self, request: DeliveryRequest) -> DeliveryResponse:
        """Deliver to every recipient that can be delivered to now. Every trouble becomes an outcome."""
        attempt = Attempt(request)
        try:
            content = self._open_content(request.queue_id)
        except (OSError, Corrupt) as error:
            return refuse(request, f"content cannot be opened: {error}")
        try:
            async with asyncio.timeout(request.work_seconds) as limit:
                await self._work(attempt, Extent(*content))
        except TimeoutError:
            if not limit.expired():
                raise
            attempt.meet(attempt.open, policy.local(Scope.SITE, "4.4.2", f"not finished within {request.work_seconds:g} s"), Remote())
        finally:
            os.close(content.fd)
        attempt.settle()
        return attempt.response()

    async def probe(self, request: ProbeRequest) -> ProbeResponse:
        """Find out whether the recipient would be taken, the same way as a message and without one. Every trouble becomes the outcome."""
        recipient = Recipient(request.recipient, request.recipient)
        attempt = Attempt(DeliveryRequest("", "", request.sender, request.nexthop, [0], [recipient], 0))
        await self._work(attempt, None)
        attempt.settle()
        (outcome,) = attempt.response().outcomes
        return ProbeResponse(outcome)

    async def _work(self, attempt: Attempt, content: Extent | None) -> None:
        nexthop = attempt.request.nexthop
        carrier = self._carriers.find(nexthop.transport)
        if carrier is None:
            self._meet_unknown(attempt)
            return
        self._follow_logins(carrier)
        self._follow_policies()
        try:
            parcel = await _dress(attempt, carrier, content)
        except (LookupTrouble, ContentTrouble):  # whoever opened the table is told why
            attempt.meet(attempt.open, policy.local(Scope.HERE, "4.3.0", "the addresses cannot be rewritten now"), Remote())
            return
        tried: Endpoint | None = None
        kept = self._network.pool.take_for(nexthop)
        if kept is not None and await self._transfer(attempt, kept, parcel, keep_for=nexthop):
            if attempt.is_settled:
                return
            tried = kept.line.endpoint
        for server in carrier.servers(nexthop):
            found = await self._network.finder.find(nexthop, server, carrier.port(nexthop.protocol))
            if not isinstance(found, Trouble):
                await self._try_hosts(attempt, parcel, carrier, [Way(nexthop, server, host) for host in found if host.endpoint != tried])
            elif server is not nexthop.servers[0] or not attempt.has_met_trouble:
                attempt.meet(attempt.open, found, Remote(server.host))
            if attempt.is_settled or (isinstance(found, Trouble) and found.is_loop):
                return

    def _meet_unknown(self, attempt: Attempt) -> None:
        name = attempt.request.nexthop.transport
        attempt.meet(attempt.open, policy.local(Scope.HERE, "4.3.5", f"there is no transport {name}"), Remote())
        if name not in self._unknown:
            self._unknown.add(name)
            self._manners.tell_trouble(f"there is no transport {name}: its mail is deferred")

    def _follow_logins(self, carrier: Carrier) -> None:
        """A changed password is used for the next message: connections under the old one are not found again."""
        if carrier.logins is None:
            return
        version = carrier.logins.version()
        if self._logins_version.setdefault(carrier.name, version) != version:
            self._logins_version[carrier.name] = version
            self._network.pool.forget_lines()

    def _follow_policies(self) -> None:
        """A changed table of TLS policies holds for the next message, kept connection or not."""
        version = self._network.policies.version()
        if version != self._policies_version:
            self._policies_version = version
            self._network.pool.forget_lines()

    async def _try_hosts(self, attempt: Attempt, parcel: Parcel | None, carrier: Carrier, ways: Sequence[Way]) -> None:
        """Within the limits of one attempt; an address family that is missing here costs nothing."""
        addresses, sessions = self._manners.max_addresses, self._manners.max_sessions
        for way in ways:
            if not addresses or not sessions or attempt.is_settled:
                return
            line = await lines.line(carrier, way, self._network.policies, self._network.pool.version)
            if isinstance(line, Trouble):
                attempt.meet(attempt.open, line, Remote(way.host.endpoint.host))
                addresses -= 1
                continue
            reached = await self._try_line(attempt, parcel, way, line)
            if reached is Reached.OURSELVES:
                return
            addresses -= reached is not Reached.NO_ROUTE
            sessions -= reached is Reached.SESSION

    async def _try_line(self, attempt: Attempt, parcel: Parcel | None, way: Way, line: Line) -> Reached:
        nexthop = way.nexthop
        is_kept = way.host.is_best and way.server == nexthop.servers[0] and line.manner.tls.is_reusable
        keep_for = nexthop if is_kept else None
        kept = self._network.pool.take(line)
        if kept is not None and await self._transfer(attempt, kept, parcel, keep_for=keep_for):
            return Reached.SESSION
        try:
            session = await self._network.pool.open(line)
        except Refused as refusal:
            remote = _remote(line, refusal.answer.verb)
            attempt.meet(attempt.open, policy.of_answer(refusal.answer), remote)
            attempt.transcribe(str(remote), refusal.transcript)
            return Reached.SESSION
        except Fault as fault:
            return _note_unreached(attempt, fault, line)
        except TlsSetup as error:
            attempt.meet(attempt.open, policy.local(Scope.HERE, "4.7.5", f"client TLS configuration problem: {error}"), _remote(line, Verb.CONNECT))
            return Reached.ADDRESS
        if self._is_ourselves(session, way.server):
            self._network.pool.drop(session)
            _meet_ourselves(attempt, way, session)
            return Reached.OURSELVES
        await self._transfer(attempt, session, parcel, keep_for=keep_for)
        return Reached.SESSION

    async def _transfer(self, attempt: Attempt, session: Session, parcel: Parcel | None, *, keep_for: NextHop | None) -> bool:
        """Use the session and give it back; tell whether it was alive. It is kept only for who found it at the best preference."""
        afterwards = Afterwards.DROP
        try:
            afterwards = await (inquire(attempt, session) if parcel is None else transfer(attempt, session, parcel))
        finally:
            if afterwards is Afterwards.KEEP and keep_for is not None:
                self._network.pool.give_back(session, keep_for)
            else:
                self._network.pool.drop(session)
        return afterwards is not Afterwards.STALE

    def _is_ourselves(self, session: Session, server: Server) -> bool:
        """Whether an MX host greets by our own name: it is us behind an address that we do not know (as Postfix looks, on port 25 only)."""
        if server.is_literal or session.line.endpoint.port != PORTS[Protocol.SMTP]:
            return False
        return self._network.own.has_name(session.connection.extensions.name)


async def _dress(attempt: Attempt, carrier: Carrier, content: Extent | None) -> Parcel | None:
    """Envelope and content as the transport sends them. Raises ``LookupTrouble`` and ``ContentTrouble``."""
    generic = carrier.generic
    if generic is not None:
        attempt.request = await generic.request(attempt.request)
    if content is None:
        return None
    return Parcel(content, carrier.style, await generic.head(content) if generic is not None else None)


def refuse(request: DeliveryRequest, reason: str) -> DeliveryResponse:
    """Defer a whole request for a trouble of our own."""
    attempt = Attempt(request)
    attempt.meet(attempt.open, policy.local(Scope.HERE, "4.3.0", reason), Remote())
    return attempt.response()


def _note_unreached(attempt: Attempt, fault: Fault, line: Line) -> Reached:
    is_no_route = fault.kind is FaultKind.NO_ROUTE
    if not (is_no_route and attempt.has_met_trouble):  # another host's trouble says more
        remote = _remote(line, fault.verb)
        attempt.meet(attempt.open, policy.of_fault(fault), remote)
        attempt.transcribe(str(remote), fault.transcript or [f"-- {fault.text}"])
    if is_no_route:
        return Reached.NO_ROUTE
    return Reached.ADDRESS if fault.kind is FaultKind.UNREACHABLE else Reached.SESSION


def _remote(line: Line, command: str) -> Remote:
    return Remote(line.endpoint.host, line.endpoint.address, line.endpoint.port, "", command)


def _meet_ourselves(attempt: Attempt, way: Way, session: Session) -> None:
    """The best host of a list is ourselves: a loop. Behind better ones it is what is wrong with those that counts (Postfix tells the two apart as
    well), which was met before or is that they cannot be looked up. A loop of a domain of ours is a fault to be repaired, so it waits."""
    nexthop, host = way.nexthop, way.host
    if host.is_best or not (attempt.has_met_trouble or host.better):
        is_soft = nexthop.is_ours or not host.is_best
        trouble = policy.local(Scope.HERE, "4.4.6" if is_soft else "5.4.6", f"mail for {nexthop.host} loops back to myself")
        attempt.meet(attempt.open, trouble, session.remote())
    elif host.better and not attempt.has_met_trouble:
        attempt.meet(attempt.open, host.better, Remote())
