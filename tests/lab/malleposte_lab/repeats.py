"""Whether a message that is there more than once had to be: the protocol cannot avoid it where the answer to the final dot is lost (RFC 1047).

A message goes from hand to hand: a foreign server gives it to a site, a queue file there to the next site or to a mailbox. Who has it keeps
it until it is heard *and written down* that the next one has it. That a hand-over was repeated has a cause only in its own interval, from when the
next one took the message until this was noted, at the latest until it was handed over again:

* the holder says that the connection was lost after the final dot, or
* of a site that holds it, qmgr or relay was killed, or the disk of its queue lost its power: then also what was noted some time ago is forgotten, or
* of a server of the world, which tells us nothing: the MX that took it was killed or frozen, or the line between them was cut or bad.

What happens to others, or at another time, is no cause. That takes events: a mail server that tells nothing is excused by any crash or cut.
"""

import itertools
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from malleposte_lab.events import Event

CRASHES = ("kill", "power")
CUTS = {"partition", "deaf", "lossy", "slow", "latency"}
LOST = re.compile(r"waiting for the reply to (end of DATA|BDAT)")
"""What the reply of a delivery says that ended between the final dot and its answer."""
EARLY_SECONDS = 0.5
"""A bad line that became good so shortly before a hand-over is still felt in it."""
NOTED_SECONDS = 2.0
"""From the event of a delivery until the queue file says so too, on a busy machine."""
WRITTEN_SECONDS = 36.0
"""Until that is on the disk by itself, as nobody syncs it (Linux ``dirty_expire_centisecs`` and ``dirty_writeback_centisecs``)."""
ANYBODY = ""
ANYWHERE = "anywhere"
"""The other end of a fault of the network that is of all links of a party."""


@dataclass(frozen=True, slots=True)
class Period:
    """A fault while it lasted; ``ended`` is 0 for one that lasts. ``parties`` as in ``faults.Fault``."""

    kind: str
    began: float
    ended: float
    parties: Sequence[str] = ()

    def overlaps(self, begin: float, end: float) -> bool:
        """Whether it lasted at some time of an interval."""
        return self.began <= end and (not self.ended or self.ended >= begin)

    def hits(self, party: str, *kinds: str) -> bool:
        """Whether it is of one of these kinds and concerns a party."""
        return self.kind.split()[0] in kinds and any(_is(name, party) for name in self.parties)

    def cuts(self, one: str, other: str) -> bool:
        """Whether it lies on the line between two parties."""
        if self.kind.split()[0] not in CUTS or len(self.parties) != 2:
            return False
        near, far = self.parties
        ways = ((near, far), (far, near))
        return any((_is(here, one) and _may_be(there, other)) or (_is(here, other) and _may_be(there, one)) for here, there in ways)


def _is(name: str, party: str) -> bool:
    """Whether what a fault names is a party, all of its project, or one of its containers."""
    return name == party or party.startswith(f"{name}/") or name.startswith(f"{party}/")


def _may_be(name: str, party: str) -> bool:
    return party == ANYBODY or name == ANYWHERE or _is(name, party)


@dataclass(eq=False, slots=True)
class Holder:
    """A queue file, by its events; without a site the world outside."""

    site: str = ""
    events: list[Event] = field(default_factory=list)

    def fact(self, name: str) -> Any:
        """The first that its events tell by this name; empty for nothing."""
        return next((event[name] for event in self.events if event.get(name)), "")

    @property
    def born(self) -> float:
        """When it is first told of."""
        return min(float(event["time"]) for event in self.events)

    def concerns(self, recipient: str) -> bool:
        """Whether it is for a recipient, as he was given or as he became; one that tells of no recipient may be."""
        named = {event[word] for event in self.events for word in ("recipient", "original") if event.get(word)}
        return not named or recipient in named

    def __str__(self) -> str:
        return f"{self.site}'s queue file {self.fact('queue_id')}" if self.site else "a client"


@dataclass(frozen=True, slots=True)
class Taking:
    """``receiver`` has it since ``time``. Where nobody told of the moment itself, ``earliest`` is long before."""

    receiver: str
    time: float
    earliest: float
    client: str = ANYBODY


class Repeats:
    """The hand-overs of one message: all its events, when it was first sent, the faults of the run, and who has which address."""

    def __init__(self, trace: Sequence[Event], sent: float, faults: Sequence[Period], parties: Mapping[str, str]) -> None:
        self._trace = trace
        self._sent = sent
        self._faults = faults
        self._parties = parties
        self._reports = {event["queue_id"] for event in trace if event["kind"] == "reported"}
        self._files = list(_files(trace))

    def without_cause(self, recipient: str, ends: int) -> str:
        """The hand-over for ``recipient`` that was repeated without a cause, in words; empty when all of the ``ends`` found are explained."""
        for holder in [Holder(), *self._files]:
            takings = sorted(self._takings(holder, recipient), key=lambda taking: taking.time)
            for first, second in itertools.pairwise(takings):
                if not self._has_cause(holder, recipient, first, second):
                    return f"{holder} gave it to {first.receiver} and once more to {second.receiver}"
        return "there is more of it than anybody tells of" if self._told(recipient) < ends and not self._may_be_untold() else ""

    def _told(self, recipient: str) -> int:
        """Copies that somebody says to have taken, and reports, each as often as it was stored."""
        reports = sum(max(1, sum(map(_is_stored, file.events))) for file in self._files if self._is_report(file))
        return reports + sum(_is_taken(event, recipient) or (_is_stored(event) and _is_for(event, recipient)) for event in self._trace)

    def _takings(self, holder: Holder, recipient: str) -> Iterator[Taking]:
        for file in self._files:
            if self._parent(file) is (holder if holder.site else None) and file.concerns(recipient) and not self._is_report(file):
                is_told = any(event["kind"] == "accepted" for event in file.events)
                client = self._parties.get(file.fact("client"), ANYBODY)
                yield Taking(f"{file.site}/mx", file.born, file.born if is_told else self._sent, client)
        for event in holder.events:
            if _is_stored(event) and (_is_for(event, recipient) or self._is_report(holder)):
                yield Taking(f"{holder.site}/mda", event["time"], event["time"])
            elif event["kind"] == "bounced" and _is_for(event, recipient):
                yield Taking("its sender", event["time"], event["time"])
        if holder.site and holder.concerns(recipient):
            for event in self._trace:
                if _is_taken(event, recipient):
                    yield Taking(event["peer"], event["time"], event["time"])

    def _is_report(self, file: Holder) -> bool:
        return file.fact("queue_id") in self._reports

    def _parent(self, file: Holder) -> Holder | None:
        """The queue file of another site that it came from, by the trace that both have; ``None`` for the world."""
        trace, born = file.fact("trace"), file.born
        before = [other for other in self._files if other.site != file.site and other.fact("trace") == trace and other.born < born]
        return max(before, key=lambda other: other.born, default=None)

    def _has_cause(self, holder: Holder, recipient: str, first: Taking, second: Taking) -> bool:
        begin, end = min(first.earliest, second.earliest) - EARLY_SECONDS, second.time
        if not holder.site:
            if first.earliest == first.time and second.earliest == second.time:
                end = min(end, first.time + NOTED_SECONDS)  # both are told, and what is taken is answered at once
            lasting = [fault for fault in self._faults if fault.overlaps(begin, end)]
            client, mx = first.client, first.receiver
            return any(fault.hits(mx, *CRASHES, "pause") or fault.hits(client or mx, "kill") or fault.cuts(client, mx) for fault in lasting)
        own = [event for event in holder.events if begin <= event["time"] <= end and _is_for(event, recipient)]
        if any(_is_lost(event) for event in own):
            return True
        noted = min((event["time"] for event in own if event["kind"] in {"delivered", "bounced"}), default=end)
        lasting = [fault for fault in self._faults if fault.overlaps(begin, min(end, noted + NOTED_SECONDS))]
        if any(fault.hits(f"{holder.site}/{service}", "kill") for fault in lasting for service in ("qmgr", "relay")):
            return True
        return is_forgotten(holder.site, self._faults, begin, min(end, noted + WRITTEN_SECONDS))

    def _may_be_untold(self) -> bool:
        """A mailbox of the world tells nothing, and who is killed may not come to tell: then a cause anywhere in the message's life is one.

        Of a site without events nothing is known but that it was in trouble.
        """
        if not self._files:
            return any(fault.kind.split()[0] in {*CRASHES, *CUTS, "pause"} and fault.overlaps(self._sent, float("inf")) for fault in self._faults)
        end = max((event["time"] for event in self._trace), default=float("inf"))
        parties = {f"{file.site}/{service}" for file in self._files for service in ("qmgr", "relay", "mda")}
        lasting = [fault for fault in self._faults if fault.overlaps(self._sent, end)]
        return any(map(_is_lost, self._trace)) or any(fault.hits(party, *CRASHES) for fault in lasting for party in parties)


def is_forgotten(site: str, faults: Sequence[Period], begin: float, end: float) -> bool:
    """Whether the disk of a site's queue lost its power between two times."""
    return any(fault.hits(f"{site}/qmgr", "power") and fault.overlaps(begin, end) for fault in faults)


def _files(trace: Sequence[Event]) -> Iterator[Holder]:
    """The queue files that a message's events tell of."""
    found: dict[tuple[str, str], Holder] = {}
    for event in trace:
        if event.get("queue_id") and event.get("site"):
            found.setdefault((event["site"], event["queue_id"]), Holder(event["site"])).events.append(event)
    yield from found.values()


def _is_for(event: Event, recipient: str) -> bool:
    return recipient in {event.get("recipient"), event.get("original")}


def _is_stored(event: Event) -> bool:
    return bool(event["kind"] == "stored")


def _is_taken(event: Event, recipient: str) -> bool:
    return event["kind"] == "taken" and recipient in event.get("to", ())


def _is_lost(event: Event) -> bool:
    return event["kind"] == "deferred" and bool(LOST.search(event.get("reply", "")))
