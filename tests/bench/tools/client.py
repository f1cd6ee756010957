"""A plain SMTP client, for what smtp-source does not do: a message to several mailboxes, or at a chosen time."""

import asyncio
from collections.abc import Iterable

BODY_LINE = b"x" * 76 + b"\r\n"
SECONDS = 120.0
"""For one message; a server that takes longer has hung."""


async def send(server: str, mailboxes: Iterable[int], size_bytes: int, header: bytes = b"") -> None:
    """One message to these mailboxes over a connection of its own. Raises ``ConnectionError`` when anything is refused, ``TimeoutError``."""
    async with asyncio.timeout(SECONDS):
        await _send(server, mailboxes, size_bytes, header)


async def _send(server: str, mailboxes: Iterable[int], size_bytes: int, header: bytes) -> None:
    reader, writer = await asyncio.open_connection(server, 25)

    async def say(words: bytes, code: bytes) -> None:
        if words:
            writer.write(words + b"\r\n")
        while (line := await reader.readline())[3:4] == b"-":
            pass
        if not line.startswith(code):
            raise ConnectionError(f"{words[:40]!r} was answered {line!r}")

    await say(b"", b"220")
    await say(b"EHLO client.world.test", b"250")
    await say(b"MAIL FROM:<carol@world.test>", b"250")
    for number in mailboxes:
        await say(b"RCPT TO:<bench%d@example.test>" % number, b"250")
    await say(b"DATA", b"354")
    content = b"From: <carol@world.test>\r\nSubject: bench\r\n" + header + b"\r\n" + BODY_LINE * (size_bytes // len(BODY_LINE))
    await say(content + b".", b"250")
    await say(b"QUIT", b"221")
    writer.close()


async def send_many(server: str, sessions: int, messages: int, size_bytes: int, recipients: int) -> None:
    """As many messages over so many sessions at a time, each to the first ``recipients`` mailboxes."""
    left = iter(range(messages))

    async def work() -> None:
        for _ in left:
            await send(server, range(recipients), size_bytes)

    async with asyncio.TaskGroup() as tasks:
        for _ in range(sessions):
            tasks.create_task(work())
