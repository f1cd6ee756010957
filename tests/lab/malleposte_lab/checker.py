"""The history checker: what was accepted arrives, once, or is returned, once.

Facts in, judgement out, nothing else: ``judge(History(...))``. Of every recipient of every message that a server answered ``250`` there is
exactly one copy in a mailbox, or exactly one bounce. What was refused, or whose answer was lost, may be anywhere or nowhere. Each copy is whole.
A second copy (or bounce) is a duplicate. It is allowed, and counted, where the protocol cannot avoid it (``repeats``); else it is a break as well.
The events of a message must tell a life that can be: accepted before it is queued, one end for a recipient, nothing after the end.
"""

import collections
import email
import hashlib
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from email.message import Message

from malleposte_lab.events import Event
from malleposte_lab.history import KEY_HEADER, Workload
from malleposte_lab.repeats import NOTED_SECONDS, WRITTEN_SECONDS, Period, Repeats, is_forgotten

Mark = tuple[str, str]
"""A message's key and one of its recipients."""
KEY = re.compile(rf"(?im)^{KEY_HEADER}: *(\S+?)\r?$".encode())
ENDS = {"delivered", "bounced"}


@dataclass(frozen=True, slots=True)
class History:
    """All that is known when everything has come to rest."""

    workload: Workload
    mailboxes: Mapping[str, Sequence[bytes]]
    """Recipient -> the messages found; those of the senders too, where their bounces are."""
    events: Sequence[Event] = ()
    faults: Sequence[Period] = ()
    parties: Mapping[str, str] = field(default_factory=dict)
    """Address -> who has it."""


@dataclass(frozen=True, slots=True)
class Break:
    """A promise that was broken, and the message with which."""

    key: str
    recipient: str
    what: str
    trace: Sequence[Event] = ()

    def __str__(self) -> str:
        lines = [f"{self.key} to {self.recipient}: {self.what}"]
        return "\n".join(lines + [f"    {json.dumps(event)}" for event in self.trace])


@dataclass(frozen=True, slots=True)
class Judgement:
    """How it went. ``lost`` and all other breaks are faults of the product, duplicates were excused."""

    accepted: int
    bounced: int
    duplicates: int
    breaks: Sequence[Break] = field(default_factory=list)

    @property
    def lost(self) -> list[Break]:
        """The breaks that are losses."""
        return [broken for broken in self.breaks if broken.what.startswith("lost")]

    def __str__(self) -> str:
        text = f"{self.accepted} accepted, {self.bounced} of them bounced, {len(self.lost)} lost, {self.duplicates} duplicates"
        return text if not self.breaks else f"{text}, {len(self.breaks)} breaks; the first:\n{self.breaks[0]}"


def judge(history: History) -> Judgement:
    """Compare what was accepted with what is there."""
    copies, bounces, breaks = _read(history)
    duplicates = 0
    for mark in sorted(history.workload.accepted):
        count, returned = copies[mark], bounces[mark]
        if count + returned == 0:
            breaks.append(_break(history, mark, "lost: accepted, and neither in the mailbox nor returned"))
        elif count + returned > 1:
            duplicates += count + returned - 1
            if unexplained := _repeats(history, mark[0]).without_cause(mark[1], count + returned):
                breaks.append(_break(history, mark, f"{count} copies and {returned} bounces, and nothing happened that explains it: {unexplained}"))
    for mark in sorted((set(copies) | set(bounces)) - history.workload.marks):
        breaks.append(_break(history, mark, "nobody sent this there"))
    breaks += _impossible(history)
    bounced = sum(1 for mark in history.workload.accepted if bounces[mark] and not copies[mark])
    return Judgement(len(history.workload.accepted), bounced, duplicates, breaks)


def _read(history: History) -> tuple[collections.Counter[Mark], collections.Counter[Mark], list[Break]]:
    """Count copies and bounces, and see that each copy is whole."""
    copies: collections.Counter[Mark] = collections.Counter()
    bounces: collections.Counter[Mark] = collections.Counter()
    breaks = []
    for owner, contents in history.mailboxes.items():
        for content in contents:
            found = KEY.search(content)
            if found is None:
                continue
            key = found[1].decode()
            failed = failed_recipients(content)
            if failed is not None:
                bounces.update((key, recipient) for recipient in failed)
                continue
            copies[(key, owner)] += 1
            if not _is_whole(content, history.workload.digests.get(key)):
                breaks.append(_break(history, (key, owner), "altered: the body is not what was sent"))
    return copies, bounces, breaks


def failed_recipients(content: bytes) -> list[str] | None:
    """The recipients that a report (RFC 3464) says have failed; ``None`` for what is no report."""
    head = content[:20000].lower()
    if b"multipart/report" not in head:
        return None
    parts = [part for part in email.message_from_bytes(content).walk() if part.get_content_type() == "message/delivery-status"]
    blocks = [block for part in parts for block in part.get_payload() if isinstance(block, Message)]
    failed = [block for block in blocks if str(block.get("Action", "")).strip().lower() == "failed"]
    return [_address(block.get("Original-Recipient") or block.get("Final-Recipient")) for block in failed]


def _address(text: object) -> str:
    return str(text).partition(";")[2].strip().lower()


def _is_whole(content: bytes, digest: str | None) -> bool:
    if digest is None:
        return True
    _, _, body = content.replace(b"\r\n", b"\n").partition(b"\n\n")
    return hashlib.sha256(body).hexdigest() == digest


def _repeats(history: History, key: str) -> Repeats:
    return Repeats(trace_of(history.events, key), history.workload.sent.get(key, 0.0), history.faults, history.parties)


def trace_of(events: Iterable[Event], key: str) -> list[Event]:
    """All events of a message, on all sites, by its Message-ID, its traces and its queue ids; in the order of time."""
    events = list(events)
    of_message = [event for event in events if event.get("message_id") == f"<{key}@lab.test>"]
    names = {(event.get("site"), event[word]) for event in of_message for word in ("trace", "queue_id") if event.get(word)}
    names |= {(event["site"], event["queue_id"]) for event in events if event["kind"] == "reported" and (event["site"], event["caused_by"]) in names}
    found = [
        event
        for event in events
        if event.get("message_id") == f"<{key}@lab.test>"
        or event.get("subject") == key
        or (event.get("site"), event.get("trace")) in names
        or (event.get("site"), event.get("queue_id")) in names
    ]
    return sorted(found, key=lambda event: float(event.get("time", 0.0)))


def _break(history: History, mark: Mark, what: str) -> Break:
    return Break(*mark, what, trace_of(history.events, mark[0]))


def _impossible(history: History) -> list[Break]:
    """Lives that cannot be, by the events of each queue file."""
    files: dict[tuple[str, str], list[Event]] = collections.defaultdict(list)
    for event in history.events:
        if event.get("queue_id") and event.get("service") in {"smtpd", "qmgr"}:
            files[(event.get("site", ""), event["queue_id"])].append(event)
    breaks = []
    for (_, queue_id), life in files.items():
        for what, recipient in _oddities(life, history.faults):
            breaks.append(Break(queue_id, recipient, what, sorted(life, key=lambda event: float(event["time"]))))
    return breaks


def _oddities(life: Sequence[Event], faults: Sequence[Period]) -> list[tuple[str, str]]:
    """What cannot be in the life of one queue file: ``(what, recipient)``."""
    kinds = collections.defaultdict(list)
    for event in life:
        kinds[event["kind"]].append(event)
    found = []
    clock_is_odd = any(fault.kind == "clock" for fault in faults)
    accepted = [event["time"] for event in kinds["accepted"]]
    if accepted and not clock_is_odd and any(event["time"] < min(accepted) - 1.0 for event in life if event["kind"] in ENDS):
        found.append(("it had an end before it was accepted", ""))
    ends = collections.defaultdict(list)
    for event in (event for kind in ENDS for event in kinds[kind]):
        ends[(event.get("recipient", ""), event.get("original", ""))].append(event)
    for (recipient, _), several in ends.items():
        if len(several) > 1 and not kinds["requeued"] and not _is_excused(several, faults):
            found.append((f"{len(several)} ends of one recipient in one queue file", recipient))
    if kinds["removed"] and not clock_is_odd:
        last = max(event["time"] for event in kinds["removed"])
        late = [event for event in life if event["kind"] in ENDS | {"deferred"} and event["time"] > last + 1.0]
        found += [("something happened to it after it was removed", event.get("recipient", "")) for event in late[:1]]
    return found


def _is_excused(ends: Sequence[Event], faults: Sequence[Period]) -> bool:
    """Whether after each end but the last qmgr was killed before the file said so, or the disk forgot it."""
    *times, _ = sorted(float(event["time"]) for event in ends)
    site = str(ends[0].get("site"))
    killed = [fault for fault in faults if fault.hits(f"{site}/qmgr", "kill")]
    return all(
        any(fault.overlaps(time, time + NOTED_SECONDS) for fault in killed) or is_forgotten(site, faults, time, time + WRITTEN_SECONDS)
        for time in times
    )
