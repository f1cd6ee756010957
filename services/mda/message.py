"""One message on its way into the mailboxes of its recipients."""

import asyncio
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from services.kernel.mail.address import fold
from services.kernel.mail.headers import Head, head_end, scan
from services.kernel.mail.reply import Reply
from services.kernel.mailbox.delivery import Letter
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.records import Appended, Quota
from services.kernel.mailbox.trouble import MailboxFull, MailboxTrouble, OverQuota
from services.kernel.wire.events import Emitter, Kind
from services.mda import trace

HEAD_OCTETS = 102_400
"""As far as a header section is looked at (Postfix ``header_size_limit``)."""

LOOP = Reply(554, "5.4.6", "mail forwarding loop: the message was delivered here before")
OVER_QUOTA = Reply(552, "5.2.2", "mailbox is full")
OVER_QUOTA_FOR_NOW = Reply(452, "4.2.2", "mailbox is full")
NO_ROOM = Reply(452, "4.3.1", "insufficient system storage")
MAILBOX_TROUBLE = Reply(451, "4.3.0", "temporary trouble with the mailbox, try again later")


@dataclass(frozen=True, slots=True)
class Target:
    """An accepted recipient: as it was named, the mailbox it belongs to, and its limits."""

    recipient: str
    original: str
    mailbox: str
    quota: Quota


@dataclass(slots=True)
class Transfer:
    """The envelope of the transaction."""

    sender: str
    trace_id: str
    queue_id: str
    targets: list[Target] = field(default_factory=list)


class Deliverer(Protocol):
    """What ``kernel.mailbox.delivery.Delivery`` does; a test has its own."""

    async def deliver(self, letter: Letter) -> Appended: ...


class Message:
    """The sink of one transaction."""

    def __init__(self, transfer: Transfer, draft: Draft, delivery: Deliverer, emitter: Emitter, *, defers_over_quota: bool) -> None:
        self._transfer = transfer
        self._draft = draft
        self._delivery = delivery
        self._emitter = emitter
        self._over_quota = OVER_QUOTA_FOR_NOW if defers_over_quota else OVER_QUOTA
        self._begun = time.monotonic()
        self._head = b""
        self._head_is_complete = False
        self._trouble: MailboxTrouble | None = None

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
        """Part of ``Sink``: a reply for each recipient. One named twice gets one copy."""
        end = head_end(self._head)
        head = self._head[:end] if end >= 0 else self._head
        facts, visited = scan(head), trace.delivered_to(head)
        targets = {fold(target.recipient): target for target in self._transfer.targets}
        try:
            replies = await asyncio.gather(*(self._deliver(target, facts, visited) for target in targets.values()))
        finally:
            self._draft.close()
        answers = dict(zip(targets, replies, strict=True))
        return [answers[fold(target.recipient)] for target in self._transfer.targets]

    def abort(self) -> None:
        """Part of ``Sink``."""
        self._draft.close()

    async def _deliver(self, target: Target, head: Head, visited: frozenset[str]) -> Reply:
        if fold(target.recipient) in visited:
            return LOOP
        fields = trace.prefix(self._transfer.sender, target.recipient, target.original)
        try:
            if self._trouble is not None:
                raise self._trouble
            appended = await self._delivery.deliver(Letter(target.mailbox, fields, self._draft, target.quota))
        except OverQuota:
            return self._over_quota
        except MailboxTrouble as trouble:
            self._tell_trouble(target, trouble)
            return NO_ROOM if isinstance(trouble, MailboxFull) else MAILBOX_TROUBLE
        self._tell_stored(target, head, len(fields), appended)
        return Reply(250, "2.0.0", "stored")

    def _tell_stored(self, target: Target, head: Head, prefix_bytes: int, appended: Appended) -> None:
        self._emitter.emit(
            Kind.STORED,
            trace=self._transfer.trace_id,
            queue_id=self._transfer.queue_id,
            message_id=head.message_id,
            sender=self._transfer.sender,
            recipient=target.recipient,
            original=target.original,
            bytes=prefix_bytes + self._draft.size,
            seconds=round(time.monotonic() - self._begun, 6),
            folder="INBOX",
            uid=appended.uid,
        )

    def _tell_trouble(self, target: Target, trouble: MailboxTrouble) -> None:
        self._emitter.emit(
            Kind.TROUBLE,
            stage="DATA",
            trace=self._transfer.trace_id,
            queue_id=self._transfer.queue_id,
            recipient=target.recipient,
            reason=str(trouble),
        )
