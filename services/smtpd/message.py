"""One message on its way from the client into the queue.

The header section is looked at once, when it is complete: it gives the Message-ID for the envelope and the hops to count. Then the draft is
begun with our trace field on top, and everything else goes into it as it came.
"""

import re
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from msgspec.structs import replace

from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.mail.headers import Head, Trace, format_date, head_end, received, scan
from services.kernel.mail.reply import Reply
from services.kernel.spool.intake import Draft, Intake, QueueFull, QueueTrouble
from services.kernel.tables.lookup import LookupTrouble

HEAD_OCTETS = 102_400
"""As far as a header section is looked at (Postfix ``header_size_limit``)."""

NO_ROOM = Reply(452, "4.3.1", "insufficient system storage")
LOOKUP_TROUBLE = Reply(451, "4.3.0", "temporary lookup trouble, try again later")
QUEUE_TROUBLE = Reply(451, "4.3.0", "temporary trouble with the queue, try again later")
_TOO_MANY_HOPS = Reply(554, "5.4.6", "too many hops, the message runs in circles")
_FIELD = re.compile(rb"[!-9;-~]+[ \t]*:")
"""RFC 5322 section 3.6.8 ``field-name``, with the blanks that obsolete syntax allows."""


@dataclass(frozen=True, slots=True)
class MessageRules:
    """What is the same for all messages of one role."""

    intake: Intake
    hop_limit: int
    completes_head: bool
    """Add Message-ID and Date when missing (RFC 6409 sections 8.2 and 8.3)."""
    rewrite_head: Callable[[bytes], Awaitable[bytes]] | None = None
    """Gives the header section with other addresses; ``None`` where nothing is rewritten, as in all mail of strangers (Postfix
    ``local_header_rewrite_clients``). Raises ``LookupTrouble``."""


class Message:
    """The sink of one transaction. ``on_end`` is called when it is in the queue, or has met trouble there."""

    def __init__(
        self,
        rules: MessageRules,
        envelope: Envelope,
        recipients: Sequence[Recipient],
        trace: Trace,
        on_end: Callable[["Message"], None],
    ) -> None:
        self.envelope = envelope
        self.recipients = recipients
        self.trouble: QueueTrouble | LookupTrouble | None = None
        self._rules = rules
        self._trace = trace
        self._on_end = on_end
        self._head = b""
        self._draft: Draft | None = None
        self._refusal: Reply | None = None

    @property
    def content_bytes(self) -> int:
        """The length of the content, what we added included."""
        return self._draft.content_bytes if self._draft is not None else 0

    async def write(self, block: bytes) -> None:
        """Part of ``Sink``."""
        if self._refusal is not None:
            return
        if self._draft is None:
            self._head = self._head + block if self._head else block
            if head_end(self._head) < 0 and len(self._head) < HEAD_OCTETS:
                return
            self._draft = await self._begin()
        else:
            self._draft.write(block)
        if self._draft is not None:
            await self._drain(self._draft)

    async def finish(self) -> Sequence[Reply]:
        """Part of ``Sink``."""
        if self._draft is None and self._refusal is None:
            self._draft = await self._begin()
        if self._refusal is not None or self._draft is None:
            return (self._refusal or QUEUE_TROUBLE,)
        try:
            await self._draft.commit()
        except QueueTrouble as trouble:
            return (self._give_up(trouble),)
        self._on_end(self)
        return (Reply(250, "2.0.0", f"Ok: queued as {self.envelope.queue_id}"),)

    def abort(self) -> None:
        """Part of ``Sink``."""
        if self._draft is not None:
            self._draft.abort()

    async def _begin(self) -> Draft | None:
        """The head is known: begin the draft with it, or refuse."""
        content, self._head = self._head, b""
        end = head_end(content)
        head = scan(content[:end] if end >= 0 else content)
        if head.hops > self._rules.hop_limit:
            self._refusal = _TOO_MANY_HOPS
            return None
        if self._rules.rewrite_head is not None and end > 0:
            try:
                content = await self._rules.rewrite_head(content[:end]) + content[end:]
            except LookupTrouble as trouble:
                self._refusal = self._give_up(trouble)
                return None
        added = self._missing_fields(head) if self._rules.completes_head else b""
        self.envelope = replace(self.envelope, message_id=head.message_id or self._own_message_id())
        draft = self._rules.intake.begin(self.envelope, self.recipients)
        draft.write(received(self._trace) + added + (b"" if end == 0 or _FIELD.match(content) else b"\r\n"))
        draft.write(content)
        return draft

    def _missing_fields(self, head: Head) -> bytes:
        message_id = "" if head.has_message_id else f"Message-ID: {self._own_message_id()}\r\n"
        date = "" if head.has_date else f"Date: {format_date(int(self._trace.time))}\r\n"
        return (message_id + date).encode()

    def _own_message_id(self) -> str:
        return f"<{self._trace.identity}@{self._trace.hostname}>" if self._rules.completes_head else ""

    async def _drain(self, draft: Draft) -> None:
        try:
            await draft.drain()
        except QueueTrouble as trouble:
            draft.abort()
            self._draft = None
            self._refusal = self._give_up(trouble)

    def _give_up(self, trouble: QueueTrouble | LookupTrouble) -> Reply:
        self.trouble = trouble
        self._on_end(self)
        if isinstance(trouble, LookupTrouble):
            return LOOKUP_TROUBLE
        return NO_ROOM if isinstance(trouble, QueueFull) else QUEUE_TROUBLE
