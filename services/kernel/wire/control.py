"""The control hop: admin asks qmgr about the queue and tells it what to do.

One request, one response; long answers come in pages. Every verb that changes something names the messages it acts on by queue id or by
a ``Selection``. qmgr answers ``Failed`` with words for the operator when it cannot do what is asked.
"""

import msgspec

from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.wire.delivery import NextHop

PAGE_ENTRIES = 500
"""Entries of one ``Listing``: some 400 KB, well under the frame limit."""


class Selection(msgspec.Struct, frozen=True):
    """Which messages: all facts that are given must match. Text facts are case-insensitive substrings; ``ids`` exact."""

    ids: list[str] = []
    states: list[str] = []
    sender: str = ""
    recipient: str = ""
    client: str = ""
    reason: str = ""
    site: str = ""
    older_than_seconds: float = 0.0


class RecipientEntry(msgspec.Struct, frozen=True):
    """A recipient that is not finished: where it goes and what was last heard of it."""

    address: str
    nexthop: str = ""
    reason: str = ""


class Entry(msgspec.Struct, frozen=True):
    """One queued message in a listing. ``next_attempt`` is seconds since the epoch, 0 when none is planned."""

    queue_id: str
    state: str
    sender: str
    arrived: float
    size_bytes: int
    trace_id: str = ""
    message_id: str = ""
    client: str = ""
    next_attempt: float = 0.0
    recipients: list[RecipientEntry] = []


class List(msgspec.Struct, frozen=True, tag="list"):
    """List what is selected, oldest first; ``after`` is the last queue id of the page before."""

    selection: Selection = Selection()
    after: str = ""


class Listing(msgspec.Struct, frozen=True, tag="listing"):
    """A page. ``more`` says that another follows."""

    entries: list[Entry]
    more: bool = False


class Show(msgspec.Struct, frozen=True, tag="show"):
    """All about one message but its content."""

    queue_id: str


class Attempt(msgspec.Struct, frozen=True):
    """One line of a message's delivery history."""

    time: float
    recipient: str
    outcome: str
    reply: str
    remote: str = ""


class Dialogue(msgspec.Struct, frozen=True):
    """What was said to a server in an attempt that went wrong; lines as in ``kernel.mail.transcript``."""

    time: float
    nexthop: str
    server: str
    lines: list[str]


class Shown(msgspec.Struct, frozen=True, tag="shown"):
    """``done`` are recipients with nothing left to do, as ``(recipient, status word)``; ``dialogues`` the newest ones, oldest first."""

    entry: Entry
    envelope: Envelope
    pending: list[Recipient]
    done: list[tuple[Recipient, str]]
    history: list[Attempt]
    dialogues: list[Dialogue] = []


class Cat(msgspec.Struct, frozen=True, tag="cat"):
    """Read content from ``offset``."""

    queue_id: str
    offset: int = 0


class Content(msgspec.Struct, frozen=True, tag="content"):
    """At most 1 MiB of content; an empty block is the end."""

    block: bytes


class Hold(msgspec.Struct, frozen=True, tag="hold"):
    """Put aside until released."""

    selection: Selection


class Release(msgspec.Struct, frozen=True, tag="release"):
    """Back from hold into the schedule."""

    selection: Selection


class Requeue(msgspec.Struct, frozen=True, tag="requeue"):
    """Route again from the start, at once; dead-site marks and backoff of the message are forgotten."""

    selection: Selection


class Delete(msgspec.Struct, frozen=True, tag="delete"):
    """Remove without a report to the sender."""

    selection: Selection


class Flush(msgspec.Struct, frozen=True, tag="flush"):
    """Try now: what is selected (everything deferred when the selection is empty), dead sites included, or only those that are ours to pass on to."""

    selection: Selection = Selection()
    only_ours: bool = False


class Done(msgspec.Struct, frozen=True, tag="done"):
    """How many messages the verb acted on."""

    count: int


class Stat(msgspec.Struct, frozen=True, tag="stat"):
    """Numbers of the whole queue."""


class Site(msgspec.Struct, frozen=True):
    """One destination as the scheduler sees it.

    ``waiting`` are deliveries in memory, ``deferred`` messages on the disk that wait for it alone, ``rate`` the messages it took in a second of
    late, ``eta_seconds`` when at that rate nothing waits any more; ``None`` while it takes nothing.
    """

    nexthop: str
    waiting: int
    in_flight: int
    concurrency: int
    dead_until: float = 0.0
    reason: str = ""
    deferred: int = 0
    rate: float = 0.0
    eta_seconds: float | None = None


class Stats(msgspec.Struct, frozen=True, tag="stats"):
    """Messages by state (and the age of the oldest in seconds), and the busiest sites."""

    states: dict[str, int]
    oldest_seconds: dict[str, float]
    sites: list[Site]


class Foresee(msgspec.Struct, frozen=True, tag="foresee"):
    """How would mail for a next hop be scheduled, from ``sender`` and now?"""

    nexthop: NextHop
    sender: str = ""


class Foreseen(msgspec.Struct, frozen=True, tag="foreseen"):
    """The limits of the destination, how it is now (``site``; ``None`` when nothing is known of it), and when a message that is only ever
    deferred would be tried: ``attempts`` are seconds after its arrival, the first few. Times are in seconds, 0 for none."""

    limit: int
    initial: int
    recipients: int
    rate_delay: float
    rate: float
    attempts: list[float]
    lifetime: float
    warns_after: float
    site: Site | None = None


class Ping(msgspec.Struct, frozen=True, tag="ping"):
    """Are you alive?"""


class Pong(msgspec.Struct, frozen=True, tag="pong"):
    """Alive."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It could not be done; ``reason`` is for the operator."""

    reason: str


Request = List | Show | Cat | Hold | Release | Requeue | Delete | Flush | Stat | Foresee | Ping
Response = Listing | Shown | Content | Done | Stats | Foreseen | Pong | Failed
