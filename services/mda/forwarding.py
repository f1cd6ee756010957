"""Redirection (RFC 5228 section 4.2): the message goes back into the queue, for another address."""

import time
from collections.abc import Iterable, Iterator
from functools import partial

from services.kernel.mail.address import fold
from services.kernel.mail.headers import Trace, received
from services.kernel.mail.reply import Reply
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble
from services.kernel.sieve.actions import Redirect
from services.kernel.wire.events import Kind
from services.mda import trace
from services.mda.filing import with_head
from services.mda.memory import Memory, Past
from services.mda.outbox import Outbox, Outgoing
from services.mda.senders import envelope_sender
from services.mda.telling import Teller
from services.mda.transfer import HEAD_OCTETS, Parcel

HOPS = 50
"""Received fields beyond which a message runs in circles (Postfix ``hopcount_limit``)."""
REMEMBERED_SECONDS = 7 * 86_400.0
"""Longer than any message stays in the queue (``qmgr.maximal_queue_lifetime`` is 5 days), so longer than a delivery is tried again."""


class Forwarding:
    """Sends messages on. ``sender`` is the setting ``sieve.redirect_sender``."""

    def __init__(self, outbox: Outbox, store: MailStore, teller: Teller, hostname: str, sender: str) -> None:
        self._outbox = outbox
        self._store = store
        self._teller = teller
        self._hostname = hostname
        self._sender = sender

    async def send_on(self, parcel: Parcel, action: Redirect, memory: Memory) -> str:
        """Return once the message is on its way, with why it is not: then it is to be kept.

        Raises ``QueueFull``, ``QueueTrouble``, ``LookupTrouble`` and ``MailboxTrouble``.
        """
        mailbox = parcel.target.mailbox
        if fold(mailbox) in trace.redirected_from(parcel.head):
            return f"not redirected to {action.address}: the message was redirected by this user before"
        if parcel.facts.hops > HOPS:
            return f"not redirected to {action.address}: the message has been through {parcel.facts.hops} servers"
        if len(parcel.head) >= HEAD_OCTETS:
            return f"not redirected to {action.address}: its header is too long to tell where it has been"
        found = await self._outbox.find(action.address)
        if isinstance(found, Reply):
            return f"not redirected to {action.address}: {found}"
        done = parcel.transfer.queue_id, f"{mailbox} {action.address}"
        if done[0] and await self._was_done(memory, done):
            return ""
        queue_id = self._outbox.mint()
        await self._outbox.send(queue_id, self._outgoing(parcel, action, queue_id), [found])
        self._teller.sent(Kind.REDIRECTED, parcel, queue_id, action.address)
        if done[0]:
            await self._remember(parcel, memory, done)
        return ""

    async def _was_done(self, memory: Memory, done: tuple[str, str]) -> bool:
        return await self._store.run(memory.knows, Past.SENT, done, time.time())

    async def _remember(self, parcel: Parcel, memory: Memory, done: tuple[str, str]) -> None:
        """What cannot be remembered is sent twice if the delivery is tried again, and never lost."""
        now = time.time()
        try:
            await self._store.run(memory.remember, Past.SENT, done, now, now + REMEMBERED_SECONDS)
        except MailboxTrouble as trouble:
            self._teller.trouble(parcel, "sieve", str(trouble))

    def _outgoing(self, parcel: Parcel, action: Redirect, queue_id: str) -> Outgoing:
        transfer = parcel.transfer
        return Outgoing(
            envelope_sender(self._sender, parcel),
            partial(self._blocks, parcel, action, queue_id),
            transfer.trace_id,
            parcel.facts.message_id,
            transfer.body,
            transfer.smtputf8,
            action.notify,
            action.ret,
        )

    def _blocks(self, parcel: Parcel, action: Redirect, queue_id: str) -> Iterator[bytes]:
        yield received(Trace("", "", self._hostname, "LMTP", queue_id, time.time()))
        yield trace.redirection(parcel.target.mailbox)
        yield from self._content(parcel, action.head)

    def _content(self, parcel: Parcel, head: bytes | None) -> Iterable[bytes]:
        """As it came, without the fields of final delivery: this is none."""
        if head is None:
            return parcel.draft.blocks()
        for line in parcel.prefix.splitlines(keepends=True):
            head = head.replace(line, b"", 1)
        return with_head(parcel, head)
