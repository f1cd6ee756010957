"""A server that plays dialogues written as text, one a connection, in order.

``> line``      say it; `` | `` ends a line within one write
``< pattern``   hear a line that matches it whole
``= content``   hear content up to the dot
``* 123``       hear content of so many bytes
``! word``      do: ``close``, ``abort``, ``tls``, or ``wait`` for the other end to close

A connection beyond the last dialogue is refused by closing it, and counted.
"""

import asyncio
import re
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any

import uvloop


def play(scene: Coroutine[Any, Any, None]) -> None:
    """Run a scene on the loop of the services, under a time limit."""
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(asyncio.wait_for(scene, 30))


class Peer:
    """The server. ``contents`` are the messages heard, as they came, ``faults`` what did not go by the dialogue."""

    def __init__(self, dialogues: tuple[str, ...], context: ssl.SSLContext | None = None) -> None:
        self._dialogues = list(dialogues)
        self._context = context
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0
        self.connections = 0
        self.contents: list[bytes] = []
        self.faults: list[str] = []

    async def accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        self.connections += 1
        dialogue = self._dialogues.pop(0) if self._dialogues else "! close"
        try:
            for line in filter(None, map(str.strip, dialogue.splitlines())):
                await self._perform(line[0], line[2:], reader, writer)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.faults.append(f"{error!r}")
        finally:
            self._tasks.discard(task)
            writer.close()

    async def _perform(self, mark: str, words: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match mark:
            case ">":
                writer.write(words.replace(" | ", "\r\n").encode() + b"\r\n")
            case "<":
                line = (await reader.readuntil(b"\n")).decode().removesuffix("\r\n")
                if not re.fullmatch(words, line):
                    self.faults.append(f"expected {words}, heard {line}")
            case "=":
                content = await reader.readuntil(b"\r\n.\r\n")
                self.contents.append(content.removesuffix(b".\r\n"))
            case "*":
                self.contents.append(await reader.readexactly(int(words)))
            case "!":
                await self._do(words, reader, writer)

    async def _do(self, word: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        match word:
            case "close":
                writer.close()
            case "abort":
                writer.transport.abort()
            case "tls":
                assert self._context is not None
                await writer.drain()
                await writer.start_tls(self._context)
            case "wait":
                await reader.read()

    async def finish(self) -> None:
        """Wait until every dialogue that began has ended."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=10)


@asynccontextmanager
async def peer(*dialogues: str, host: str = "127.0.0.1", port: int = 0, context: ssl.SSLContext | None = None) -> AsyncIterator[Peer]:
    """A server for the dialogues; at the end all must have gone as written."""
    made = Peer(dialogues, context)
    server = await asyncio.start_server(made.accept, host, port, limit=2**24)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
        await made.finish()
        assert made.faults == []
    finally:
        server.close()
