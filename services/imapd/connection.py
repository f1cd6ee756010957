"""One client's connection: bytes in and out over asyncio, with TLS, time limits and backpressure both ways.

The session's task takes events from here in order. What it has not taken is bounded: reading pauses above ``HIGH_BYTES``. Output waits in
``drain`` while the client does not read. Every wait ends in ``Ending`` when the client is gone, time is up or the service stops.
"""

import asyncio
import ssl
from collections.abc import Callable
from typing import TypeVar, cast

from services.imapd import ending
from services.imapd.deflate import BadStream, Deflate
from services.imapd.ending import Ending
from services.imapd.grammar.framing import MAX_LINE_BYTES, Event, Framer
from services.kernel.runtime import tls

HIGH_BYTES = 4 * MAX_LINE_BYTES
"""Above the longest line, so that a line can always become whole; enough for a fast upload."""
LOW_BYTES = MAX_LINE_BYTES
OUTPUT_BYTES = 512 * 1024
"""Output that may wait in the transport before ``drain`` waits: one message in flight and one being made."""
HANDSHAKE_SECONDS = 30.0
"""Half of asyncio's default; a handshake is two round trips."""

T = TypeVar("T")


class Connection(asyncio.Protocol):
    """The adapter between the event loop and a session. ``begin`` is called with it once it is made."""

    def __init__(self, begin: Callable[["Connection"], None], stall_seconds: float) -> None:
        self.framer = Framer()
        self.client = ""
        self.bytes_in = 0
        self.bytes_out = 0
        self._begin = begin
        self._stall_seconds = stall_seconds
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._has_news = False
        self._waiter: asyncio.Future[None] | None = None
        self._can_write = asyncio.Event()
        self._can_write.set()
        self._is_reading = True
        self._is_eof = False
        self._is_lost = False
        self._is_stopping = False
        self._deflate: Deflate | None = None
        self._fault = ""

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance
        self._transport.set_write_buffer_limits(OUTPUT_BYTES)
        peer = transport.get_extra_info("peername")
        self.client = str(peer[0]) if isinstance(peer, tuple) else ""
        self._begin(self)

    def data_received(self, data: bytes) -> None:
        self.bytes_in += len(data)
        if self._deflate is None:
            self.framer.feed(data)
        elif not self._fault:
            self._deflate.feed(data)
            self._inflate()
        if self.framer.buffered > HIGH_BYTES or self._fault:
            self._pause()
        self.wake()

    def eof_received(self) -> bool:
        """Keep the connection: a client that closed its half may still wait for replies. TLS has no halves and closes."""
        self._is_eof = True
        self.wake()
        return not self.has_tls

    def connection_lost(self, exc: Exception | None) -> None:
        self._is_lost = True
        self.wake()
        self._can_write.set()

    def pause_writing(self) -> None:
        self._can_write.clear()

    def resume_writing(self) -> None:
        self._can_write.set()

    # For the session.

    @property
    def has_tls(self) -> bool:
        """Whether the connection is encrypted."""
        return bool(self.tls)

    @property
    def tls(self) -> str:
        """Version and cipher of TLS; empty without."""
        return tls.describe(self._transport.get_extra_info("ssl_object")) if self._transport else ""

    @property
    def certificate(self) -> bytes:
        """The certificate that was shown to the client (DER); empty without TLS."""
        return tls.shown_certificate(self._transport.get_extra_info("ssl_object")) if self._transport else b""

    async def next_event(self, seconds: float) -> Event:
        """Return the next event of the input. Raises ``Ending``."""
        return await self._next(self.framer.next_event, seconds)

    async def next_event_or_bell(self, seconds: float) -> Event | None:
        """Return the next event, or ``None`` when there may be something else to do first. Raises ``Ending``."""
        event = self.framer.next_event()
        if event is None:
            if not await self.wait(seconds):
                raise ending.idle()
            event = self.framer.next_event()
        return event

    async def next_line(self, seconds: float) -> bytes:
        """Return the next line as it is. Raises ``Ending``."""
        return await self._next(self.framer.take_line, seconds)

    async def wait(self, seconds: float) -> bool:
        """Wait for input or ``wake``; return false when neither came. Raises ``Ending``."""
        self.check()
        if self._is_eof:
            raise ending.lost()
        if self._is_stopping:
            raise ending.stopping()
        if self.framer.buffered < LOW_BYTES:
            if self._inflate():
                await asyncio.sleep(0)  # little input may be much work: the others have their turns
                return True
            self._resume()
        return await self._next_news(seconds)

    async def pause(self, seconds: float) -> None:
        """Let time pass whatever the client says; no longer than it stays and the service runs."""
        await self._pass(seconds, lambda: self._is_lost or self._is_stopping)

    async def _pass(self, seconds: float, is_over: Callable[[], bool]) -> None:
        end = self._loop.time() + seconds
        while not is_over() and (left := end - self._loop.time()) > 0:
            await self._next_news(left)

    def wake(self) -> None:
        """End a ``wait``."""
        self._has_news = True
        self._end_wait()

    def _end_wait(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    async def _next_news(self, seconds: float) -> bool:
        """Return whether there was news in so much time; by hand, since hundreds of sessions may be woken at once."""
        if not self._has_news:
            self._waiter = self._loop.create_future()
            timer = self._loop.call_later(max(seconds, 0.0), self._end_wait)
            try:
                await self._waiter
            finally:
                timer.cancel()
                self._waiter = None
        has_news, self._has_news = self._has_news, False
        return has_news

    def stop(self) -> None:
        """Have the session end once all commands that have come in are done."""
        self._is_stopping = True
        self.wake()

    def check(self) -> None:
        """Raise ``Ending`` when the client is gone, or sends what nobody can read."""
        if self._is_lost:
            raise ending.lost()
        if self._fault:
            raise Ending(f"compression: {self._fault}")

    def write(self, data: bytes) -> None:
        """Send data, without waiting."""
        if self._transport is not None and not self._is_lost and data:
            sent = self._deflate.pack(data) if self._deflate is not None else data
            self.bytes_out += len(sent)
            self._transport.write(sent)

    @property
    def can_take_more(self) -> bool:
        """Whether ``drain`` would not wait."""
        return self._can_write.is_set()

    async def drain(self) -> None:
        """Wait until the client has taken most of what was sent. Raises ``Ending``."""
        if not self._can_write.is_set():
            try:
                async with asyncio.timeout(self._stall_seconds):
                    await self._can_write.wait()
            except TimeoutError:
                raise ending.stalled() from None
        self.check()

    async def start_tls(self, context: ssl.SSLContext) -> None:
        """Encrypt the connection, after ``hold``. Raises ``Ending`` when the handshake fails."""
        assert self._transport is not None
        try:
            upgraded = await self._loop.start_tls(self._transport, self, context, server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS)
        except (OSError, TimeoutError) as error:
            raise Ending(f"TLS: {error}") from None
        if upgraded is None:
            raise ending.lost()
        self._transport = upgraded
        self._transport.set_write_buffer_limits(OUTPUT_BYTES)
        self._is_reading = True

    @property
    def is_compressed(self) -> bool:
        """Whether ``compress`` was called."""
        return self._deflate is not None

    def compress(self) -> None:
        """Compress what is said from here on; what has come in behind the command is compressed already (RFC 4978 section 3)."""
        self._deflate = Deflate()
        self._deflate.feed(self.framer.take_rest())
        self._inflate()

    def _inflate(self) -> bool:
        """Give the framer input as far as it has room; return whether there was any."""
        if self._deflate is None or self._fault:
            return False
        before = self.framer.buffered
        try:
            while self._deflate.has_more and self.framer.buffered <= HIGH_BYTES:
                self.framer.feed(self._deflate.take())
        except BadStream as fault:
            self._fault = str(fault)
            self._pause()
        return self.framer.buffered > before

    def hold(self) -> None:
        """Forget what the client sent and read no more before ``start_tls``: nothing said in the clear may count (RFC 3501 section 6.2.1)."""
        self._pause()
        self.framer.discard()

    def abort(self) -> None:
        """Close at once, whatever is left to send."""
        if self._transport is not None:
            self._transport.abort()

    async def finish(self, seconds: float) -> None:
        """Close when what is left is sent, but cut after ``seconds``."""
        if self._transport is None:
            return
        self._transport.close()
        await self._pass(seconds, lambda: self._is_lost)
        if not self._is_lost:
            self.abort()

    async def _next(self, take: Callable[[], T | None], seconds: float) -> T:
        deadline = self._loop.time() + seconds
        while (found := take()) is None:
            if not await self.wait(deadline - self._loop.time()):
                raise ending.idle()
        return found

    def _pause(self) -> None:
        if self._is_reading and self._transport is not None:
            self._transport.pause_reading()
            self._is_reading = False

    def _resume(self) -> None:
        if not self._is_reading and self._transport is not None:
            self._transport.resume_reading()
            self._is_reading = True
