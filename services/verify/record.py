"""What the cache holds of one address, and the four times of Postfix that say how long it counts. Pure."""

from dataclasses import dataclass, replace
from enum import Enum

from services.kernel.mail.reply import Reply
from services.kernel.wire.verdict import Source, State, Verdict


@dataclass(frozen=True, slots=True)
class Record:
    """One address, folded. ``updated`` is when ``state`` was found, ``probed`` when the last probe ended; seconds since the epoch."""

    address: str
    state: State
    source: Source
    reply: Reply
    updated: float
    probed: float
    nexthop: str = ""
    remote: str = ""


class Freshness(Enum):
    """What a record is good for."""

    FRESH = "fresh"
    DUE = "due"
    """It counts, and shall be probed again behind the answer."""
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Times:
    """In seconds (Postfix ``address_verify_{positive,negative}_{expire,refresh}_time``); ``unknown`` is ours, for records of no result."""

    positive_expire: float
    positive_refresh: float
    negative_expire: float
    negative_refresh: float
    unknown: float

    def expires(self, record: Record) -> float:
        """When the record is nothing any more."""
        return record.updated + self._of(record.state)[1]

    def judge(self, record: Record, now: float) -> Freshness:
        """Which of them it is."""
        refresh, expire = self._of(record.state)
        age = now - record.updated
        if age >= expire:
            return Freshness.EXPIRED
        is_due = age >= refresh and now - record.probed >= min(refresh, self.unknown)
        return Freshness.DUE if is_due else Freshness.FRESH

    def _of(self, state: State) -> tuple[float, float]:
        match state:
            case State.DELIVERABLE:
                return self.positive_refresh, self.positive_expire
            case State.UNDELIVERABLE:
                return self.negative_refresh, self.negative_expire
            case State.UNKNOWN:
                return self.unknown, self.unknown


def at_most(record: Record, now: float) -> Record:
    """The record; one of the future was made by a clock that was ahead, and is as of now: neither nothing, nor good for longer than another."""
    return replace(record, updated=min(record.updated, now), probed=min(record.probed, now)) if max(record.updated, record.probed) > now else record


def merge(known: Record | None, found: Record) -> Record:
    """What the cache holds after a probe found ``found`` and the ``known`` record has not expired.

    A good address stays good (optimistic caching); a bad one stays bad when nothing was found out. The try is noted, so that it is not repeated at
    each question.
    """
    if known is None or found.state is State.DELIVERABLE:
        return found
    is_kept = known.state is State.DELIVERABLE or (known.state is State.UNDELIVERABLE and found.state is State.UNKNOWN)
    return replace(known, probed=found.probed) if is_kept else found


def replace_by(known: Record | None, found: Record) -> Record:
    """The same for a probe that the operator asked for: whatever was found out counts, also against a good address."""
    return replace(known, probed=found.probed) if known is not None and found.state is State.UNKNOWN else found


def to_verdict(record: Record, times: Times, *, is_cached: bool) -> Verdict:
    """The record as it is told to whoever asked."""
    return Verdict(
        record.address,
        record.state,
        record.source,
        record.reply,
        record.updated,
        record.probed,
        times.expires(record),
        record.nexthop,
        record.remote,
        is_cached,
    )
