"""Answers of a vacation and notifications, on their way into the queue."""

import time
from dataclasses import dataclass
from functools import cached_property

from services.kernel.mail.address import fold
from services.kernel.mail.envelope import Body
from services.kernel.mail.queueid import QueueId
from services.kernel.mail.reply import Reply
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble, Refusal
from services.kernel.routing import Accepted
from services.kernel.sieve.actions import Notify, Store, Vacation
from services.kernel.wire.events import Kind
from services.mda import answers, trace
from services.mda.answers import Occasion
from services.mda.filing import Filing
from services.mda.memory import Memory, Past
from services.mda.outbox import Outbox, Outgoing
from services.mda.senders import envelope_sender
from services.mda.telling import Teller
from services.mda.transfer import Parcel


@dataclass(frozen=True, slots=True)
class Manners:
    """What is the same for all notices: the site's name, and the settings ``sieve.vacation_sender`` and ``sieve.notify_sender``."""

    hostname: str
    vacation_sender: str = "none"
    notify_sender: str = "recipient"


class _Answer:
    """The answer of a vacation; it is written when it is first asked for."""

    def __init__(self, action: Vacation, occasion: Occasion) -> None:
        self.action = action
        self.occasion = occasion

    @cached_property
    def content(self) -> bytes:
        return answers.answer(self.action, self.occasion)


class Notices:
    """Sends what rules say in a user's name. May raise anything: the message that made them speak is stored already."""

    def __init__(self, outbox: Outbox, store: MailStore, filing: Filing, teller: Teller, manners: Manners) -> None:
        self._outbox = outbox
        self._store = store
        self._filing = filing
        self._teller = teller
        self._manners = manners

    async def send(self, parcel: Parcel, action: Vacation | Notify, memory: Memory) -> None:
        """Return when the notice is on stable storage in the queue, or is not to be sent."""
        if isinstance(action, Notify):
            await self._notify(parcel, action)
            return
        answer = _Answer(action, self._occasion(parcel, self._outbox.mint()))
        is_sent = await (self._answer_once(parcel, answer, memory) if action.seconds else self._answer(parcel, answer))
        if is_sent:
            self._teller.sent(Kind.ANSWERED, parcel, answer.occasion.identity, action.recipient)
            await self._keep(parcel, action.fcc, answer.content)

    async def _answer_once(self, parcel: Parcel, answer: "_Answer", memory: Memory) -> bool:
        """Of two messages at the same moment one is answered: that it will be is remembered first (RFC 5230 section 4.2).

        It is forgotten only when nothing was sent for sure: a sender hears nothing for a while rather than the same again and again.
        """
        action, now = answer.action, time.time()
        facts = action.handle, fold(action.recipient)
        if not await self._store.run(memory.remember, Past.ANSWERED, facts, now, now + action.seconds):
            return False
        try:
            return await self._answer(parcel, answer)
        except Exception:  # not when it is cancelled: then it may have been sent
            await self._store.run(memory.forget, Past.ANSWERED, facts)
            raise

    async def _answer(self, parcel: Parcel, answer: "_Answer") -> bool:
        """With the null sender, unless the site says otherwise: nobody wants to hear that an answer did not arrive (RFC 5230 section 5.1)."""
        action, occasion = answer.action, answer.occasion
        found = await self._outbox.find(action.recipient)
        if isinstance(found, Reply):
            self._teller.trouble(parcel, "answer", f"{action.recipient}: {found}")
            return False
        sender = "" if self._manners.vacation_sender == "none" else parcel.target.mailbox
        is_utf8 = answers.is_international(sender, action.sender or action.addressee or occasion.owner, action.recipient)
        message = Outgoing(sender, lambda: (answer.content,), message_id=occasion.message_id, smtputf8=is_utf8)
        await self._send(parcel, message, [found], QueueId(occasion.identity), answer.content)
        return True

    async def _notify(self, parcel: Parcel, action: Notify) -> None:
        """RFC 5436: no notification of a notification (section 2.7.1); of a report none that could come back as one."""
        if trace.is_notification(parcel.head):
            return
        queue_id = self._outbox.mint()
        occasion = self._occasion(parcel, queue_id)
        content = answers.notification(action, occasion)
        found = []
        for address in action.all_recipients:
            answer = await self._outbox.find(address)
            if isinstance(answer, Reply):
                self._teller.trouble(parcel, "answer", f"{address}: {answer}")
            else:
                found.append(answer)
        if found:
            sender = envelope_sender(self._manners.notify_sender, parcel)
            is_utf8 = answers.is_international(sender, action.sender or occasion.owner, *action.all_recipients)
            message = Outgoing(sender, lambda: (content,), message_id=occasion.message_id, smtputf8=is_utf8)
            await self._send(parcel, message, found, queue_id, content)
            self._teller.sent(Kind.NOTIFIED, parcel, queue_id, action.all_recipients[0])
            await self._keep(parcel, action.fcc, content)

    async def _send(self, parcel: Parcel, message: Outgoing, found: list[Accepted], queue_id: QueueId, content: bytes) -> None:
        message = Outgoing(
            message.sender,
            message.blocks,
            parcel.transfer.trace_id,
            message.message_id,
            Body.SEVEN_BIT if content.isascii() else Body.EIGHT_BIT_MIME,
            message.smtputf8,
        )
        await self._outbox.send(queue_id, message, found)

    async def _keep(self, parcel: Parcel, store: Store | None, content: bytes) -> None:
        """It is sent: trouble with the copy is told, and sends no second one."""
        if store is None:
            return
        try:
            failure = await self._filing.file_own(parcel, store, content)
        except (MailboxTrouble, Refusal) as trouble:
            failure = str(trouble)
        if failure:
            self._teller.trouble(parcel, "answer", failure)

    def _occasion(self, parcel: Parcel, queue_id: str) -> Occasion:
        return Occasion(parcel.target.mailbox, self._manners.hostname, queue_id, time.time(), parcel.transfer.sender, parcel.head)
