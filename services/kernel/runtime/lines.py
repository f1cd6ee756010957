"""A connection as lines: bounded buffers both ways, time limits on every wait, and TLS from the middle of it."""

import asyncio
import ssl
from collections.abc import Callable
from typing import cast

from services.kernel.runtime.tls import describe, shown_certificate

READ_AHEAD_BYTES = 1 << 16
"""What a client may pipeline before it is read no further."""
HANDSHAKE_SECONDS = 30.0
"""More than any client on a slow line takes; part of the time for the sign-in."""


class LineTooLong(Exception):
    """The client sent a line over the limit; it has been thrown away up to its end or to what had come of it."""


class LineStream(asyncio.Protocol):
    """One client. A single task reads and writes; every wait ends with ``TimeoutError`` or ``ConnectionError`` at the latest."""

    def __init__(self, on_connect: "Callable[[LineStream], None]", limit_bytes: int) -> None:
        self._on_connect = on_connect
        self._limit_bytes = limit_bytes
        self._buffer = bytearray()
        self._searched = 0
        self._is_skipping = False
        self._has_ended = False
        self._is_lost = False
        self._may_write = True
        self._changed = asyncio.Event()
        self._transport: asyncio.Transport | None = None
        self.client = ""
        """The address of the peer."""
        self.sent_bytes = 0

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        is_first = self._transport is None
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        if is_first:
            peer = transport.get_extra_info("peername")
            self.client = str(peer[0]) if isinstance(peer, tuple) else ""
            self._on_connect(self)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if len(self._buffer) > READ_AHEAD_BYTES and self._transport is not None:
            self._transport.pause_reading()
        self._changed.set()

    def eof_received(self) -> bool:
        """Keep the writing side: what a client asked before it closed its side is still answered."""
        self._has_ended = True
        self._changed.set()
        return self._transport is not None and self._transport.get_extra_info("ssl_object") is None

    def pause_writing(self) -> None:
        self._may_write = False

    def resume_writing(self) -> None:
        self._may_write = True
        self._changed.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._has_ended = self._is_lost = True
        self._changed.set()

    # Called by the session's task.

    @property
    def certificate(self) -> bytes:
        """The certificate that we showed, in DER; empty in clear text."""
        return shown_certificate(self._transport.get_extra_info("ssl_object")) if self._transport else b""

    @property
    def tls(self) -> str:
        """The TLS session in words; empty in clear text."""
        return describe(self._transport.get_extra_info("ssl_object")) if self._transport else ""

    async def line(self, seconds: float) -> bytes | None:
        """Return the next line without its end, ``None`` when there are no more. Raises ``LineTooLong``, ``TimeoutError``."""
        async with asyncio.timeout(seconds):
            while (line := self._take_line()) is None:
                if self._has_ended:
                    return None
                await self._wait()
        return line

    async def octets(self, count: int, seconds: float) -> bytes | None:
        """Return the next octets, whatever they are; ``None`` when the client ends before. The caller bounds ``count``. Raises ``TimeoutError``."""
        pieces = list[bytes]()
        async with asyncio.timeout(seconds):
            while count > 0:
                piece = bytes(self._buffer[:count])
                self._drop(len(piece))
                pieces.append(piece)
                count -= len(piece)
                if count > 0 and not self._buffer:
                    if self._has_ended:
                        return None
                    await self._wait()
        return b"".join(pieces)

    async def write(self, data: bytes, seconds: float) -> None:
        """Send, waiting while the client takes nothing. Raises ``ConnectionError``, ``TimeoutError``."""
        if self._is_lost or self._transport is None:
            raise ConnectionResetError("the client is gone")
        self._transport.write(data)
        self.sent_bytes += len(data)
        if self._must_wait():
            async with asyncio.timeout(seconds):
                while self._must_wait():
                    await self._wait()

    async def start_tls(self, context: ssl.SSLContext, seconds: float) -> None:
        """Begin TLS as the server. What came in the clear and was not read is thrown away: it may be an attacker's. Raises ``OSError``."""
        if self._is_lost or self._transport is None:
            raise ConnectionResetError("the client is gone")
        self._buffer.clear()
        self._searched = 0
        loop = asyncio.get_running_loop()
        limit = min(seconds, HANDSHAKE_SECONDS)
        transport = await loop.start_tls(self._transport, self, context, server_side=True, ssl_handshake_timeout=limit)
        if transport is None:
            raise ConnectionResetError("the client is gone")
        self._transport = transport

    def refuse(self, text: bytes) -> None:
        """Say one thing and close, without a session."""
        if self._transport is not None:
            self._transport.write(text)
            self._transport.close()

    def close(self) -> None:
        """Close when all is sent."""
        if self._transport is not None:
            self._transport.close()

    def abort(self) -> None:
        """Close at once, whatever is unsent."""
        if self._transport is not None:
            self._transport.abort()

    def _take_line(self) -> bytes | None:
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            if self._searched > self._limit_bytes:
                self._is_skipping = True
                self._drop(self._searched)
            return None
        line = bytes(self._buffer[:end])
        self._drop(end + 1)
        was_skipping, self._is_skipping = self._is_skipping, False
        if was_skipping or end > self._limit_bytes:
            raise LineTooLong
        return line.removesuffix(b"\r")

    def _drop(self, count: int) -> None:
        del self._buffer[:count]
        self._searched = 0
        if len(self._buffer) <= READ_AHEAD_BYTES and self._transport is not None and not self._has_ended:
            self._transport.resume_reading()

    def _must_wait(self) -> bool:
        return not (self._may_write or self._is_lost)

    async def _wait(self) -> None:
        self._changed.clear()
        await self._changed.wait()
