"""Where mail may come in and where it goes: one decision for smtpd, qmgr and ``malle explain``.

Holds the order in which tables and the directory are asked, the keys that are tried, the rewriting of addresses, alias expansion, the
domain classes and the destination that follows; a decision can carry its steps, each table asked with key, hit or miss, file and line, and
remarks that say what was not asked or used, and why. Refuses I/O of its own (it asks tables and the directory), DNS (relay looks MX hosts
up), retry and schedule, and what policy thinks of a client.

``Router.sender``: envelope sender -> canonical maps, masquerading -> ``Sender``, with who gets copies.
``Router.accept``: recipient -> class of its domain (is it ours?) -> canonical maps, masquerading -> aliases (tables, ``alias_maps``, then the
directory; recursive, loops cut) -> is there such a recipient? -> ``Accepted`` with the final recipients and copies | ``Unknown`` (no such
mailbox, moved, refused by a table) | ``NotOurs`` (would be relaying).
``Router.rewrite_header``: the header of a local client's message, by the same maps.
``Router.route``: final recipient, sender -> transport table -> class: hosted to the mailboxes, relay and backup to their own hosts and never
to a smarthost, the rest by the sender's transport and relayhost, the site's, or its MX -> ``Destination`` | ``Discarded`` | ``RouteRefused``.

Refusals are values; a lookup that cannot be done raises ``LookupTrouble`` and is temporary, as is an entry that means nothing, with its
file and line. Answers are cached until the directory or a table changes, by recipient, and by sender where one makes a difference.

The directory is a sibling package, so it is known here only by the shape that is needed (``lookups.Directory``).
"""

from services.kernel.routing.config import RoutingSettings
from services.kernel.routing.decision import (
    Acceptance,
    Accepted,
    Copy,
    Destination,
    Discarded,
    Explanation,
    NotOurs,
    Remark,
    Route,
    RouteRefused,
    Sender,
    Stage,
    Step,
    Unknown,
)
from services.kernel.routing.notes import Note
from services.kernel.routing.router import Router
from services.kernel.tables.lookup import LookupTrouble

__all__ = [
    "Acceptance",
    "Accepted",
    "Copy",
    "Destination",
    "Discarded",
    "Explanation",
    "LookupTrouble",
    "NotOurs",
    "Note",
    "Remark",
    "Route",
    "RouteRefused",
    "Router",
    "RoutingSettings",
    "Sender",
    "Stage",
    "Step",
    "Unknown",
]
