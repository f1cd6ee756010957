"""Copies of a message in the folders that the rules name."""

import asyncio
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.kernel.directory import MailboxFormat
from services.kernel.mailbox.delivery import Letter
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.records import Appended, Place
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import OverQuota
from services.kernel.sieve.actions import FileInto, Keep, Store
from services.mda import folders
from services.mda.telling import Teller
from services.mda.transfer import Parcel, Target


class Deliverer(Protocol):
    """What ``kernel.mailbox.delivery.Delivery`` and ``mbox.delivery.MboxDelivery`` do."""

    async def deliver(self, letter: Letter) -> Appended: ...


Deliverers = Mapping[MailboxFormat, Deliverer]
"""One for each form of a mailbox."""


@dataclass(frozen=True, slots=True)
class Copy:
    """One copy: where, and with which header section; ``None`` is the message's own."""

    place: Place
    head: bytes | None = None


class Filing:
    """Stores copies."""

    def __init__(self, store: MailStore, deliverers: Deliverers, teller: Teller) -> None:
        self._store = store
        self._deliverers = deliverers
        self._teller = teller

    async def file(self, parcel: Parcel, actions: Sequence[Keep | FileInto]) -> list[str]:
        """Return once all copies are on stable storage, with what went wrong though each is somewhere.

        Raises ``OverQuota`` and ``MailboxTrouble``: those that fitted are stored all the same.
        """
        if not actions:
            return []
        copies, failures = await self._store.run(self._choose, parcel.target, actions)
        results = await asyncio.gather(*(self._deliver(parcel, copy) for copy in copies), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
        return failures

    async def file_own(self, parcel: Parcel, store: Store, content: bytes) -> str:
        """Store a message of the user's own, such as an answer that was sent (RFC 8580). Returns what went wrong."""
        target = parcel.target
        place, failure = await self._store.run(self._choose_one, target, store)
        draft = self._store.draft()
        try:
            draft.write(content)
            await self._deliverers[target.mailbox_format].deliver(Letter(target.mailbox, b"", draft, target.quota, place))
        except OverQuota as full:
            return str(full)
        finally:
            draft.close()
        return failure

    def _choose_one(self, target: Target, action: Keep | FileInto | Store) -> tuple[Place, str]:
        return folders.choose(folders.cabinet(self._store, target), action)

    def _choose(self, target: Target, actions: Sequence[Keep | FileInto]) -> tuple[list[Copy], list[str]]:
        """The copies, no two of the same in one folder. Blocks."""
        flags: dict[tuple[str, bytes | None], frozenset[str]] = {}
        failures = []
        for action in actions:
            place, failure = self._choose_one(target, action)
            key = place.folder, action.head
            flags[key] = flags.get(key, frozenset()) | place.flags
            failures += [failure] if failure else []
        return [Copy(Place(folder, words), head) for (folder, head), words in flags.items()], failures

    async def _deliver(self, parcel: Parcel, copy: Copy) -> None:
        target = parcel.target
        deliverer = self._deliverers[target.mailbox_format]
        if copy.head is None:
            appended = await deliverer.deliver(Letter(target.mailbox, parcel.prefix, parcel.draft, target.quota, copy.place))
            self._teller.stored(parcel, copy.place.folder, appended, len(parcel.prefix) + parcel.draft.size)
            return
        draft = await self._store.run(self._edited, parcel, copy.head)
        try:
            appended = await deliverer.deliver(Letter(target.mailbox, b"", draft, target.quota, copy.place))
            self._teller.stored(parcel, copy.place.folder, appended, draft.size)
        finally:
            draft.close()

    def _edited(self, parcel: Parcel, head: bytes) -> Draft:
        """The message with another header section. Blocks."""
        draft = self._store.draft()
        try:
            for block in with_head(parcel, head):
                draft.write(block)
        except BaseException:
            draft.close()
            raise
        return draft


def with_head(parcel: Parcel, head: bytes) -> Iterable[bytes]:
    """The content with another header section, which ends with the empty line."""
    yield head
    blocks, before = parcel.draft.blocks(), b"\r\n"  # as if a line had ended before the first
    for block in blocks:
        seen = before + block
        end = seen.find(b"\r\n\r\n")
        if end >= 0:
            yield seen[end + 4 :]
            yield from blocks
            return
        before = seen[-3:]
