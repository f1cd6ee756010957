"""Where mail may come in and where it goes: one decision for smtpd, qmgr and ``malle explain``.

Holds the order in which tables and the directory are asked, the keys that are tried, alias expansion, the domain classes and
the destination that follows; a decision can carry its steps, each table asked with key, hit or miss, file and line. Refuses
I/O of its own (it asks tables and the directory), DNS (relay looks MX hosts up), retry and schedule, and what policy thinks of a client.

``Router.accept``: recipient -> virtual aliases (tables, then the directory; recursive, loops cut) -> domain class ->
``Accepted`` with the final recipients | ``Unknown`` (no such mailbox) | ``NotOurs`` (would be relaying).
``Router.route``: final recipient -> transport table -> class: hosted to the mailboxes, relay and backup to their own hosts and never
to a smarthost, the rest to the smarthost or to its MX -> ``Destination`` | ``RouteRefused``.

Refusals are values; a lookup that cannot be done raises ``LookupTrouble`` and is temporary. Answers are cached until the
directory or a table changes.

The directory is a sibling package, so it is known here only by the shape that is needed (``lookups.Directory``).
"""

from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.decision import Acceptance, Accepted, Destination, Explanation, NotOurs, RouteRefused, Step, Unknown
from services.kernel.routing.router import Router
from services.kernel.tables.lookup import LookupTrouble

__all__ = [
    "Acceptance",
    "Accepted",
    "Destination",
    "Explanation",
    "LookupTrouble",
    "NotOurs",
    "RouteRefused",
    "Router",
    "RoutingSettings",
    "Step",
    "Unknown",
]
