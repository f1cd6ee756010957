"""How one server on the way of a message is spoken to: decided here for deliveries, and for whoever explains them."""

from services.kernel.smtp.client import Manner
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire.delivery import Protocol
from services.relay import trouble as policy
from services.relay.carriers import Carrier
from services.relay.hosts import Way
from services.relay.logins import Credential
from services.relay.policies import TlsPolicies
from services.relay.pool import Line
from services.relay.trouble import Scope, Trouble


async def line(carrier: Carrier, way: Way, policies: TlsPolicies, version: int = 0) -> Line | Trouble:
    """Everything that a connection is made by, or why there can be none now. ``version`` is the pool's, as of now."""
    tls = await policies.policy(way)
    if isinstance(tls, Trouble):
        return tls
    found = await credential(carrier, way)
    if isinstance(found, Trouble):
        return found
    is_lmtp = way.nexthop.protocol is Protocol.LMTP
    manner = Manner(carrier.hello, is_lmtp, tls, found.login if found is not None else None)
    return Line(way.host.endpoint, manner, carrier.name, carrier.source(way.host.endpoint.address), version)


async def credential(carrier: Carrier, way: Way) -> Credential | Trouble | None:
    """Who we sign in as; ``None`` for nobody."""
    if carrier.logins is None:
        return None
    try:
        return await carrier.logins.find(way.nexthop, way.server, way.host.endpoint.host)
    except LookupTrouble:  # whoever opened the table is told why, without its words
        return policy.local(Scope.HERE, "4.3.0", "the login cannot be looked up")
