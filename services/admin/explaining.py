"""What would become of a message: each service is asked how it would decide, and none of them does anything.

Routing is decided here by the same code as in smtpd and qmgr; relay says which hosts it would try and how, qmgr when and how often, verify what it
knows of an address. A service that cannot be asked leaves its part empty, with the reason.
"""

from dataclasses import dataclass, field

from services.admin.desk import Desk
from services.admin.relay import inspect
from services.admin.trouble import ControlError
from services.kernel.routing import Accepted, Destination, Explanation, Route, Router, RoutingSettings, Stage
from services.kernel.wire.control import Foresee, Foreseen
from services.kernel.wire.delivery import InspectRequest, InspectResponse, NextHop, Protocol
from services.kernel.wire.nexthop import to_nexthop
from services.kernel.wire.verdict import Show, Verdict


@dataclass(frozen=True, slots=True)
class Question:
    """A message that may come: its envelope, who hands it in, and a header section."""

    sender: str
    recipient: str
    client: str = ""
    is_signed_in: bool = False
    head: bytes = b""


@dataclass(slots=True)
class Way:
    """The way of one final recipient. What could not be found out is missing, and ``faults`` says why."""

    address: str
    route: Route
    stage: Stage
    hosts: InspectResponse | None = None
    schedule: Foreseen | None = None
    verdict: Verdict | None = None
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Told:
    """All that was found out. ``head`` is the header section as it is queued."""

    question: Question
    routing: Explanation
    head: bytes
    ways: tuple[Way, ...]


async def find_out(desk: Desk, question: Question) -> Told:
    """Ask everybody. Raises ``LookupTrouble`` where routing itself cannot be decided now, and ``ConfigError``."""
    from services.kernel.directory import Directory

    directory = Directory(desk.directory_settings, desk.site.recipient_delimiter)
    try:
        router = Router(desk.document.section(RoutingSettings, "routing"), desk.site, directory, desk.tables())
        routing = await router.explain(question.recipient, question.sender, may_relay=question.is_signed_in)
        # only mail of users is rewritten in its header (Postfix local_header_rewrite_clients)
        head = await router.rewrite_header(question.head) if question.head and question.is_signed_in else question.head
    finally:
        directory.close()
    ways = [Way(address, route, stage) for (address, route), stage in zip(routing.destinations, routing.stages[2:], strict=True)]
    for way in ways:
        await _follow(desk, way, routing, head)
    return Told(question, routing, head, tuple(ways))


async def _follow(desk: Desk, way: Way, routing: Explanation, head: bytes) -> None:
    if isinstance(way.route, Destination):
        nexthop = to_nexthop(way.route)
        await _inspect(desk, way, nexthop, routing.sender.address, head)
        await _foresee(desk, way, nexthop, routing.sender.address)
    if isinstance(routing.acceptance, Accepted):
        await _show(desk, way)


async def _inspect(desk: Desk, way: Way, nexthop: NextHop, sender: str, head: bytes) -> None:
    if nexthop.protocol is Protocol.PIPE:
        return
    try:
        way.hosts = await inspect(desk.settings.relay, InspectRequest(nexthop, sender, way.address, head))
    except ControlError as error:
        way.faults.append(str(error))


async def _foresee(desk: Desk, way: Way, nexthop: NextHop, sender: str) -> None:
    try:
        async with desk.control() as control:
            way.schedule = await control.ask(Foresee(nexthop, sender), Foreseen)
    except ControlError as error:
        way.faults.append(str(error))


async def _show(desk: Desk, way: Way) -> None:
    try:
        async with desk.verifier() as verifier:
            way.verdict = await verifier.ask(Show(way.address), Verdict)
    except ControlError as error:
        way.faults.append(str(error))
