"""A socket to a server under time limits: replies come off it, commands go onto it.

The lower half of ``connection``: owns the transport, maps every foreign exception to ``Fault`` once, here, and knows nothing of what is said.
"""

import array
import asyncio
import collections
import fcntl
import os
import ssl
import termios
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import cast

from services.kernel.mail.reply import Reply
from services.kernel.smtp.certificates import Standing
from services.kernel.smtp.client import Manner, Verb
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.smtp.client_reply import ReplyFault, ReplyReader
from services.kernel.smtp.dialogue import Dialogue

SECONDS: Mapping[Verb, float] = {
    Verb.CONNECT: 30.0,  # Postfix smtp_connect_timeout
    Verb.GREETING: 300.0,  # RFC 5321 section 4.5.3.2.1
    Verb.EHLO: 300.0,  # Postfix smtp_helo_timeout; the RFC is silent
    Verb.HELO: 300.0,
    Verb.LHLO: 300.0,  # Postfix lmtp_lhlo_timeout
    Verb.STARTTLS: 300.0,  # Postfix smtp_starttls_timeout
    Verb.AUTH: 300.0,  # for each reply; Postfix has smtp_helo_timeout here
    Verb.XFORWARD: 300.0,  # Postfix smtp_xforward_timeout
    Verb.MAIL: 300.0,  # RFC 5321 section 4.5.3.2.2
    Verb.RCPT: 300.0,  # RFC 5321 section 4.5.3.2.3
    Verb.DATA: 120.0,  # RFC 5321 section 4.5.3.2.4
    Verb.CONTENT: 180.0,  # RFC 5321 section 4.5.3.2.5, for each block
    Verb.DOT: 600.0,  # RFC 5321 section 4.5.3.2.6
    Verb.BDAT: 600.0,  # as for the dot: the last chunk ends the message
    Verb.RSET: 20.0,  # Postfix smtp_rset_timeout
}
"""The longest wait for each reply."""


UNREAD_BYTES = 4 * 1024 * 1024
"""The most that a server may say ahead: 1,000 recipients with the longest reply of RFC 5321 section 4.5.3.1.5 have 512 KB. More is a server
that talks and does not listen."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a server. ``host`` is its name, for reports; without an address it is the path of a Unix socket."""

    host: str
    address: str
    port: int

    def __str__(self) -> str:
        """Postfix's way to write it: ``mx.example[192.0.2.1]:25``."""
        return f"{self.host}[{self.address}]:{self.port}"


OnStep = Callable[["Wire", Verb, Reply | Fault | None], None]
"""Told of each reply and of what it answers; without a reply when a connection or TLS is there, with a fault that is got over."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How to open a connection. ``context`` is made from ``manner.tls`` and needed unless that says ``none``; ``now`` judges certificates."""

    manner: Manner
    context: ssl.SSLContext | None = None
    seconds: Mapping[Verb, float] = field(default_factory=lambda: SECONDS)
    source: str = ""
    """Our address, where the system shall not choose it."""
    now: Callable[[], datetime] = lambda: datetime.now(UTC)
    on_step: OnStep | None = None
    """For whoever wants to see how a session comes about."""


class Wire(asyncio.Protocol):
    """One connection. A wait ends with a reply, with room to write, or with a ``Fault``."""

    def __init__(self, endpoint: Endpoint, terms: Terms) -> None:
        self.endpoint = endpoint
        self.dialogue = Dialogue()
        """What was said since the connection was opened or, after the first message, since the last one began."""
        self.standing: Standing | None = None
        """What the server's certificate proved; ``None`` in clear text."""
        self._terms = terms
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = ReplyReader()
        self._replies: collections.deque[Reply] = collections.deque()
        self._unread_bytes = 0
        """Of replies that are here and not taken yet."""
        self._waiter: asyncio.Future[None] | None = None
        self._fault: Fault | None = None
        self._is_paused = False
        self._is_busy = True
        self._awaited = Verb.GREETING
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._socket = -1
        self._is_over = False
        self._is_unread = False

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        self._unread_bytes += len(data)
        if self._unread_bytes > UNREAD_BYTES:
            self._replies.clear()  # more than could be answers: none of it is believed
            self._fail(FaultKind.PROTOCOL, "replies without end")
            return
        try:
            self._replies.extend(self._reader.feed(data))
        except ReplyFault as fault:
            self._fail(FaultKind.PROTOCOL, str(fault))
            return
        if not self._is_busy:  # RFC 5321 section 3.8: a server that speaks unasked is going to close
            self.close()
        elif self._replies:
            self._wake()

    def eof_received(self) -> bool:
        self._note_unread()
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        self._note_unread()
        # a reset answers bytes that nobody will read any more (RFC 9293 section 3.10.7.1), and those we sent last are read last
        self._is_unread = self._is_unread or isinstance(exc, ConnectionResetError | BrokenPipeError)
        if self._socket >= 0:
            os.close(self._socket)
            self._socket = -1
        self._fail(FaultKind.LOST, f"lost connection: {exc}" if exc else "lost connection")

    def _note_unread(self) -> None:
        """At the server's end of the connection: what that did not acknowledge will not be read. Later it may be the end of TLS that waits."""
        if not self._is_over and self._transport is not None:
            self._is_over = True
            self._is_unread = _unacknowledged(self._socket if self._socket >= 0 else _descriptor(self._transport)) > 0

    def keep_socket(self) -> None:
        """Under TLS the socket is closed before we hear of the end: keep one that can be asked."""
        if self._transport is not None and (descriptor := _descriptor(self._transport)) >= 0:
            self._socket = os.dup(descriptor)

    def pause_writing(self) -> None:
        self._is_paused = True

    def resume_writing(self) -> None:
        self._is_paused = False
        self._wake()

    # For the owner.

    @property
    def is_open(self) -> bool:
        """Whether the connection can still be used, as far as is known."""
        return self._fault is None

    @property
    def tls(self) -> ssl.SSLObject | None:
        """The TLS session, if there is one."""
        return self._transport.get_extra_info("ssl_object") if self._transport is not None else None

    @property
    def _has_unread(self) -> bool:
        """Whether the server said more than it was asked; its replies could then be taken for answers to the next message."""
        return bool(self._replies) or self._reader.has_rest

    def rest(self) -> None:
        """Nothing is asked for now: what the server says from here on closes the connection."""
        self._is_busy = False

    def close(self) -> None:
        """Say QUIT and go without waiting for the answer (Postfix ``smtp_skip_quit_response``)."""
        if self._fault is None and self._transport is not None:
            self._transport.write(b"QUIT\r\n")
            self._fail(FaultKind.LOST, "closed here", abort=False)
            self._transport.close()

    def abort(self) -> None:
        """Go without a word: the session is in an unknown state."""
        self._fail(FaultKind.LOST, "given up here")
    def tell_step(self, verb: Verb, what: Reply | Fault | None = None) -> None:
        """Tell whoever looks on."""
        if self._terms.on_step is not None:
            self._terms.on_step(self, verb, what)

    # Waiting, under a time limit.

    def _write(self, data: bytes) -> None:
        self.dialogue.turns.append(data)
        self._push(data)

    def _push(self, data: bytes) -> None:
        if self._fault is None and self._transport is not None:
            self._transport.write(data)

    async def _reply(self, verb: Verb) -> Reply:
        """The next reply. What the server said before it closed still counts. Raises ``Fault``."""
        if not self._replies:
            await self._wait(verb)
        if self._replies:
            reply = self._replies.popleft()
            if not self._replies:
                self._unread_bytes = 0
            if verb is Verb.AUTH and self._terms.manner.login is not None:
                reply = self._terms.manner.login.conceal(reply)
                reply = reply if reply.code == 334 else self.dialogue.conceal(reply)
            self.dialogue.turns.append(reply)
            self.tell_step(verb, reply)
            return reply
        raise self._lost(verb)

    async def _writable(self) -> None:
        while self._is_paused and self._fault is None:
            await self._wait(Verb.CONTENT)
        if self._fault is not None and not self._replies:
            raise self._lost(Verb.CONTENT)

    async def _wait(self, verb: Verb) -> None:
        """Wait until something happens that ``verb`` may be waiting for, or a fault."""
        self._awaited = verb
        self._limit(self._terms.seconds[verb])
        while self._fault is None and not (self._replies if verb is not Verb.CONTENT else not self._is_paused):
            self._waiter = self._loop.create_future()
            await self._waiter
        self._deadline = 0.0

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _lost(self, verb: Verb) -> Fault:
        assert self._fault is not None
        kind = FaultKind.TLS if verb is Verb.STARTTLS else self._fault.kind
        self.dialogue.turns.append(f"{self._fault.text}, waiting for the reply to {verb}")
        return Fault(kind, verb, self._fault.text)

    def _fail(self, kind: FaultKind, text: str, *, abort: bool = True) -> None:
        """Remember the first fault, close, and wake whoever waits."""
        if self._fault is not None:
            return
        self._fault = Fault(kind, self._awaited, text)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if abort and self._transport is not None:
            self._transport.abort()
        self._wake()

    def _limit(self, seconds: float) -> None:
        """Set the deadline of the next wait. The timer is left in place when it rings early enough: it looks again."""
        self._deadline = self._loop.time() + seconds
        if self._timer is not None and self._timer.when() > self._deadline:
            self._timer.cancel()
            self._timer = None
        if self._timer is None:
            self._timer = self._loop.call_at(self._deadline, self._ring)

    def _ring(self) -> None:
        self._timer = None
        if not self._deadline:
            return
        if self._loop.time() >= self._deadline:
            self._fail(FaultKind.TIMED_OUT, "timed out")
        else:
            self._timer = self._loop.call_at(self._deadline, self._ring)


def _descriptor(transport: asyncio.Transport) -> int:
    socket = transport.get_extra_info("socket")
    return socket.fileno() if socket is not None else -1


def _unacknowledged(descriptor: int) -> int:
    """How many bytes the other end has not acknowledged (tcp(7), SIOCOUTQ); 0 where that cannot be told."""
    count = array.array("i", [0])
    try:
        fcntl.ioctl(descriptor, termios.TIOCOUTQ, count)
    except (OSError, ValueError):
        return 0
    return count[0]
