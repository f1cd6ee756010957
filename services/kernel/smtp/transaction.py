"""One mail transaction of a session: MAIL, RCPT, then the content by DATA or BDAT (RFC 5321 section 3.3, RFC 3030).

Each method takes the argument of a command and returns its reply; after content LMTP has one for each accepted recipient. However
a transaction ends, a sink that was begun is either finished or aborted.
"""

import re
from collections.abc import Sequence

from services.kernel.mail.reply import Reply
from services.kernel.smtp import replies
from services.kernel.smtp.commands import Mail, Malformed, parse_mail, parse_rcpt
from services.kernel.smtp.data import ChunkReader, ContentCheck, DotReader
from services.kernel.smtp.handler import Handler, Rules, Sink
from services.kernel.smtp.stream import Stream

_CHUNK = re.compile(r"([0-9]{1,20})(?: +(LAST))?", re.IGNORECASE)


class OutOfStep(Exception):
    """What follows cannot be told from commands; ``reply`` is the last thing to say."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(str(reply))
        self.reply = reply


class Transaction:
    """The state of one session between MAIL and the end of the content; used again for the next message."""

    def __init__(self, rules: Rules, handler: Handler, stream: Stream) -> None:
        self._rules = rules
        self._handler = handler
        self._stream = stream
        self._mail: Mail | None = None
        self._tried = 0
        self._accepted = 0
        self._sink: Sink | None = None
        self._check = ContentCheck(rules.size_limit, rules.text_line_limit)
        self._chunks: ChunkReader | None = None

    @property
    def is_open(self) -> bool:
        """MAIL was accepted and the content is not finished."""
        return self._mail is not None

    def reset(self) -> None:
        """Forget the transaction (RFC 5321 section 4.1.1.5)."""
        if self._sink is not None:
            self._sink.abort()
        self._forget()
        self._handler.reset()

    def _forget(self) -> None:
        self._mail = None
        self._sink = None
        self._chunks = None
        self._tried = self._accepted = 0

    async def mail(self, argument: str) -> Reply:
        """MAIL."""
        if self._mail is not None:
            return replies.NESTED
        try:
            mail = parse_mail(argument, self._rules.private_parameters)
        except Malformed as fault:
            return fault.reply
        if mail.size > self._rules.size_limit:
            return replies.TOO_LARGE  # RFC 1870 section 6.1
        reply = await self._handler.mail(mail)
        if reply.is_positive:
            self._mail = mail
        return reply

    async def rcpt(self, argument: str) -> Reply:
        """RCPT."""
        if self._mail is None:
            return replies.NO_MAIL
        if self._chunks is not None:
            return replies.IN_CHUNKS
        self._tried += 1
        if self._accepted >= self._rules.recipient_limit:
            return replies.TOO_MANY_RECIPIENTS
        try:
            rcpt = parse_rcpt(argument, smtputf8=self._mail.smtputf8)
        except Malformed as fault:
            return fault.reply
        reply = await self._handler.rcpt(rcpt)
        self._accepted += reply.is_positive
        return reply

    async def data(self) -> Sequence[Reply]:
        """DATA with its content."""
        refusal = replies.IN_CHUNKS if self._chunks is not None else await self._begin()
        if refusal is not None:
            return (refusal,)
        self._stream.put(replies.GO_AHEAD.encode())
        reader = DotReader(self._check)
        while not reader.is_done:
            await self._write(reader.feed(await self._stream.block(self._rules.data_seconds)))
        if reader.rest:
            self._stream.unread(reader.rest)
        return await self._finish()

    async def chunk(self, argument: str) -> Sequence[Reply]:
        """BDAT with its chunk, which is read in any case, so that the session stays in step. Raises ``OutOfStep`` when its size is not known."""
        match = _CHUNK.fullmatch(argument)
        if match is None:
            raise OutOfStep(Reply(501, "5.5.4", "BDAT size [LAST] is expected"))
        refusal = None
        if self._chunks is None:
            refusal = await self._begin()
            self._chunks = ChunkReader(self._check) if refusal is None else None
        await self._read_chunk(int(match[1]))
        if refusal is not None:
            return (refusal,)
        if match[2]:
            return await self._finish()
        if self._check.fault is not None:
            reply = self._check.fault.value
            self.reset()
            return (reply,)
        return (Reply(250, "2.0.0", f"{match[1]} octets received"),)

    async def _begin(self) -> Reply | None:
        """Open a sink; return why not."""
        if self._mail is None:
            return replies.NO_MAIL
        if not self._accepted:
            return replies.NO_VALID_RCPT if self._tried and not self._rules.is_lmtp else replies.NO_RCPT  # RFC 2033 section 4.2
        sink = await self._handler.begin()
        if isinstance(sink, Reply):
            self.reset()
            return sink
        self._sink = sink
        self._check = ContentCheck(self._rules.size_limit, self._rules.text_line_limit)
        return None

    async def _read_chunk(self, remaining: int) -> None:
        while remaining:
            block = await self._stream.block(self._rules.data_seconds, remaining)
            remaining -= len(block)
            if self._chunks is not None:
                await self._write(self._chunks.feed(block))

    async def _write(self, content: bytes) -> None:
        """Pass content on; at the first fault the sink is given up, and with it what it holds."""
        if self._check.fault is not None and self._sink is not None:
            self._sink.abort()
            self._sink = None
        if content and self._sink is not None:
            await self._sink.write(content)

    async def _finish(self) -> Sequence[Reply]:
        """The content is complete: hand it over, or say what is wrong with it."""
        if self._chunks is not None:
            await self._write(self._chunks.close())
        accepted = self._accepted
        sink, self._sink = self._sink, None
        if sink is None:
            assert self._check.fault is not None
            answers: Sequence[Reply] = (self._check.fault.value,) * (accepted if self._rules.is_lmtp else 1)
        else:
            answers = await sink.finish()
        self._forget()
        self._handler.reset()
        return answers
