"""A routing decision in the words of the delivery hop, for everyone who routes and then asks relay."""

from functools import lru_cache

from services.kernel.routing.decision import Destination
from services.kernel.wire.delivery import NextHop, Protocol, Server

KNOWN = 10_000
"""As many as routing remembers."""


@lru_cache(maxsize=KNOWN)
def to_nexthop(route: Destination) -> NextHop:
    """The next hop that a destination is."""
    return NextHop(
        protocol=Protocol(route.protocol),
        host=route.host,
        port=route.port,
        is_literal=route.is_literal,
        is_ours=route.is_ours,
        transport=route.transport,
        others=tuple(Server(other.host, other.port, other.is_literal) for other in route.others),
        is_smarthost=route.is_smarthost,
        sender=route.sender,
        is_backup=route.is_backup,
        mbox=route.mbox,
    )
