"""What one session has been told of its folder, and what it is told next.

A client counts messages by what it heard, so numbers belong to the session, not to the store. The view keeps three things apart: what the
client was told (``columns``, a row for each message it knows, by number), what is true (the last state of the store, taken in by ``absorb``
from its feed of changes), and what lies between (new messages, changed flags, messages that are gone). ``announce`` tells the difference
and makes it told.

What may be told when (RFC 3501 sections 5.5 and 7.4.1): new messages and flags at any time a command is being answered or in IDLE;
that a message is gone never while FETCH, STORE or SEARCH by number is answered, since a pipelined next one would hit the wrong messages,
and in all others, their UID forms included, at the end. Until then a message that is gone keeps its number.

UIDs only grow, and so do numbers: a UID below the last told that was not there before (a file mended after a crash) stays unknown to this session.
To a client that keeps modseqs (RFC 7162) a new modseq is news even where the flags are as before: ``tells_modseqs``.
"""

from array import array
from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

from services.imapd.grammar.responses import SYSTEM_FLAGS
from services.imapd.grammar.sequence import SequenceSet
from services.kernel.mailbox.columns import Columns
from services.kernel.mailbox.records import Changes, FlagChange, Message


@dataclass(frozen=True, slots=True)
class Exists:
    """The folder now holds ``count`` messages, ``recent`` of them recent."""

    count: int
    recent: int


@dataclass(frozen=True, slots=True)
class Expunged:
    """These messages are gone, and those behind them moved up: numbers from the last to the first, so that none changes before it is told."""

    numbers: Sequence[int]
    uids: Sequence[int]


@dataclass(frozen=True, slots=True)
class Flags:
    """The flags of a message changed."""

    number: int
    message: Message


@dataclass(frozen=True, slots=True)
class Keywords:
    """The flags in use changed to these."""

    flags: frozenset[str]


Announcement = Exists | Expunged | Flags | Keywords


class NoSuchNumber(Exception):
    """A message number is larger than the number of messages."""


class View:
    """The state of one selected folder. What ``messages`` holds counts as told, since the reply to SELECT tells it."""

    def __init__(self, modseq: int, keywords: Iterable[str], messages: Columns | None = None) -> None:
        self.modseq = modseq
        self.told_modseq = modseq
        """All that happened up to it has been told: what HIGHESTMODSEQ may be."""
        self.tells_modseqs = False
        self.columns = messages or Columns()
        self._fresh: dict[int, Message] = {}
        self._gone: set[int] = set()
        self._stale: set[int] = set()
        self._recent = array("I")
        self._newest = self._last_told
        self._flags = frozenset(keywords).union(SYSTEM_FLAGS, *set(self.columns.flags))
        self._has_new_flags = False
        self.saved: Sequence[int] = ()
        """UIDs that the last SEARCH with SAVE found, ascending; ``$`` stands for those of them that are not gone (RFC 5182)."""

    # What the client knows.

    @property
    def count(self) -> int:
        """How many messages the client knows."""
        return len(self.columns)

    @property
    def recent(self) -> int:
        """How many of those are recent."""
        return bisect_right(self._recent, self._last_told)

    @property
    def flags(self) -> frozenset[str]:
        """Flags and keywords seen in this folder."""
        return self._flags

    @property
    def uids(self) -> Sequence[int]:
        """UIDs by number, from number 1."""
        return self.columns.uids

    @property
    def _last_told(self) -> int:
        return self.columns.uids[-1] if self.columns.uids else 0

    def number(self, uid: int) -> int:
        """The number of a UID that is told."""
        return bisect_left(self.columns.uids, uid) + 1

    def message(self, uid: int) -> Message:
        """What is known of a message that is told."""
        return self.columns.message(self.number(uid) - 1)

    def is_recent(self, uid: int) -> bool:
        """Whether the message is recent in this session."""
        place = bisect_left(self._recent, uid)
        return place < len(self._recent) and self._recent[place] == uid

    def recent_between(self, first: int, last: int) -> Sequence[int]:
        """The UIDs from ``first`` to ``last`` that are recent in this session."""
        return self._recent[bisect_left(self._recent, first) : bisect_right(self._recent, last)]

    @property
    def has_gone(self) -> bool:
        """Whether messages are expunged and the client has not been told."""
        return bool(self._gone)

    def is_gone(self, uid: int) -> bool:
        """Whether the message is expunged and the client has not been told."""
        return uid in self._gone

    def places(self, messages: SequenceSet, *, by_uid: bool) -> list[range]:
        """Return the places in ``columns`` of a set, ascending. UIDs that are not there are passed over; a missing number raises ``NoSuchNumber``."""
        uids = self.columns.uids
        if messages.is_saved:
            found = (self.columns.find(uid) for uid in self.saved)
            return [range(place, place + 1) for place in found if place is not None]
        if not by_uid:
            if messages.highest > len(uids):
                raise NoSuchNumber
            return [range(max(first, 1) - 1, min(last, len(uids))) for first, last in messages.spans(len(uids))]  # 5:* of three is the third
        spans = messages.spans(self._last_told)
        return [range(bisect_left(uids, first), bisect_right(uids, last)) for first, last in spans]

    def resolve(self, messages: SequenceSet, *, by_uid: bool) -> list[int]:
        """Return the UIDs of a set, ascending, as ``places`` finds them."""
        return [uid for run in self.places(messages, by_uid=by_uid) for uid in self.columns.uids[run.start : run.stop]]

    def take_new(self) -> list[int]:
        """Return the UIDs that were told as new since the last time this was asked."""
        found = list(self.columns.uids[bisect_right(self.columns.uids, self._newest) :])
        self._newest = max(self._newest, self._last_told)
        return found

    def first_unseen(self) -> int | None:
        """The number of the first message without ``\\Seen``."""
        return next((n for n, flags in enumerate(self.columns.flags, 1) if "\\Seen" not in flags), None)

    # What happens in the store.

    def absorb(self, changes: Changes, present: Sequence[int] | None = None) -> None:
        """Take in what the store tells; ``present`` is all UIDs there, needed when ``changes.vanished`` is ``None``."""
        self.refresh(changes.changed)
        if changes.vanished is not None:
            self._lose(changes.vanished)
        elif present is not None:
            self._lose({*self.columns.uids, *self._fresh}.difference(present))
        self.modseq = max(self.modseq, changes.status.highestmodseq)

    def mark_recent(self, first: int) -> None:
        """Count those new messages as recent in this session whose UID is at least ``first``."""
        known = self._recent[-1] if self._recent else 0
        self._recent.extend(uid for uid in self._fresh if uid >= first and uid > known)

    def claim(self, first: int) -> None:
        """Count those messages that SELECT tells as recent whose UID is at least ``first``."""
        self._recent = self.columns.uids[bisect_left(self.columns.uids, first) :]

    def refresh(self, messages: Iterable[Message]) -> None:
        """Take in messages as they are now."""
        for message in messages:
            self._take(message)

    def note_silent_store(self, messages: Iterable[Message], change: FlagChange) -> list[int]:
        """Take in the result of the session's own silent STORE, whose effect the client reckons itself; what differs will be announced.

        Returns the UIDs of those that are as the client reckons, and whose modseq alone would be news.
        """
        reckoned = []
        for message in messages:
            place = self.columns.find(message.uid)
            if place is None or message.uid in self._stale:
                self._take(message)
                continue
            before = self.columns.flags[place]
            self._take(message)
            if message.flags == change.result(before):
                self._stale.discard(message.uid)
                reckoned.append(message.uid)
        return reckoned

    def mark_told(self, uids: Iterable[int]) -> None:
        """The client has heard the flags of these messages."""
        self._stale.difference_update(uids)

    def _take(self, message: Message) -> None:
        place = self.columns.find(message.uid)
        if place is None:
            self._take_fresh(message)
            return
        modseq, flags = self.columns.modseqs[place], self.columns.flags[place]
        if modseq > message.modseq:
            return
        if flags != message.flags or (self.tells_modseqs and modseq != message.modseq):
            self._stale.add(message.uid)
        self.columns.change(place, message.modseq, message.flags)
        self._note_flags(message.flags)

    def _take_fresh(self, message: Message) -> None:
        uid = message.uid
        before = self._fresh.get(uid)
        if before is None and (uid <= self._last_told or (self._fresh and uid < next(reversed(self._fresh)))):
            return
        if before is None or before.modseq <= message.modseq:
            self._fresh[uid] = message
            self._note_flags(message.flags)

    def _note_flags(self, flags: frozenset[str]) -> None:
        if not flags <= self._flags:
            self._flags |= flags
            self._has_new_flags = True

    def _lose(self, uids: Collection[int]) -> None:
        unheard = [uid for uid in uids if self._fresh.pop(uid, None) is not None]
        self._forget_recent(unheard)
        self._gone.update(uid for uid in uids if self.columns.find(uid) is not None)

    def _forget_recent(self, uids: Collection[int]) -> None:
        lost = {uid for uid in uids if self.is_recent(uid)}
        if lost:
            self._recent = array("I", (uid for uid in self._recent if uid not in lost))

    # What the client is told next.

    def announce(self, *, may_expunge: bool, tells_flags: bool = True) -> list[Announcement]:
        """Return what the client must hear, in order, and count it as told. Without ``tells_flags`` changed flags stay to be told."""
        found: list[Announcement] = []
        if may_expunge and self._gone:
            found.append(self._tell_gone())
        found += self.announce_flags()
        found += self.announce_new()
        stale = sorted(uid for uid in self._stale if uid not in self._gone) if tells_flags else []
        self._stale.difference_update(stale)
        if not self._gone and not self._stale:
            self.told_modseq = self.modseq
        found += [Flags(self.number(uid), self.message(uid)) for uid in stale]
        return found

    def announce_flags(self) -> list[Announcement]:
        """Return only which flags are in use, if there are new ones: a client must know a keyword before it meets it."""
        if not self._has_new_flags:
            return []
        self._has_new_flags = False
        return [Keywords(self._flags)]

    def flags_are_news(self) -> None:
        """Have it told again which flags are in use, and which of them can be changed."""
        self._has_new_flags = True

    def announce_new(self) -> list[Announcement]:
        """Return only that there are new messages, if so, and count them as told."""
        if not self._fresh:
            return []
        self.columns.append(self._fresh.values())
        self._fresh.clear()
        return [Exists(self.count, self.recent)]

    def _tell_gone(self) -> Expunged:
        uids = sorted(self._gone)
        places = [self.number(uid) - 1 for uid in uids]
        self.columns.remove(places)
        self._stale.difference_update(uids)
        self._forget_recent(uids)
        self._gone.clear()
        return Expunged([place + 1 for place in reversed(places)], uids)
