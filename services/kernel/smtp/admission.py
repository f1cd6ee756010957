"""Who is connected: the limits on sessions, in all and from one address."""

from collections import Counter
from collections.abc import Iterator
from typing import Generic, TypeVar

from services.kernel.mail.reply import Reply

Member = TypeVar("Member")

_TOO_MANY = Reply(421, "4.3.2", "too many connections, try again later")
_TOO_MANY_FROM_YOU = Reply(421, "4.7.0", "too many connections from your address")


class Admission(Generic[Member]):
    """The sessions of one server."""

    def __init__(self, limit: int, limit_per_address: int) -> None:
        self._limit = limit
        self._limit_per_address = limit_per_address
        self._members: dict[Member, str] = {}
        self._addresses: Counter[str] = Counter()

    def __iter__(self) -> Iterator[Member]:
        return iter(tuple(self._members))

    def __len__(self) -> int:
        return len(self._members)

    def enter(self, member: Member, address: str, *, is_partner: bool = False) -> Reply | None:
        """Count a new session in; return the refusal when there are too many. A refused one must ``leave`` too.

        A partner speaks for many clients: the limit for one does not hold for it.
        """
        full = len(self._members) >= self._limit
        greedy = self._addresses[address] >= self._limit_per_address and not is_partner
        self._members[member] = address
        self._addresses[address] += 1
        if full:
            return _TOO_MANY
        return _TOO_MANY_FROM_YOU if greedy else None

    def leave(self, member: Member) -> None:
        """Count a session out."""
        address = self._members.pop(member)
        self._addresses[address] -= 1
        if not self._addresses[address]:
            del self._addresses[address]
