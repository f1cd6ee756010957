"""One connection to an SMTP or LMTP server, over asyncio.

The adapter between the protocol of ``client`` and a socket: it owns the transport and the time limits, and maps every foreign exception to
``Fault`` once, here. One task uses a connection at a time. Whoever gets a ``Fault``, or is cancelled in the middle, finds the connection closed.
"""

import asyncio
import collections
import contextlib
import errno
import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import cast

from services.kernel.mail.reply import Reply
from services.kernel.smtp.client import Answer, Manner, Opening, Send, Step, TlsUse, Transaction, Verb
from services.kernel.smtp.client_content import ContentTrouble, Extent, Stuffing
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_extensions import Extensions
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.smtp.client_reply import ReplyFault, ReplyReader

SECONDS: Mapping[Verb, float] = {
    Verb.CONNECT: 30.0,  # Postfix smtp_connect_timeout
    Verb.GREETING: 300.0,  # RFC 5321 section 4.5.3.2.1
    Verb.EHLO: 300.0,  # Postfix smtp_helo_timeout; the RFC is silent
    Verb.HELO: 300.0,
    Verb.LHLO: 300.0,  # Postfix lmtp_lhlo_timeout
    Verb.STARTTLS: 300.0,  # Postfix smtp_starttls_timeout
    Verb.MAIL: 300.0,  # RFC 5321 section 4.5.3.2.2
    Verb.RCPT: 300.0,  # RFC 5321 section 4.5.3.2.3
    Verb.DATA: 120.0,  # RFC 5321 section 4.5.3.2.4
    Verb.CONTENT: 180.0,  # RFC 5321 section 4.5.3.2.5, for each block
    Verb.DOT: 600.0,  # RFC 5321 section 4.5.3.2.6
    Verb.RSET: 20.0,  # Postfix smtp_rset_timeout
}
"""The longest wait for each reply."""
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One address of a server. ``host`` is its name, used for SNI and in reports."""

    host: str
    address: str
    port: int


@dataclass(frozen=True, slots=True)
class Terms:
    """How to open a connection. ``context`` is for STARTTLS and needed unless ``manner.tls`` is ``none``."""

    manner: Manner
    context: ssl.SSLContext | None = None
    seconds: Mapping[Verb, float] = field(default_factory=lambda: SECONDS)


class Connection(asyncio.Protocol):
    """A session with a server. Make it with ``open_connection``."""

    def __init__(self, endpoint: Endpoint, terms: Terms) -> None:
        self.endpoint = endpoint
        self.extensions = Extensions()
        self.deliveries = 0
        self._terms = terms
        self._loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport | None = None
        self._reader = ReplyReader()
        self._replies: collections.deque[Reply] = collections.deque()
        self._waiter: asyncio.Future[None] | None = None
        self._fault: Fault | None = None
        self._is_paused = False
        self._is_busy = True
        self._awaited = Verb.GREETING
        self._deadline = 0.0
        self._timer: asyncio.TimerHandle | None = None

    # Called by the event loop.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)  # uvloop's is none by inheritance

    def data_received(self, data: bytes) -> None:
        try:
            self._replies.extend(self._reader.feed(data))
        except ReplyFault as fault:
            self._fail(FaultKind.PROTOCOL, str(fault))
            return
        if not self._is_busy:  # RFC 5321 section 3.8: a server that speaks unasked is going to close
            self.close()
        elif self._replies:
            self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        self._fail(FaultKind.LOST, f"lost connection: {exc}" if exc else "lost connection")

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

    async def carry(self, mail: Mail, content: Extent) -> tuple[Transaction, Fault | None]:
        """Carry one message. Returns how it went for each recipient, and the fault that ended it early, if one did."""
        self._is_busy = True
        transaction = Transaction(mail, self.extensions, is_lmtp=self._terms.manner.is_lmtp)
        try:
            await self._transact(transaction, content)
        except Fault as fault:
            return transaction, fault
        except BaseException:  # cancelled in the middle
            self.abort()
            raise
        self.deliveries += 1
        if not transaction.is_reusable or self._has_unread:
            self.close()
        return transaction, None

    async def reset(self) -> bool:
        """Make ready for another transaction after one that was refused; tell whether that went well."""
        try:
            self._write(b"RSET\r\n")
            reply = await self._reply(Verb.RSET)
        except Fault:
            return False
        return reply.code == 250

    # The dialogue.

    async def converse(self) -> None:
        """Lead a new connection to where it takes mail. Raises ``Fault`` or ``Refused``."""
        opening = Opening(self._terms.manner)
        step: Send | Step = Step.WAIT
        while step is not Step.OPENED:
            match step:
                case Send(data):
                    self._write(data)
                case Step.START_TLS:
                    await self._start_tls()
                    await self._converse_in_tls(opening)
                    return
                case Step.TLS_MISSING:
                    raise Fault(FaultKind.TLS_MISSING, opening.awaited, "TLS is required, but was not offered")
                case Step.REFUSED:
                    assert opening.refusal is not None
                    raise Refused(opening.refusal)
            step = opening.take(await self._reply(opening.awaited))
        self.extensions = opening.extensions

    async def _converse_in_tls(self, opening: Opening) -> None:
        """Say hello again. A server that closes now did not like our side of the handshake, of which TLS 1.3 tells only here."""
        self._write(opening.secured().data)
        try:
            step = opening.take(await self._reply(opening.awaited))
        except Fault as fault:
            raise Fault(FaultKind.TLS, fault.verb, f"{fault.text} after the TLS handshake") from None
        if step is not Step.OPENED:
            assert opening.refusal is not None
            raise Refused(opening.refusal)
        self.extensions = opening.extensions

    async def _transact(self, transaction: Transaction, content: Extent) -> None:
        self._write(transaction.begin())
        while True:
            step = transaction.take(await self._reply(transaction.awaited))
            match step:
                case Send(data):
                    self._write(data)
                case Step.SEND_CONTENT:
                    await self._send_content(transaction, content)
                case Step.FINISHED:
                    return

    async def _send_content(self, transaction: Transaction, content: Extent) -> None:
        """Send content and dot. The first block is read at once, as it is nearly always all and warm; later ones in a thread."""
        stuffing = Stuffing()
        try:
            block = content.read(0)
            position = len(block)
            while position < content.size:
                self._write(stuffing.encode(block))
                await self._writable()
                block = await asyncio.to_thread(content.read, position)
                position += len(block)
        except ContentTrouble as trouble:
            self._fail(FaultKind.CONTENT, str(trouble))
            raise Fault(FaultKind.CONTENT, Verb.CONTENT, str(trouble)) from None
        data = stuffing.encode(block) + stuffing.end()
        if any(reply.code < 400 for reply in self._replies):
            self._replies.clear()
            self._fail(FaultKind.PROTOCOL, "the message was accepted before it was sent")
        transaction.is_dot_sent = self._fault is None
        self._write(data)

    async def _start_tls(self) -> None:
        """Raises ``Fault``: bytes that came in clear text behind the reply are an attack (RFC 3207 section 6)."""
        if self._replies or self._reader.has_rest or self._transport is None:
            self._fail(FaultKind.TLS, "clear text behind the reply to STARTTLS")
            raise self._lost(Verb.STARTTLS)
        host = self.endpoint.host
        name = host if any(letter.isalpha() for letter in host) and ":" not in host else None
        limit = self._terms.seconds[Verb.STARTTLS]
        assert self._terms.context is not None
        try:
            upgraded = await self._loop.start_tls(self._transport, self, self._terms.context, server_hostname=name, ssl_handshake_timeout=limit)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError, a name that cannot be an SNI a ValueError
            self._fail(FaultKind.TLS, f"TLS handshake failed: {error}")
            raise Fault(FaultKind.TLS, Verb.STARTTLS, f"TLS handshake failed: {error}") from None
        if upgraded is None:
            raise Fault(FaultKind.TLS, Verb.STARTTLS, "TLS handshake failed: lost connection")
        self._transport = upgraded

    # Waiting, under a time limit.

    def _write(self, data: bytes) -> None:
        if self._fault is None and self._transport is not None:
            self._transport.write(data)

    async def _reply(self, verb: Verb) -> Reply:
        """The next reply. What the server said before it closed still counts. Raises ``Fault``."""
        if not self._replies:
            await self._wait(verb)
        if self._replies:
            return self._replies.popleft()
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


class Refused(Exception):
    """The server does not want to speak with us; ``answer`` is how it said so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.reply))
        self.answer = answer


async def open_connection(endpoint: Endpoint, terms: Terms) -> Connection:
    """Connect and lead the dialogue to where the server takes mail. Raises ``Fault`` or ``Refused``.

    Where TLS is opportunistic and fails, a new connection in clear text is tried (RFC 7435 section 3).
    """
    try:
        return await _open_once(endpoint, terms)
    except Fault as fault:
        if fault.kind is not FaultKind.TLS or terms.manner.tls is not TlsUse.MAY:
            raise
    clear = Manner(terms.manner.hello, terms.manner.is_lmtp, TlsUse.NONE)
    return await _open_once(endpoint, Terms(clear, None, terms.seconds))


async def _open_once(endpoint: Endpoint, terms: Terms) -> Connection:
    loop = asyncio.get_running_loop()
    connection = Connection(endpoint, terms)
    try:
        async with asyncio.timeout(terms.seconds[Verb.CONNECT]):
            await loop.create_connection(lambda: connection, endpoint.address, endpoint.port)
    except TimeoutError:
        raise Fault(FaultKind.UNREACHABLE, Verb.CONNECT, "connection timed out") from None
    except OSError as error:
        kind = FaultKind.NO_ROUTE if error.errno in _NO_ROUTE else FaultKind.UNREACHABLE
        raise Fault(kind, Verb.CONNECT, error.strerror or str(error)) from None
    with contextlib.ExitStack() as stack:
        stack.callback(connection.close)
        await connection.converse()
        stack.pop_all()
    return connection
