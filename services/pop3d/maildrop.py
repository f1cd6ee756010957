"""The maildrop: the messages that a session saw when it signed in, and what it did to them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from services.pop3d.config import UidlForm


@dataclass(frozen=True, slots=True)
class Entry:
    """A message with its number in this session; ``uidl`` stays the same in all sessions (RFC 1939 section 7, UIDL)."""

    number: int
    uid: int
    size_bytes: int
    uidl: str


@dataclass(slots=True)
class Maildrop:
    """Numbers do not change while the session lasts; a mark for deletion can be taken back with RSET."""

    entries: Sequence[Entry]
    deleted: set[int] = field(default_factory=set)
    retrieved: set[int] = field(default_factory=set)

    def entry(self, number: int) -> Entry | None:
        """The message with this number, unless it is marked for deletion."""
        if not 0 < number <= len(self.entries) or number in self.deleted:
            return None
        return self.entries[number - 1]

    def present(self) -> Iterator[Entry]:
        """All messages that are not marked for deletion."""
        return (entry for entry in self.entries if entry.number not in self.deleted)

    def totals(self) -> tuple[int, int]:
        """Number and octets of what is not marked for deletion (RFC 1939 section 5, STAT)."""
        sizes = [entry.size_bytes for entry in self.present()]
        return len(sizes), sum(sizes)

    def uids_deleted(self) -> tuple[int, ...]:
        """The UIDs to remove in the UPDATE state."""
        return tuple(self.entries[number - 1].uid for number in sorted(self.deleted))

    def uids_read(self) -> tuple[int, ...]:
        """The UIDs of messages that were retrieved and stay."""
        return tuple(self.entries[number - 1].uid for number in sorted(self.retrieved - self.deleted))


def maildrop(uidvalidity: int, messages: Sequence[tuple[int, int]], form: UidlForm = UidlForm.UID) -> Maildrop:
    """Number the messages, given as UID and size in order of UID."""
    return Maildrop([Entry(number, uid, size, _uidl(uidvalidity, uid, form)) for number, (uid, size) in enumerate(messages, 1)])


def _uidl(uidvalidity: int, uid: int, form: UidlForm) -> str:
    return f"{uid:08x}{uidvalidity:08x}" if form is UidlForm.DOVECOT else f"{uidvalidity}.{uid}"
