"""The way from a mailbox back into the queue, for what a user's rules send on or answer: durable before anybody is told ``250``."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from services.kernel.mail.envelope import Body, Envelope, Recipient
from services.kernel.mail.queueid import QueueId
from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, NotOurs, Router, Unknown
from services.kernel.spool.intake import Intake
from services.kernel.wire.hint import Hinter


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to be sent. ``blocks`` gives its content anew each time; ``notify`` and ``ret`` are RFC 3461's."""

    sender: str
    blocks: Callable[[], Iterable[bytes]]
    trace_id: str = ""
    message_id: str = ""
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    notify: str = ""
    ret: str = ""


class Outbox:
    """Puts messages into the queue of the site."""

    def __init__(self, intake: Intake, hinter: Hinter, router: Router, mint_id: Callable[[], QueueId], clock: Callable[[], float]) -> None:
        self._intake = intake
        self._hinter = hinter
        self._router = router
        self._mint_id = mint_id
        self._clock = clock

    def mint(self) -> QueueId:
        """A queue id for ``send``."""
        return self._mint_id()

    async def find(self, address: str) -> Accepted | Reply:
        """Whom an address stands for, or why there is nobody. Raises ``LookupTrouble``."""
        match await self._router.accept(address, may_relay=True):
            case Accepted() as accepted:
                return accepted
            case Unknown(reply) | NotOurs(reply):
                return reply

    async def send(self, queue_id: QueueId, message: Outgoing, found: Sequence[Accepted]) -> None:
        """Return when the message is on stable storage. Raises ``QueueFull`` and ``QueueTrouble``: then nothing of it is sent.

        Members of a list with an owner get a message of their own with his address as the sender, as in mail from outside.
        """
        by_sender: dict[str, dict[str, Recipient]] = {}
        for accepted in found:
            owners = dict(accepted.owners)
            for address in accepted.final:
                sender = owners.get(address, message.sender) if message.sender else ""
                by_sender.setdefault(sender, {}).setdefault(address, Recipient(address, address, notify=message.notify))
            for copy in accepted.copies:
                by_sender.setdefault(message.sender, {}).setdefault(copy.address, Recipient(copy.address, copy.original, notify="NEVER"))
        ids = [queue_id, *(self._mint_id() for _ in range(len(by_sender) - 1))]
        for identity, (sender, recipients) in zip(ids, by_sender.items(), strict=True):
            await self._send(identity, sender, list(recipients.values()), message)
        self._hinter.send([*ids])

    async def _send(self, queue_id: QueueId, sender: str, recipients: list[Recipient], message: Outgoing) -> None:
        envelope = Envelope(
            queue_id=queue_id,
            trace_id=message.trace_id or queue_id,
            sender=sender,
            arrived=self._clock(),
            message_id=message.message_id,
            body=message.body,
            smtputf8=message.smtputf8,
            ret=message.ret,
        )
        draft = self._intake.begin(envelope, recipients)
        try:
            for block in message.blocks():
                draft.write(block)
                await draft.drain()
        except BaseException:
            draft.abort()
            raise
        # its outcome is known, and the next step taken, whoever waits for this one
        await asyncio.shield(draft.commit())
