"""The standby hop: the operator's ``malle`` asks the secondary's backupmx how its primaries are and what they know of a message."""

import msgspec


class Status(msgspec.Struct, frozen=True, tag="status"):
    """How is everything?"""


class Sync(msgspec.Struct, frozen=True, tag="sync"):
    """Fetch the recipients of one primary, or of all, now."""

    primary: str = ""


class Look(msgspec.Struct, frozen=True, tag="look"):
    """Look now whether the primary of a domain answers; every domain's when ``domain`` is empty."""

    domain: str = ""


class Follow(msgspec.Struct, frozen=True, tag="follow"):
    """What do the primaries know of these traces?"""

    traces: list[str]


class PrimaryState(msgspec.Struct, frozen=True):
    """One primary. Times are seconds since the epoch, 0 for never; ``fault`` is why the last fetch failed."""

    name: str
    confirmed: float
    version: str = ""
    domains: dict[str, int] = {}
    """Each domain that it mirrors with the number of its recipients; -1 where it takes all."""
    fault: str = ""


class DomainState(msgspec.Struct, frozen=True):
    """One domain that we back up. ``is_up`` is ``None`` before the first look; ``since`` is when that began."""

    name: str
    is_up: bool | None = None
    since: float = 0.0
    words: str = ""


class State(msgspec.Struct, frozen=True, tag="state"):
    """The answer to all questions but ``Follow``."""

    primaries: list[PrimaryState] = []
    domains: list[DomainState] = []


class Told(msgspec.Struct, frozen=True, tag="told"):
    """Event lines of the primaries, and a fault for each that could not be asked."""

    lines: list[str] = []
    faults: list[str] = []


Request = Status | Sync | Look | Follow
Response = State | Told
