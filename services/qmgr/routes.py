"""Where the recipients of a message go: routing's decision in the words of the delivery hop."""

from dataclasses import dataclass, field
from typing import assert_never

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome, Remote
from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, Destination, Discarded, LookupTrouble, Router, RouteRefused
from services.kernel.wire.delivery import NextHop
from services.kernel.wire.nexthop import to_nexthop
from services.qmgr.message import Message

TROUBLE = Deferred(Reply(451, "4.3.0", "temporary lookup failure"), Remote())


@dataclass(slots=True)
class Spread:
    """The recipients of a message by next hop, and those that routing itself has an outcome for."""

    groups: dict[NextHop, list[int]] = field(default_factory=dict)
    decided: list[tuple[int, Outcome]] = field(default_factory=list)
    unknown: list[int] = field(default_factory=list)
    """Those of them whose way could not be looked up."""
    trouble: str = ""
    """Why."""


class Routes:
    """Asks the router, which a reload replaces."""

    def __init__(self, router: Router) -> None:
        self.router = router

    async def spread(self, message: Message) -> Spread:
        """Route every recipient that is still to be tried. Trouble with a lookup is an outcome: deferred."""
        spread = Spread()
        for number in message.pending():
            try:
                route = await self.router.route(message.recipients[number].address, message.envelope.sender)
            except LookupTrouble as trouble:
                spread.trouble = str(trouble)
                spread.unknown.append(number)
                spread.decided.append((number, TROUBLE))
                continue
            match route:
                case Destination():
                    spread.groups.setdefault(to_nexthop(route), []).append(number)
                case Discarded(reply):
                    spread.decided.append((number, Delivered(reply, Remote())))
                case RouteRefused(reply):
                    refused = Bounced if reply.is_permanent else Deferred
                    spread.decided.append((number, refused(reply, Remote())))
                case _:
                    assert_never(route)
        return spread

    async def report_recipients(self, sender: str) -> list[Recipient]:
        """Whom a report to ``sender`` goes to, aliases expanded. Raises ``LookupTrouble``.

        No report is asked for on a report (RFC 3461 section 6.1: NOTIFY=NEVER).
        """
        answer = await self.router.accept(sender, may_relay=True)
        final = answer.final if isinstance(answer, Accepted) else (sender,)
        return [Recipient(address, sender, notify="NEVER") for address in final]
