"""The verdict hop: smtpd asks verify whether an address takes mail; admin looks at the cache and changes it.

``Ask`` is answered when the answer is known; the asker sets his own time limit, and what is found out later is in the cache for the next one.
smtpd's end answers ``Ask`` only; all verbs are answered to admin.
"""

from enum import StrEnum

import msgspec

from services.kernel.mail.reply import Reply

PAGE_ENTRIES = 1000
"""Verdicts of one ``Listing``: some 300 KB, well under the frame limit."""


class State(StrEnum):
    """What is known of an address."""

    DELIVERABLE = "deliverable"
    UNDELIVERABLE = "undeliverable"
    UNKNOWN = "unknown"


class Source(StrEnum):
    """Where a verdict comes from."""

    PROBE = "probe"
    """An answer to RCPT, just now or from the cache."""
    LOADED = "loaded"
    """Put into the cache by the operator."""
    SITE = "site"
    """Our own directory and tables decide without a server: a mailbox here or none, ``error:``, ``discard:``, a command, an alias of several
    addresses."""
    NONE = "none"
    """Nothing could be found out."""


class Verdict(msgspec.Struct, frozen=True, tag="verdict"):
    """What is known of ``address``, the one that was probed: an alias of one address is followed.

    ``reply`` is the server's, or the words of whoever decided. ``updated`` is when that was, in seconds since the epoch, ``probed`` when the last
    probe was begun, ``expires`` when the verdict is forgotten; 0 where there is none. ``nexthop`` and ``remote`` are as in the events.
    """

    address: str
    state: State
    source: Source = Source.NONE
    reply: Reply | None = None
    updated: float = 0.0
    probed: float = 0.0
    expires: float = 0.0
    nexthop: str = ""
    remote: str = ""
    is_cached: bool = False


class Ask(msgspec.Struct, frozen=True, tag="ask"):
    """Does this address take mail? Probes when the cache does not know.

    Of a sender, ``recipient`` is whom he writes to: who writes to the sender of our probes is a site that verifies it, and is not verified in turn.
    """

    address: str
    recipient: str = ""


class Show(msgspec.Struct, frozen=True, tag="show"):
    """What would ``Ask`` say now, without a probe?"""

    address: str


class Probe(msgspec.Struct, frozen=True, tag="probe"):
    """Probe now, whatever is known; the answer replaces what was known."""

    address: str


class List(msgspec.Struct, frozen=True, tag="list"):
    """The cache in the order of addresses; ``after`` is the last address of the page before. Empty facts select all."""

    state: str = ""
    domain: str = ""
    after: str = ""


class Listing(msgspec.Struct, frozen=True, tag="listing"):
    """A page. ``more`` says that another follows."""

    verdicts: list[Verdict]
    more: bool = False


class Expire(msgspec.Struct, frozen=True, tag="expire"):
    """Forget an address, all addresses of a domain, or everything (``*``)."""

    what: str


class Known(msgspec.Struct, frozen=True):
    """What the operator says of an address."""

    address: str
    state: State
    reply: Reply | None = None


class Load(msgspec.Struct, frozen=True, tag="load"):
    """Put these into the cache as if they had just been probed."""

    known: list[Known]


class Done(msgspec.Struct, frozen=True, tag="done"):
    """How many addresses the verb acted on."""

    count: int


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It could not be done; ``reason`` is for the operator."""

    reason: str


Request = Ask | Show | Probe | List | Expire | Load
Response = Verdict | Listing | Done | Failed
