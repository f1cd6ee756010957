"""How a message would go: the hosts of a next hop in order, and how each would be spoken to. No server hears of it.

What decides for deliveries is asked here: ``carriers``, ``hosts``, ``lines``.
"""

from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire.delivery import InspectedHost, InspectRequest, InspectResponse, NextHop, Server
from services.relay import lines
from services.relay.carriers import Carrier, Carriers
from services.relay.hosts import HostFinder, Way
from services.relay.policies import TlsPolicies
from services.relay.trouble import Trouble


class Inspector:
    """Answers by the transports and name servers of one configuration."""

    def __init__(self, carriers: Carriers, finder: HostFinder, policies: TlsPolicies) -> None:
        self._carriers = carriers
        self._finder = finder
        self._policies = policies

    async def inspect(self, request: InspectRequest) -> InspectResponse:
        """Every host that an attempt may come to, places without hosts among them."""
        carrier = self._carriers.find(request.nexthop.transport)
        if carrier is None:
            return InspectResponse([], f"there is no transport {request.nexthop.transport}")
        hosts: list[InspectedHost] = []
        for server in carrier.servers(request.nexthop):
            hosts += await self._place(carrier, request.nexthop, server)
        try:
            sender, recipient, head = await self._rewritten(carrier, request)
        except LookupTrouble as trouble:
            return InspectResponse(hosts, str(trouble), request.sender, request.recipient, request.head)
        return InspectResponse(hosts, "", sender, recipient, head)

    async def _rewritten(self, carrier: Carrier, request: InspectRequest) -> tuple[str, str, bytes]:
        """As generic maps make it. Raises ``LookupTrouble``."""
        if carrier.generic is None:
            return request.sender, request.recipient, request.head
        return await carrier.generic.imagine(request.sender, request.recipient, request.head)

    async def _place(self, carrier: Carrier, nexthop: NextHop, server: Server) -> list[InspectedHost]:
        is_fallback = server not in nexthop.servers
        found = await self._finder.find(nexthop, server, carrier.port(nexthop.protocol))
        if isinstance(found, Trouble):
            return [InspectedHost(str(server), is_fallback=is_fallback, trouble=str(found.reply))]
        return [await self._host(carrier, Way(nexthop, server, host), is_fallback=is_fallback) for host in found]

    async def _host(self, carrier: Carrier, way: Way, *, is_fallback: bool) -> InspectedHost:
        endpoint, place = way.host.endpoint, str(way.server)
        line = await lines.line(carrier, way, self._policies)
        if isinstance(line, Trouble):
            return InspectedHost(place, endpoint.host, endpoint.address, endpoint.port, is_fallback, trouble=str(line.reply))
        found = await lines.credential(carrier, way)
        credential = None if isinstance(found, Trouble) else found
        return InspectedHost(
            place=place,
            host=endpoint.host,
            address=endpoint.address,
            port=endpoint.port,
            is_fallback=is_fallback,
            hello=line.manner.hello,
            source=line.source,
            tls_level=line.manner.tls.level,
            tls_source=line.manner.tls.source,
            login=credential.login.user if credential else "",
            login_key=credential.key if credential else "",
            login_place=credential.place if credential else "",
            mechanisms=credential.login.candidates(is_secure=True) if credential else [],
            clear_mechanisms=credential.login.candidates(is_secure=False) if credential else [],
        )
