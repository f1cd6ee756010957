"""Mail by way of lists that have an owner: a message of its own for each owner, as the envelope sender is the owner's.

What the sender asked to be told ends at the list (RFC 3461 section 5.2.7): ORCPT, ENVID, RET and success are not passed on.
"""

from collections.abc import Iterable, Sequence

from msgspec.structs import replace

from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.mail.reply import Reply
from services.kernel.smtp.handler import Sink


def of_list(envelope: Envelope, owner: str) -> Envelope:
    """The envelope of the list's message."""
    return replace(envelope, sender=owner, ret="", envid="")


def member(recipient: Recipient) -> Recipient:
    """A recipient of the list's message."""
    words = [word for word in recipient.notify.split(",") if word != "SUCCESS"]
    notify = ",".join(words) or "NEVER" if recipient.notify else ""
    return replace(recipient, orcpt="", notify=notify)


class Parcels:
    """One content for several messages; implements ``Sink``. All are committed, or the client is told to try again: then those that were are
    sent twice, none is lost."""

    def __init__(self, messages: Iterable[Sink]) -> None:
        self._messages = tuple(messages)

    async def write(self, block: bytes) -> None:
        """Part of ``Sink``."""
        for message in self._messages:
            await message.write(block)

    async def finish(self) -> Sequence[Reply]:
        """Part of ``Sink``: the reply for the first message, or the first one that is no success."""
        replies = list[Reply]()
        for number, message in enumerate(self._messages):
            replies += await message.finish()
            if not replies[-1].is_positive:
                for later in self._messages[number + 1 :]:
                    later.abort()
                return (replies[-1],)
        return (replies[0],)

    def abort(self) -> None:
        """Part of ``Sink``."""
        for message in self._messages:
            message.abort()
