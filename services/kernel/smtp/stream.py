"""The two directions of one connection: buffered input with time limits, replies collected until the client is waited for.

Replies to pipelined commands leave in one write (RFC 2920 section 3.2). Input that nobody reads stops the transport at
``HIGH_WATER_BYTES``. One timer a connection watches all waits: it is set anew only when it fires.
"""

import asyncio
import contextlib

HIGH_WATER_BYTES = 256 * 1024
"""The largest block uvloop reads at once; a session holds at most twice this."""


class SessionOver(Exception):
    """There will be no more input. ``args[0]`` says why, in one word."""


class Lost(SessionOver):
    """The client is gone, or has closed its side and all it sent is read."""


class TimedOut(SessionOver):
    """The client was silent for too long."""


class Stopping(SessionOver):
    """This server is being stopped."""


class LineTooLong(Exception):
    """The line was longer than allowed; it has been read to its end and dropped."""


class Stream:
    """Input and output of one connection; ``feed``, ``feed_eof`` and the writing switches are for its protocol."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self.transport = transport
        self._loop = loop
        self._buffer = bytearray()
        self._replies: list[bytes] = []
        self._waiter: asyncio.Future[None] | None = None
        self._over: SessionOver | None = None
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._is_paused = False
        self._can_write = True

    # -- for the protocol

    def feed(self, data: bytes) -> None:
        """Take what came in."""
        self._buffer += data
        self._wake()
        if len(self._buffer) > HIGH_WATER_BYTES and not self._is_paused:
            self._is_paused = True
            self.transport.pause_reading()

    def end(self, over: SessionOver) -> None:
        """No more input will come; the first reason counts. What is buffered is still read unless the server stops."""
        if self._over is None or isinstance(over, Stopping):
            self._over = over
        self._can_write = self._can_write or isinstance(over, Lost)
        self._wake()

    def allow_writing(self, allowed: bool) -> None:
        """The transport's write buffer is full, or is empty again."""
        self._can_write = allowed
        if allowed:
            self._wake()

    def replace(self, transport: asyncio.Transport) -> None:
        """Go on over another transport (STARTTLS): what was in the buffer came in clear text and is forgotten (RFC 3207 section 4.2)."""
        self.transport = transport
        self._buffer.clear()
        self._is_paused = False

    def close(self) -> None:
        """Send what is collected and close."""
        if self._timer is not None:
            self._timer.cancel()
        self.flush()
        self.transport.close()

    # -- for the session

    @property
    def has_input(self) -> bool:
        """The client has sent something that is not read yet."""
        return bool(self._buffer)

    def put(self, reply: bytes) -> None:
        """Collect a reply; it leaves when input is waited for, or with ``flush``."""
        self._replies.append(reply)

    def flush(self) -> None:
        """Send the collected replies."""
        if self._replies:
            self.transport.write(b"".join(self._replies) if len(self._replies) > 1 else self._replies[0])
            self._replies.clear()

    async def line(self, limit: int, seconds: float) -> bytes:
        """Return the next line with its line end, whole within ``seconds``. Raises ``LineTooLong`` and ``SessionOver``."""
        deadline = self._loop.time() + seconds
        seen = 0
        is_long = False
        while True:
            self._refuse_when_stopping()
            end = self._buffer.find(b"\n", seen)
            if end >= 0:
                line = self._take(end + 1)
                if is_long or len(line) > limit:
                    raise LineTooLong
                return line
            if len(self._buffer) > limit:
                is_long = True
                self._take(len(self._buffer))
            seen = len(self._buffer)
            await self._more(deadline)

    async def block(self, seconds: float, most: int = HIGH_WATER_BYTES * 2) -> bytes:
        """Return whatever has come, at least one byte and at most ``most``, within ``seconds``. Raises ``SessionOver``."""
        self._refuse_when_stopping()
        if not self._buffer:
            await self._more(self._loop.time() + seconds)
        return self._take(min(most, len(self._buffer)))

    def unread(self, data: bytes) -> None:
        """Put back what was read too much."""
        self._buffer[:0] = data

    def _refuse_when_stopping(self) -> None:
        if isinstance(self._over, Stopping):
            raise self._over

    def _take(self, count: int) -> bytes:
        if count == len(self._buffer):
            data = bytes(self._buffer)
            self._buffer.clear()
        else:
            data = bytes(self._buffer[:count])
            del self._buffer[:count]
        if self._is_paused and len(self._buffer) <= HIGH_WATER_BYTES:
            self._is_paused = False
            with contextlib.suppress(RuntimeError):  # closed meanwhile
                self.transport.resume_reading()
        return data

    async def _more(self, deadline: float) -> None:
        """Wait until the buffer has grown, and the client has taken what we wrote."""
        had = len(self._buffer)
        self.flush()
        while not self._can_write or len(self._buffer) == had:
            if self._over is not None:
                raise self._over
            self._arm(deadline)
            self._waiter = self._loop.create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _arm(self, deadline: float) -> None:
        self._deadline = deadline
        if self._timer is not None and self._timer.when() > deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if self._waiter is None:
            return
        if self._loop.time() >= self._deadline - 0.001:  # uvloop's clock has milliseconds
            self.end(TimedOut("timeout"))
        else:
            self._arm(self._deadline)
