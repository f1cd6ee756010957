"""What the store tells of folders and messages."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

import msgspec

from services.kernel.mailbox import acl
from services.kernel.mailbox.acl import Rights


class Message(msgspec.Struct, frozen=True, gc=False):
    """One message of a folder.

    ``flags`` are IMAP flags and keywords (``\\Seen``, ``$Forwarded``) without ``\\Recent``; equal sets are one object. ``size`` is in bytes as
    served, with CRLF line ends (RFC822.SIZE). ``internaldate`` and ``saved`` (RFC 8514) are whole seconds since the epoch.
    """

    uid: int
    modseq: int
    flags: frozenset[str]
    internaldate: int
    size: int
    saved: int


class FolderInfo(msgspec.Struct, frozen=True):
    """One line of a list of folders.

    ``exists`` is false for a parent that has no folder of its own (``\\NonExistent``). ``special_use`` is an attribute of RFC 6154 or empty.
    """

    name: str
    exists: bool
    subscribed: bool
    has_children: bool
    special_use: str


class Status(msgspec.Struct, frozen=True):
    """Figures of one folder at one moment. ``recent_from`` is the first UID that no session has claimed as recent yet."""

    uidvalidity: int
    uidnext: int
    highestmodseq: int
    messages: int
    unseen: int
    size_bytes: int
    recent_from: int


class Figures(msgspec.Struct, frozen=True):
    """What a survey of all folders tells of each."""

    uidvalidity: int
    uidnext: int
    highestmodseq: int
    messages: int
    unseen: int


class Changes(msgspec.Struct, frozen=True):
    """What happened in a folder after a modseq.

    ``changed`` are new messages and those with new flags, by UID; ``vanished`` the UIDs expunged since, or ``None`` when the
    asker is behind the oldest tombstone and must compare with ``Folder.uids``. ``status`` is the state that the changes lead to.
    """

    status: Status
    changed: Sequence[Message]
    vanished: Sequence[int] | None


class FlagWord(StrEnum):
    """How STORE combines flags (RFC 9051 section 6.4.6)."""

    ADD = "add"
    REMOVE = "remove"
    REPLACE = "replace"


@dataclass(frozen=True, slots=True)
class FlagChange:
    """A STORE: which flags, how, and only where the modseq is at most ``unchanged_since`` (RFC 7162 section 3.1.3).

    What REPLACE may clear is what ``rights`` allow; ``flags`` are such already.
    """

    word: FlagWord
    flags: frozenset[str]
    unchanged_since: int | None = None
    rights: Rights = acl.ALL

    def result(self, before: frozenset[str]) -> frozenset[str]:
        """What it makes of flags."""
        match self.word:
            case FlagWord.ADD:
                return before | self.flags
            case FlagWord.REMOVE:
                return before - self.flags
            case FlagWord.REPLACE:
                return self.flags | before - acl.settable(before, self.rights)


class Stored(msgspec.Struct, frozen=True):
    """Result of a STORE: the messages as they are now, and the UIDs left alone because of ``unchanged_since``; missing UIDs are in neither."""

    messages: Sequence[Message]
    modified: Sequence[int]


class Copied(msgspec.Struct, frozen=True):
    """Result of COPY and MOVE, for COPYUID (RFC 4315): pairs of old and new UID in order."""

    uidvalidity: int
    uids: Sequence[tuple[int, int]]


class Appended(msgspec.Struct, frozen=True):
    """Result of APPEND and of a delivery, for APPENDUID (RFC 4315)."""

    uidvalidity: int
    uid: int


class Usage(msgspec.Struct, frozen=True):
    """What a user's folders hold together. Bytes are sizes as served."""

    size_bytes: int
    messages: int


class Quota(msgspec.Struct, frozen=True):
    """Limits of a user; 0 means none."""

    size_bytes: int = 0
    messages: int = 0

    @property
    def is_limited(self) -> bool:
        """Whether there is a limit at all."""
        return bool(self.size_bytes or self.messages)

    def percent(self, usage: Usage) -> int:
        """How full it is, by whichever limit is nearer."""
        shares = [used * 100 // limit for used, limit in ((usage.size_bytes, self.size_bytes), (usage.messages, self.messages)) if limit]
        return max(shares, default=0)

    def allows(self, usage: Usage) -> bool:
        """Tell whether ``usage`` lies within the limits."""
        return (not self.size_bytes or usage.size_bytes <= self.size_bytes) and (not self.messages or usage.messages <= self.messages)


class Growth(msgspec.Struct, frozen=True):
    """What a delivery did to a mailbox that has a quota; before and after are the same when nothing fitted."""

    address: str
    quota: Quota
    before: Usage
    after: Usage


class Place(msgspec.Struct, frozen=True):
    """Where a delivery goes: an existing folder, and with which flags and keywords."""

    folder: str = "INBOX"
    flags: frozenset[str] = frozenset()


class Origin(msgspec.Struct, frozen=True):
    """What an appended message brings along. ``internaldate`` of ``None`` is now."""

    flags: frozenset[str] = frozenset()
    internaldate: int | None = None
