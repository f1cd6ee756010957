"""A handler that accepts, records and can be told to wait, and a server around it."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from services.kernel.mail.reply import Reply
from services.kernel.smtp.commands import Mail, Rcpt
from services.kernel.smtp.handler import Peer, Rules, Sink
from services.kernel.smtp.server import Server

OK = Reply(250, "2.0.0", "Ok")


@dataclass
class Record:
    """What all handlers of a server have seen. ``gate`` holds ``finish`` back while it is closed."""

    rules: Rules
    gate: asyncio.Event = field(default_factory=asyncio.Event)
    messages: list[bytes] = field(default_factory=list)
    blocks: list[int] = field(default_factory=list)
    rejections: list[str] = field(default_factory=list)
    endings: list[str] = field(default_factory=list)
    defects: list[BaseException] = field(default_factory=list)
    ended: asyncio.Event = field(default_factory=asyncio.Event)
    finishing: asyncio.Event = field(default_factory=asyncio.Event)
    aborted: int = 0
    fails_at: str = ""


class Recorder:
    """One connection's handler."""

    def __init__(self, record: Record, peer: Peer) -> None:
        self.record = record
        self.peer = peer
        self.recipients = 0

    async def connected(self) -> Reply | None:
        return None

    async def helo(self) -> Reply | None:
        return None

    def mechanisms(self) -> Sequence[str]:
        return ("TOKEN", "ASKING")

    def login(self, mechanism: str) -> "RecordingLogin | None":
        return RecordingLogin(self.peer, is_asked=mechanism == "ASKING") if mechanism in self.mechanisms() else None

    async def mail(self, mail: Mail) -> Reply:
        if self.record.fails_at == "mail":
            raise ValueError("secret cause")
        return OK

    async def rcpt(self, rcpt: Rcpt) -> Reply:
        if rcpt.recipient.startswith("no"):
            return Reply(550, "5.1.1", "no")
        self.recipients += 1
        return OK

    async def begin(self) -> Sink | Reply:
        return RecordingSink(self.record, self.recipients)

    def reset(self) -> None:
        self.recipients = 0

    def rejected(self, stage: str, reply: Reply, subject: str) -> None:
        self.record.rejections.append(f"{stage} {reply}")

    def ended(self, reason: str) -> None:
        self.record.endings.append(reason)
        self.record.ended.set()


class RecordingLogin:
    """Lets everybody in who says ``open``; ``ASKING`` asks before that."""

    def __init__(self, peer: Peer, *, is_asked: bool) -> None:
        self.peer = peer
        self.starts_with_client = not is_asked
        self._questions = [b"what?", b"really?"] if is_asked else []

    async def answer(self, response: bytes) -> bytes | Reply:
        if self._questions:
            return self._questions.pop(0)
        if response != b"open":
            return Reply(535, "5.7.8", "no")
        self.peer.login = "somebody"
        return Reply(235, "2.7.0", "Ok")


class RecordingSink:
    """Keeps the content."""

    def __init__(self, record: Record, recipients: int) -> None:
        self.record = record
        self.recipients = recipients
        self.content = b""

    async def write(self, block: bytes) -> None:
        self.record.blocks.append(len(block))
        self.content += block

    async def finish(self) -> Sequence[Reply]:
        self.record.finishing.set()
        await self.record.gate.wait()
        self.record.messages.append(self.content)
        if self.record.rules.is_lmtp:
            return [Reply(250, "2.1.5", f"recipient {n}") for n in range(self.recipients)]
        return [OK]

    def abort(self) -> None:
        self.record.aborted += 1


@dataclass
class Client:
    """A raw client."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def say(self, data: bytes) -> None:
        self.writer.write(data)
        await self.writer.drain()

    async def hear(self, code: bytes) -> bytes:
        """The next reply, which has this code."""
        lines = [await asyncio.wait_for(self.reader.readline(), 10)]
        while lines[-1][3:4] == b"-":
            lines.append(await asyncio.wait_for(self.reader.readline(), 10))
        assert lines[-1].startswith(code), lines
        return b"".join(lines)

    async def hear_nothing(self, seconds: float) -> None:
        """The server is silent for this long."""
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(self.reader.read(1), seconds)

    async def hear_end(self) -> bytes:
        """All up to the end of the connection."""
        return await asyncio.wait_for(self.reader.read(), 10)

    async def begin_data(self, recipients: int = 1) -> None:
        await self.hear(b"220")
        await self.say(b"EHLO c\r\nMAIL FROM:<a@b.test>\r\n" + b"RCPT TO:<c@d.test>\r\n" * recipients + b"DATA\r\n")
        for code in (b"250", b"250", *[b"250"] * recipients, b"354"):
            await self.hear(code)


@dataclass
class Running:
    """A server at work."""

    record: Record
    server: Server
    port: int

    async def connect(self) -> Client:
        return Client(*await asyncio.open_connection("127.0.0.1", self.port))


@asynccontextmanager
async def running(rules: Rules, fails_at: str = "") -> AsyncIterator[Running]:
    """Serve on any port; the gate is open."""
    record = Record(rules, fails_at=fails_at)
    record.gate.set()
    server = Server(rules, lambda peer: Recorder(record, peer), record.defects.append)
    port = await server.listen("127.0.0.1", 0)
    try:
        yield Running(record, server, port)
    finally:
        record.gate.set()
        await server.stop()
