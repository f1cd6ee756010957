"""One message on its way into the mailboxes of its recipients."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from services.kernel.mail.address import fold
from services.kernel.mail.headers import head_end, scan
from services.kernel.mail.reply import Reply
from services.kernel.mailbox.delivery import Letter
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.trouble import MailboxFull, MailboxTrouble, OverQuota
from services.kernel.spool.intake import QueueFull, QueueTrouble
from services.kernel.tables.lookup import LookupTrouble
from services.mda import trace
from services.mda.filing import Deliverers
from services.mda.mbox.file import Held
from services.mda.sorting import Sorter
from services.mda.telling import Teller
from services.mda.transfer import HEAD_OCTETS, Parcel, Target, Transfer

LOOP = Reply(554, "5.4.6", "mail forwarding loop: the message was delivered here before")
OVER_QUOTA = Reply(552, "5.2.2", "mailbox is full")
OVER_QUOTA_FOR_NOW = Reply(452, "4.2.2", "mailbox is full")
NO_ROOM = Reply(452, "4.3.1", "insufficient system storage")
LOCKED = Reply(451, "4.2.0", "mailbox is locked by another program")
MAILBOX_TROUBLE = Reply(451, "4.3.0", "temporary trouble with the mailbox, try again later")

STORED = Reply(250, "2.0.0", "stored")
SORTING_TROUBLE = Reply(451, "4.3.0", "temporary trouble with what the message is to go through, try again later")


@dataclass(frozen=True, slots=True)
class Mailroom:
    """What all messages share."""

    deliverers: Deliverers
    sorter: Sorter
    teller: Teller
    defers_over_quota: bool


class Message:
    """The sink of one transaction."""

    def __init__(self, transfer: Transfer, draft: Draft, mailroom: Mailroom) -> None:
        self._transfer = transfer
        self._draft = draft
        self._mailroom = mailroom
        self._head = b""
        self._head_is_complete = False
        self._trouble: MailboxTrouble | None = None
        self._work: asyncio.Future[list[Reply | BaseException]] | None = None

    async def write(self, block: bytes) -> None:
        """Part of ``Sink``."""
        if not self._head_is_complete:
            self._head += block
            self._head_is_complete = head_end(self._head) >= 0 or len(self._head) >= HEAD_OCTETS
        if self._trouble is None:
            try:
                self._draft.write(block)
            except MailboxTrouble as trouble:
                self._trouble = trouble

    async def finish(self) -> Sequence[Reply]:
        """Part of ``Sink``: a reply for each recipient. One named twice gets one copy.

        The work goes on though whoever waits for it is cancelled, and has the draft until all of it is done.
        """
        end = head_end(self._head)
        head = self._head[:end] if end >= 0 else self._head
        facts, visited = scan(head), trace.delivered_to(head)
        parcels = {
            fold(target.recipient): Parcel(self._transfer, target, self._draft, _prefix(self._transfer, target), head, facts)
            for target in self._transfer.targets
        }
        self._work = asyncio.gather(*(self._deliver(parcel, visited) for parcel in parcels.values()), return_exceptions=True)
        self._work.add_done_callback(lambda _: self._draft.close())
        results = await asyncio.shield(self._work)
        replies = (result if isinstance(result, Reply) else SORTING_TROUBLE for result in results)
        answers = dict(zip(parcels, replies, strict=True))
        return [answers[fold(target.recipient)] for target in self._transfer.targets]

    def abort(self) -> None:
        """Part of ``Sink``."""
        if self._work is None:
            self._draft.close()

    async def _deliver(self, parcel: Parcel, visited: frozenset[str]) -> Reply:
        room = self._mailroom
        if fold(parcel.target.recipient) in visited and not parcel.target.is_of_site:  # from there nothing goes on, so no loop leads through it
            return LOOP
        try:
            if self._trouble is not None:
                raise self._trouble
            if not parcel.target.is_of_site and room.sorter.has_rules(parcel.target.mailbox):
                return await room.sorter.sort(parcel)
            return await self._store(parcel)
        except OverQuota:
            return OVER_QUOTA_FOR_NOW if room.defers_over_quota or parcel.target.is_of_site else OVER_QUOTA
        except (MailboxTrouble, QueueTrouble, LookupTrouble) as trouble:
            room.teller.trouble(parcel, "DATA", str(trouble))
            if isinstance(trouble, MailboxFull | QueueFull):
                return NO_ROOM
            if isinstance(trouble, Held):
                return LOCKED
            return MAILBOX_TROUBLE if isinstance(trouble, MailboxTrouble) else SORTING_TROUBLE
        except Exception as defect:  # noqa: BLE001  # root of one recipient's work: whatever it is, the others have their mail
            room.teller.trouble(parcel, "DATA", ascii(defect))
            return SORTING_TROUBLE

    async def _store(self, parcel: Parcel) -> Reply:
        """Into INBOX, as it is for whoever has no rules, or into a file of the site's."""
        target = parcel.target
        letter = Letter(target.mailbox, parcel.prefix, self._draft, target.quota, target.place)
        appended = await self._mailroom.deliverers[target.mailbox_format].deliver(letter)
        folder = f"mbox:{target.place.folder}" if target.is_of_site else target.place.folder
        self._mailroom.teller.stored(parcel, folder, appended, len(parcel.prefix) + self._draft.size)
        return STORED


def _prefix(transfer: Transfer, target: Target) -> bytes:
    return trace.prefix(transfer.sender, target.recipient, target.original)
