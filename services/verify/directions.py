"""Where an address leads: to a verdict that needs no server, or to the next hop that is to be asked."""

from dataclasses import dataclass

from services.kernel.mail.address import fold
from services.kernel.mail.domainclass import DomainClass
from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, Destination, Router
from services.kernel.routing.lookups import Directory
from services.kernel.wire.delivery import NextHop, Protocol
from services.kernel.wire.nexthop import to_nexthop
from services.kernel.wire.verdict import Source, State, Verdict

_HERE = Reply(250, "2.1.5", "mailbox here")
_SEVERAL = Reply(250, "2.1.5", "aliased to several addresses")
_COMMAND = Reply(250, "2.0.0", "taken by a command")


@dataclass(frozen=True, slots=True)
class Target:
    """A final address and the next hop that takes it. ``key`` is its name in the cache."""

    address: str
    nexthop: NextHop

    @property
    def key(self) -> str:
        """The folded address."""
        return fold(self.address)


class Directions:
    """Asks the router as for a message from ``sender``. A mailbox of the directory needs no probe."""

    def __init__(self, router: Router, directory: Directory, sender: str) -> None:
        self._router = router
        self._directory = directory
        self.sender = sender

    async def find(self, address: str) -> Verdict | Target:
        """Raises ``LookupTrouble``."""
        accepted = await self._router.accept(address, may_relay=True)
        if not isinstance(accepted, Accepted):
            return Verdict(fold(address), _state(accepted.reply), Source.SITE, accepted.reply)
        if len(accepted.final) > 1:  # as Postfix's cleanup(8) answers a probe that expands to several recipients
            return Verdict(fold(address), State.DELIVERABLE, Source.SITE, _SEVERAL)
        (final,) = accepted.final
        inner = accepted if final == address else await self._router.accept(final, may_relay=True)
        is_hosted = isinstance(inner, Accepted) and inner.domain_class is DomainClass.HOSTED
        if is_hosted and await self._directory.account(fold(final)) is not None:
            return Verdict(fold(final), State.DELIVERABLE, Source.SITE, _HERE)
        return await self._route(final)

    async def _route(self, final: str) -> Verdict | Target:
        route = await self._router.route(final, self.sender)
        if not isinstance(route, Destination):
            return Verdict(fold(final), _state(route.reply), Source.SITE, route.reply)
        nexthop = to_nexthop(route)
        if nexthop.protocol is Protocol.PIPE:
            return Verdict(fold(final), State.DELIVERABLE, Source.SITE, _COMMAND, nexthop=str(nexthop))
        return Target(final, nexthop)


def _state(reply: Reply) -> State:
    if reply.is_positive:
        return State.DELIVERABLE
    return State.UNDELIVERABLE if reply.is_permanent else State.UNKNOWN
