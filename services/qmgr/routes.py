"""Where the recipients of a message go: routing's decision in the words of the delivery hop."""

from dataclasses import dataclass, field

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Bounced, Deferred, Outcome, Remote
from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, Destination, LookupTrouble, Router
from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.message import Message

TROUBLE = Deferred(Reply(451, "4.3.0", "temporary lookup failure"), Remote())


@dataclass(slots=True)
class Spread:
    """The recipients of a message by next hop, and those that routing itself has an outcome for."""

    groups: dict[NextHop, list[int]] = field(default_factory=dict)
    decided: list[tuple[int, Outcome]] = field(default_factory=list)
    trouble: str = ""
    """Why something could not be looked up."""


class Routes:
    """Asks the router, which a reload replaces."""

    def __init__(self, router: Router) -> None:
        self.router = router
        self._known: dict[Destination, NextHop] = {}

    async def spread(self, message: Message) -> Spread:
        """Route every recipient that is still to be tried. Trouble with a lookup is an outcome: deferred."""
        spread = Spread()
        for number in message.pending():
            try:
                route = await self.router.route(message.recipients[number].address, message.envelope.sender)
            except LookupTrouble as trouble:
                spread.trouble = str(trouble)
                spread.decided.append((number, TROUBLE))
                continue
            if isinstance(route, Destination):
                spread.groups.setdefault(self._nexthop(route), []).append(number)
            else:
                refused = Bounced if route.reply.is_permanent else Deferred
                spread.decided.append((number, refused(route.reply, Remote())))
        return spread

    async def report_recipients(self, sender: str) -> list[Recipient]:
        """Whom a report to ``sender`` goes to, aliases expanded. Raises ``LookupTrouble``.

        No report is asked for on a report (RFC 3461 section 6.1: NOTIFY=NEVER).
        """
        answer = await self.router.accept(sender, may_relay=True)
        final = answer.final if isinstance(answer, Accepted) else (sender,)
        return [Recipient(address, sender, notify="NEVER") for address in final]

    def _nexthop(self, route: Destination) -> NextHop:
        nexthop = self._known.get(route)
        if nexthop is None:
            if len(self._known) > 10_000:  # as many as routing remembers
                self._known.clear()
            nexthop = self._known[route] = NextHop(
                protocol=Protocol(route.protocol),
                host=route.host,
                port=route.port,
                is_literal=route.is_literal,
                is_ours=route.is_ours,
                transport=route.transport,
            )
        return nexthop
