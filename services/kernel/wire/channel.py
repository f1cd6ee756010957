"""A multiplexed request/response connection between two containers.

A frame is a 4-byte big-endian length, a 4-byte request number and a MessagePack body. Requests of one connection are
answered in any order. The types of both directions are fixed by the hop, so a frame that does not decode ends the
connection: the peer is of another version or not ours. Number 0 with no body is a health probe; it is sent back as it came.
"""

import asyncio
import contextlib
import os
import struct
from collections.abc import Awaitable, Callable
from typing import Any, Generic, TypeVar, cast
from weakref import WeakSet

import msgspec

from services.kernel.runtime.listening import own_addresses

_HEAD = struct.Struct(">II")
MAX_FRAME_BYTES = 16 * 1024 * 1024
"""More than a listing of 10,000 queue entries; a larger length is noise on the port."""

MAX_NUMBER = 2**32 - 1
PART_SECONDS = 4.0
"""How long who ends waits for those who have not read his last answers: they may wait for the processor, which a site at its limit shares out."""
SOCKET_MODE = 0o660

Request = TypeVar("Request")
Response = TypeVar("Response")


class ChannelLost(ConnectionError):
    """The connection ended before the answer came: whether the request was carried out is unknown."""


class _Framing(asyncio.Protocol):
    """Cuts the byte stream into frames and hands each to ``frame_received``."""

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._is_silent = False
        self.transport: asyncio.Transport | None = None
        self.closed = asyncio.Event()
        """Set when the connection has ended."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        buffer = self._buffer
        buffer += data
        start = 0
        while len(buffer) - start >= _HEAD.size:
            length, number = _HEAD.unpack_from(buffer, start)
            if length > MAX_FRAME_BYTES:
                self._refuse()
                return
            end = start + _HEAD.size + length
            if len(buffer) < end:
                break
            body = bytes(buffer[start + _HEAD.size : end])
            start = end
            if number == 0:
                self.send(0, b"")
                continue
            try:
                self.frame_received(number, body)
            except msgspec.DecodeError:
                self._refuse()
                return
        del buffer[:start]

    def _refuse(self) -> None:
        self._buffer.clear()
        if self.transport is not None:
            self.transport.abort()

    def frame_received(self, number: int, body: bytes) -> None:
        raise NotImplementedError

    def send(self, number: int, body: bytes) -> None:
        if self.transport is not None and not self._is_silent and not self.transport.is_closing():
            self.transport.write(_HEAD.pack(len(body), number) + body)


class ChannelClient(_Framing, Generic[Request, Response]):
    """The asking side of one connection. Make it with ``connect``."""

    def __init__(self, response: type[Response]) -> None:
        super().__init__()
        self._encoder = msgspec.msgpack.Encoder()
        self._decoder = msgspec.msgpack.Decoder(response)
        self._number = 0
        self._waiting: dict[int, asyncio.Future[Response]] = {}
        self.is_open = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        self.is_open = True

    def frame_received(self, number: int, body: bytes) -> None:
        response = self._decoder.decode(body)  # before the question is taken out: without an answer it is lost with the connection
        future = self._waiting.pop(number, None)
        if future is not None and not future.done():
            future.set_result(response)

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self.closed.set()
        waiting, self._waiting = self._waiting, {}
        for future in waiting.values():
            if not future.done():
                future.set_exception(ChannelLost("the other end closed the connection"))

    async def call(self, request: Request) -> Response:
        """Ask, and wait for the answer. Raises ``ChannelLost``; the caller sets the time limit."""
        return await self.ask(request)

    def ask(self, request: Request) -> asyncio.Future[Response]:
        """Ask, and return what will be the answer or ``ChannelLost``. Cancelling it forgets the question; the caller sets the time limit."""
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        if not self.is_open:
            future.set_exception(ChannelLost("not connected"))
            return future
        number = self._number = self._number % MAX_NUMBER + 1
        self._waiting[number] = future
        self.send(number, self._encoder.encode(request))
        future.add_done_callback(lambda _: self._waiting.pop(number, None))
        return future

    def close(self) -> None:
        """End the connection; what is waiting gets ``ChannelLost``."""
        if self.transport is not None:
            self.transport.close()


async def connect(address: str, response: type[Response]) -> ChannelClient[Request, Response]:
    """Connect to ``unix:/path`` or ``tcp:host:port``. Raises ``OSError``."""
    loop = asyncio.get_running_loop()
    client: ChannelClient[Request, Response] = ChannelClient(response)
    kind, _, rest = address.partition(":")
    if kind == "unix":
        await loop.create_unix_connection(lambda: client, rest)
        return client
    host, _, port = rest.rpartition(":")
    await loop.create_connection(lambda: client, host, int(port))
    return client


class ChannelServer(_Framing, Generic[Request, Response]):
    """The answering side of one connection: each request runs ``handler`` as a task of its own.

    ``handler`` turns every trouble into a response. One that raises nevertheless is a defect: it is passed to ``on_defect`` and
    ends the connection, so that the caller learns at once that it gets no answer. When the caller is gone its requests are cancelled.
    """

    def __init__(
        self,
        request: type[Request],
        handler: Callable[[Request], Awaitable[Response]],
        on_defect: Callable[[BaseException], None],
    ) -> None:
        super().__init__()
        self._decoder = msgspec.msgpack.Decoder(request)
        self._encoder = msgspec.msgpack.Encoder()
        self._handler = handler
        self._on_defect = on_defect
        self._tasks: set[asyncio.Task[None]] = set()

    def frame_received(self, number: int, body: bytes) -> None:
        request = self._decoder.decode(body)
        task = asyncio.get_running_loop().create_task(self._answer(number, request))
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def _answer(self, number: int, request: Request) -> None:
        response = await self._handler(request)
        self.send(number, self._encoder.encode(response))

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if task.cancelled():
            return
        defect = task.exception()
        if defect is not None:
            self._on_defect(defect)
            self._refuse()

    def say_goodbye(self) -> None:
        """Say nothing more; what comes is still read."""
        self._is_silent = True
        if self.transport is not None and not self.transport.is_closing():
            self.transport.write_eof()

    def connection_lost(self, exc: Exception | None) -> None:
        self.closed.set()
        for task in self._tasks:
            task.cancel()


class Listener:
    """Where a hop is served."""

    def __init__(self) -> None:
        self.server: asyncio.Server
        self.connections: WeakSet[ChannelServer[Any, Any]] = WeakSet()

    def close(self) -> None:
        """Take no more connections."""
        self.server.close()

    async def part(self) -> None:
        """Return when all who are connected have read what was said to them, or after ``PART_SECONDS``.

        A process that ends with a request unread resets the connection, and then its peer may lose the answers that he has not read yet: what was
        delivered would be delivered again. So each is told that nothing more comes, and hangs up when he reads that, after all answers.
        """
        connections = list(self.connections)
        for connection in connections:
            connection.say_goodbye()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(PART_SECONDS):
                for connection in connections:
                    await connection.closed.wait()


async def listen(
    address: str,
    request: type[Request],
    handler: Callable[[Request], Awaitable[Response]],
    on_defect: Callable[[BaseException], None],
) -> Listener:
    """Serve ``handler`` on ``unix:/path`` or ``tcp:host:port``. Raises ``OSError`` when the address cannot be bound.

    A Unix socket is for owner and group. It is bound under another name and renamed, so that nobody meets one that answers nothing.
    """
    loop, listener = asyncio.get_running_loop(), Listener()

    def protocol() -> ChannelServer[Request, Response]:
        connection = ChannelServer(request, handler, on_defect)
        listener.connections.add(connection)
        return connection

    kind, _, rest = address.partition(":")
    if kind == "unix":
        with contextlib.suppress(FileNotFoundError):
            os.unlink(f"{rest}.new")
        listener.server = await loop.create_unix_server(protocol, f"{rest}.new")
        os.chmod(f"{rest}.new", SOCKET_MODE)
        os.rename(f"{rest}.new", rest)
        return listener
    host, _, port = rest.rpartition(":")
    listener.server = await loop.create_server(protocol, await own_addresses(host), int(port))
    return listener
