"""What one session has been told of its folder, and what it is told next.

A client counts messages by what it heard, so numbers belong to the session, not to the store. The view keeps three things apart: what the
client was told (``told``, the UIDs by number), what is true (the last state of the store, taken in by ``absorb`` from its feed of changes),
and what lies between (new messages, changed flags, messages that are gone). ``announce`` tells the difference and makes it told.

What may be told when (RFC 3501 sections 5.5 and 7.4.1): new messages and flags at any time a command is being answered or in IDLE;
that a message is gone never while FETCH, STORE or SEARCH by number is answered, since a pipelined next one would hit the wrong messages,
and in all others, their UID forms included, at the end. Until then a message that is gone keeps its number.

UIDs only grow, and so do numbers: a UID below the last told that was not there before (a file mended after a crash) stays unknown to this session.
Modseqs are kept with each message: CONDSTORE will tell them, and QRESYNC will write ``Expunged`` as VANISHED.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from services.imapd.grammar.responses import SYSTEM_FLAGS
from services.imapd.grammar.sequence import SequenceSet
from services.kernel.mailbox.records import Changes, FlagChange, FlagWord, Message


@dataclass(frozen=True, slots=True)
class Exists:
    """The folder now holds ``count`` messages, ``recent`` of them recent."""

    count: int
    recent: int


@dataclass(frozen=True, slots=True)
class Expunged:
    """The message with this number is gone; those behind it moved up."""

    number: int
    uid: int


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
    """The state of one selected folder. Starts with nothing told: ``announce`` what the first ``absorb`` brings, or take it by ``admit_all``."""

    def __init__(self, modseq: int, keywords: Iterable[str]) -> None:
        self.modseq = modseq
        self._told: list[int] = []
        self._known: dict[int, Message] = {}
        self._fresh: list[int] = []
        self._gone: set[int] = set()
        self._stale: set[int] = set()
        self._recent: set[int] = set()
        self._flags = frozenset(keywords).union(SYSTEM_FLAGS)
        self._has_new_flags = False

    # What the client knows.

    @property
    def count(self) -> int:
        """How many messages the client knows."""
        return len(self._told)

    @property
    def recent(self) -> int:
        """How many of those are recent."""
        return len(self._recent.difference(self._fresh))

    @property
    def flags(self) -> frozenset[str]:
        """Flags and keywords seen in this folder."""
        return self._flags

    @property
    def uids(self) -> Sequence[int]:
        """UIDs by number, from number 1."""
        return self._told

    def number(self, uid: int) -> int:
        """The number of a UID that is told."""
        return bisect_left(self._told, uid) + 1

    def message(self, uid: int) -> Message:
        """What is known of a message that is told."""
        return self._known[uid]

    def is_recent(self, uid: int) -> bool:
        """Whether the message is recent in this session."""
        return uid in self._recent

    def is_gone(self, uid: int) -> bool:
        """Whether the message is expunged and the client has not been told."""
        return uid in self._gone

    def resolve(self, messages: SequenceSet, *, by_uid: bool) -> list[int]:
        """Return the UIDs of a set, ascending. UIDs that are not there are passed over; a number that is not raises ``NoSuchNumber``."""
        if not by_uid:
            if messages.highest > len(self._told):
                raise NoSuchNumber
            spans = messages.spans(len(self._told))
            return [uid for first, last in spans for uid in self._told[max(first, 1) - 1 : last]]
        found: list[int] = []
        for first, last in messages.spans(self._told[-1] if self._told else 0):
            found += self._told[bisect_left(self._told, first) : bisect_right(self._told, last)]
        return found

    def first_unseen(self) -> int | None:
        """The number of the first message without ``\\Seen``."""
        return next((n for n, uid in enumerate(self._told, 1) if "\\Seen" not in self._known[uid].flags), None)

    # What happens in the store.

    def absorb(self, changes: Changes, present: Sequence[int] | None = None) -> None:
        """Take in what the store tells; ``present`` is all UIDs there, needed when ``changes.vanished`` is ``None``."""
        self.refresh(changes.changed)
        if changes.vanished is not None:
            self._lose(changes.vanished)
        elif present is not None:
            self._lose(self._known.keys() - set(present))
        self.modseq = max(self.modseq, changes.status.highestmodseq)

    def mark_recent(self, first: int) -> None:
        """Count those new messages as recent in this session whose UID is at least ``first``."""
        self._recent.update(uid for uid in self._fresh if uid >= first)

    def admit_all(self) -> None:
        """Count all that is known as told, since the reply to SELECT tells it."""
        self._told += self._fresh
        self._fresh = []
        self._stale.clear()
        self._has_new_flags = False

    def refresh(self, messages: Iterable[Message]) -> None:
        """Take in messages as they are now."""
        for message in messages:
            self._take(message)

    def note_silent_store(self, messages: Iterable[Message], change: FlagChange) -> None:
        """Take in the result of the session's own silent STORE, whose effect the client reckons itself; what differs will be announced."""
        for message in messages:
            before = self._known.get(message.uid)
            was_told = before is not None and message.uid not in self._stale
            self._take(message)
            if before is not None and was_told and message.flags == combined(before.flags, change):
                self._stale.discard(message.uid)

    def mark_told(self, uids: Iterable[int]) -> None:
        """The client has heard the flags of these messages."""
        self._stale.difference_update(uids)

    def _take(self, message: Message) -> None:
        uid = message.uid
        before = self._known.get(uid)
        if before is None:
            if (self._told and uid <= self._told[-1]) or (self._fresh and uid <= self._fresh[-1]):
                return
            self._fresh.append(uid)
        elif before.modseq > message.modseq:
            return
        elif before.flags != message.flags:
            self._stale.add(uid)
        self._known[uid] = message
        self._note_flags(message.flags)

    def _note_flags(self, flags: frozenset[str]) -> None:
        if not flags <= self._flags:
            self._flags |= flags
            self._has_new_flags = True

    def _lose(self, uids: Iterable[int]) -> None:
        lost = {uid for uid in uids if uid in self._known}
        unheard = lost.intersection(self._fresh)
        if unheard:
            self._fresh = [uid for uid in self._fresh if uid not in unheard]
            for uid in unheard:
                self._forget(uid)
        self._gone |= lost - unheard

    def _forget(self, uid: int) -> None:
        del self._known[uid]
        self._stale.discard(uid)
        self._recent.discard(uid)

    # What the client is told next.

    def announce(self, *, may_expunge: bool) -> list[Announcement]:
        """Return what the client must hear, in order, and count it as told."""
        found: list[Announcement] = []
        if may_expunge and self._gone:
            found += self._tell_gone()
        found += self.announce_flags()
        found += self.announce_new()
        stale = sorted(uid for uid in self._stale if uid not in self._gone)
        self._stale.difference_update(stale)
        found += [Flags(self.number(uid), self._known[uid]) for uid in stale]
        return found

    def announce_flags(self) -> list[Announcement]:
        """Return only which flags are in use, if there are new ones: a client must know a keyword before it meets it."""
        if not self._has_new_flags:
            return []
        self._has_new_flags = False
        return [Keywords(self._flags)]

    def announce_new(self) -> list[Announcement]:
        """Return only that there are new messages, if so, and count them as told."""
        if not self._fresh:
            return []
        self._stale.difference_update(self._fresh)
        self._told += self._fresh
        self._fresh = []
        return [Exists(len(self._told), self.recent)]

    def _tell_gone(self) -> list[Announcement]:
        """From the last to the first, so that no number changes before it is told."""
        found: list[Announcement] = []
        for uid in sorted(self._gone, reverse=True):
            number = self.number(uid)
            del self._told[number - 1]
            self._forget(uid)
            found.append(Expunged(number, uid))
        self._gone.clear()
        return found


def combined(flags: frozenset[str], change: FlagChange) -> frozenset[str]:
    """Return what a STORE makes of flags."""
    match change.word:
        case FlagWord.ADD:
            return flags | change.flags
        case FlagWord.REMOVE:
            return flags - change.flags
        case FlagWord.REPLACE:
            return change.flags
