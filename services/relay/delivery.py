"""One delivery: from a request to the outcome of each recipient.

A kept connection of the next hop is tried first; then the hosts of the destination in order, until every recipient has its outcome or no host is
left. A kept connection that turns out to be closed before anything was answered counts for nothing.
"""

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum

from services.kernel.mail.outcome import Remote
from services.kernel.smtp.client import Manner, TlsUse
from services.kernel.smtp.client_content import Extent
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.smtp.connection import Endpoint, Refused
from services.kernel.spool.format import Corrupt
from services.kernel.spool.reader import OpenContent
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse, NextHop, Protocol, TlsLevel
from services.relay import trouble as policy
from services.relay.attempt import Attempt
from services.relay.hosts import PORTS, Host, HostFinder, Own
from services.relay.pool import Line, Pool, Session
from services.relay.transfer import Afterwards, transfer
from services.relay.trouble import Scope, Trouble


class Reached(Enum):
    """How far one try came."""

    NO_ROUTE = "no route"
    ADDRESS = "address"
    SESSION = "session"


@dataclass(frozen=True, slots=True)
class Manners:
    """How this site speaks to others: its HELO name, the TLS level where a next hop has none of its own, and how many hosts one attempt tries."""

    hello: str
    tls: TlsLevel = TlsLevel.MAY
    max_addresses: int = 5
    max_sessions: int = 2


@dataclass(frozen=True, slots=True)
class Network:
    """What a delivery reaches the world through."""

    finder: HostFinder
    pool: Pool
    own: Own


class Deliverer:
    """Carries out requests. ``open_content`` opens the content of a queue id and raises ``OSError`` or ``Corrupt``."""

    def __init__(self, manners: Manners, network: Network, open_content: Callable[[str], OpenContent]) -> None:
        self._manners = manners
        self._network = network
        self._open_content = open_content

    async def deliver(self, request: DeliveryRequest) -> DeliveryResponse:
        """Deliver to every recipient that can be delivered to now. Every trouble becomes an outcome."""
        attempt = Attempt(request)
        try:
            content = self._open_content(request.queue_id)
        except (OSError, Corrupt) as error:
            return refuse(request, f"content cannot be opened: {error}")
        try:
            await self._work(attempt, Extent(*content))
        finally:
            os.close(content.fd)
        attempt.settle()
        return attempt.response()

    async def _work(self, attempt: Attempt, content: Extent) -> None:
        nexthop = attempt.request.nexthop
        tried: Endpoint | None = None
        kept = self._network.pool.take_for(nexthop)
        if kept is not None and await self._transfer(attempt, kept, content, keep_for=nexthop):
            if attempt.is_settled:
                return
            tried = kept.line.endpoint
        found = await self._network.finder.find(nexthop)
        if isinstance(found, Trouble):
            if not attempt.has_met_trouble:
                attempt.meet(attempt.open, found, Remote(nexthop.host))
            return
        await self._try_hosts(attempt, content, [host for host in found if host.endpoint != tried])

    async def _try_hosts(self, attempt: Attempt, content: Extent, hosts: Sequence[Host]) -> None:
        """Within the limits of one attempt; an address family that is missing here costs nothing."""
        addresses, sessions = self._manners.max_addresses, self._manners.max_sessions
        for host in hosts:
            if not addresses or not sessions or attempt.is_settled:
                return
            reached = await self._try_host(attempt, content, host)
            addresses -= reached is not Reached.NO_ROUTE
            sessions -= reached is Reached.SESSION

    async def _try_host(self, attempt: Attempt, content: Extent, host: Host) -> Reached:
        nexthop = attempt.request.nexthop
        keep_for = nexthop if host.is_best else None
        line = Line(host.endpoint, self._manner(nexthop))
        kept = self._network.pool.take(line)
        if kept is not None and await self._transfer(attempt, kept, content, keep_for=keep_for):
            return Reached.SESSION
        try:
            session = await self._network.pool.open(line)
        except Refused as refusal:
            attempt.meet(attempt.open, policy.of_answer(refusal.answer), _remote(line, refusal.answer.verb))
            return Reached.SESSION
        except Fault as fault:
            return _note_unreached(attempt, fault, line)
        if self._is_ourselves(session, nexthop):
            self._network.pool.drop(session)
            attempt.meet(attempt.open, _loop(nexthop), session.remote())
            return Reached.SESSION
        await self._transfer(attempt, session, content, keep_for=keep_for)
        return Reached.SESSION

    async def _transfer(self, attempt: Attempt, session: Session, content: Extent, *, keep_for: NextHop | None) -> bool:
        """Use the session and give it back; tell whether it was alive. It is kept only for who found it at the best preference."""
        afterwards = Afterwards.DROP
        try:
            afterwards = await transfer(attempt, session, content)
        finally:
            if afterwards is Afterwards.KEEP and keep_for is not None:
                self._network.pool.give_back(session, keep_for)
            else:
                self._network.pool.drop(session)
        return afterwards is not Afterwards.STALE

    def _manner(self, nexthop: NextHop) -> Manner:
        level = nexthop.tls or self._manners.tls
        return Manner(self._manners.hello, nexthop.protocol is Protocol.LMTP, TlsUse(level.value))

    def _is_ourselves(self, session: Session, nexthop: NextHop) -> bool:
        """Whether an MX host greets by our own name: it is us behind an address that we do not know (as Postfix looks, on port 25 only)."""
        if nexthop.is_literal or session.line.endpoint.port != PORTS[Protocol.SMTP]:
            return False
        return self._network.own.has_name(session.connection.extensions.name)


def refuse(request: DeliveryRequest, reason: str) -> DeliveryResponse:
    """Defer a whole request for a trouble of our own."""
    attempt = Attempt(request)
    attempt.meet(attempt.open, policy.local(Scope.HERE, "4.3.0", reason), Remote())
    return attempt.response()


def _note_unreached(attempt: Attempt, fault: Fault, line: Line) -> Reached:
    is_no_route = fault.kind is FaultKind.NO_ROUTE
    if not (is_no_route and attempt.has_met_trouble):  # another host's trouble says more
        attempt.meet(attempt.open, policy.of_fault(fault), _remote(line, fault.verb))
    if is_no_route:
        return Reached.NO_ROUTE
    return Reached.ADDRESS if fault.kind is FaultKind.UNREACHABLE else Reached.SESSION


def _remote(line: Line, command: str) -> Remote:
    return Remote(line.endpoint.host, line.endpoint.address, line.endpoint.port, "", command)


def _loop(nexthop: NextHop) -> Trouble:
    """RFC 5321 section 5.1. No other host is asked: it would be worse than ourselves. Ours is a fault to be repaired, so it waits."""
    return policy.local(Scope.HERE, "4.4.6" if nexthop.is_ours else "5.4.6", f"mail for {nexthop.host} loops back to myself")
