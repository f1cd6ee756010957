"""One connection to an SMTP or LMTP server, over asyncio.

The adapter between the protocol of ``client`` and a socket (``client_wire``). One task uses a connection at a time. Whoever gets a ``Fault``, or
is cancelled in the middle, finds the connection closed.
"""

import asyncio
import contextlib
import errno
from dataclasses import replace

from services.kernel.smtp.client import Answer, Opening, Send, Step, Transaction, Verb
from services.kernel.smtp.client_content import ChunkOutflow, Content, ContentTrouble, Conveyance, DataOutflow
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_extensions import Extensions
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.smtp.client_inquiry import Inquiry
from services.kernel.smtp.client_tls import Handshake
from services.kernel.smtp.client_wire import SECONDS, Endpoint, Terms, Wire
from services.kernel.smtp.forwarding import Forwarded, xforward_command
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import CLEAR

__all__ = ["SECONDS", "Connection", "Endpoint", "Refused", "Terms", "open_connection"]

PLAIN = Conveyance()
"""Content as it is, behind DATA."""
Outflow = DataOutflow | ChunkOutflow
_CONTENT = "content and its end were sent"
_NO_ROUTE = frozenset({errno.ENETUNREACH, errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT})


class Connection(Wire):
    """A session with a server. Make it with ``open_connection``."""

    def __init__(self, endpoint: Endpoint, terms: Terms) -> None:
        super().__init__(endpoint, terms)
        self.extensions = Extensions()
        self.deliveries = 0

    async def carry(
        self, mail: Mail, content: Content, conveyance: Conveyance = PLAIN, forwarded: Forwarded | None = None
    ) -> tuple[Transaction, Fault | None]:
        """Carry one message; tell a server that wants to know whom we have it from. Returns how it went for each recipient, and the fault
        that ended it early, if one did."""
        transaction = Transaction(mail, self.extensions, is_lmtp=self._terms.manner.is_lmtp, chunking=conveyance.chunking)
        outflow = (ChunkOutflow if transaction.is_chunked else DataOutflow)(content, conveyance.line_limit)
        if forwarded is not None and self.extensions.xforward and (fault := await self._tell(forwarded)) is not None:
            return transaction, fault
        return transaction, await self._complete(transaction, outflow)

    async def _tell(self, forwarded: Forwarded) -> Fault | None:
        """A refusal of what we tell does not matter to the message."""
        self._is_busy = True
        try:
            self._write(xforward_command(forwarded, self.extensions.xforward))
            await self._reply(Verb.XFORWARD)
        except Fault as fault:
            return fault
        except BaseException:  # cancelled in the middle
            self.abort()
            raise
        return None

    async def inquire(self, mail: Mail) -> tuple[Inquiry, Fault | None]:
        """Ask for the one recipient of ``mail`` and send nothing. Returns what was answered, and the fault that ended it early, if one did."""
        inquiry = Inquiry(mail, self.extensions, is_lmtp=self._terms.manner.is_lmtp)
        return inquiry, await self._complete(inquiry)

    async def _complete(self, transaction: Transaction | Inquiry, outflow: Outflow | None = None) -> Fault | None:
        self._is_busy = True
        if self.deliveries:
            self.dialogue.restart()
        try:
            await self._transact(transaction, outflow)
        except Fault as fault:
            if self._is_unread and isinstance(transaction, Transaction) and not transaction.has_verdict:
                transaction.is_dot_sent = False  # it cannot have been taken
            return fault
        except BaseException:  # cancelled in the middle
            self.abort()
            raise
        self.deliveries += 1
        if not transaction.is_reusable or self._has_unread:
            self.close()
        return None

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
        if self._terms.manner.tls.is_implicit:
            await self._start_tls(Verb.CONNECT)
        step: Send | Step = Step.WAIT
        while step is not Step.OPENED:
            match step:
                case Send(data):
                    self._write(data)
                case Step.START_TLS:
                    await self._start_tls(Verb.STARTTLS)
                    step = await self._hello_in_tls(opening)
                    continue
                case Step.TLS_MISSING:
                    raise Fault(FaultKind.TLS_MISSING, opening.awaited, f"TLS is required, but was not offered by host {self.endpoint}")
                case Step.LOGIN_FAILED:
                    raise Fault(FaultKind.LOGIN, Verb.AUTH, opening.fault)
                case Step.REFUSED:
                    assert opening.refusal is not None
                    raise Refused(opening.refusal)
            step = opening.take(await self._reply(opening.awaited))
        self.extensions = opening.extensions

    async def _hello_in_tls(self, opening: Opening) -> Send | Step:
        """Say hello again. A server that closes now did not like our side of the handshake, of which TLS 1.3 tells only here."""
        self._write(opening.secured().data)
        try:
            return opening.take(await self._reply(opening.awaited))
        except Fault as fault:
            raise Fault(FaultKind.TLS, fault.verb, f"{fault.text} after the TLS handshake") from None

    async def _transact(self, transaction: Transaction | Inquiry, outflow: Outflow | None) -> None:
        self._write(transaction.begin())
        while True:
            step = transaction.take(await self._reply(transaction.awaited))
            match step:
                case Send(data):
                    self._write(data)
                case Step.SEND_CONTENT:
                    assert isinstance(transaction, Transaction) and outflow is not None
                    await self._send_content(transaction, outflow)
                case Step.FINISHED:
                    return

    async def _send_content(self, transaction: Transaction, outflow: Outflow) -> None:
        """Send content and its end. The first block is read at once, as it is nearly always all and warm; later ones in a thread."""
        try:
            data = outflow.read()
            while outflow.has_more and not (transaction.is_chunked and self._is_refused):
                transaction.chunks += 1
                self._push(data)
                await self._writable()
                data = await asyncio.to_thread(outflow.read)
        except ContentTrouble as trouble:
            self._fail(FaultKind.CONTENT, str(trouble))
            raise Fault(FaultKind.CONTENT, Verb.CONTENT, str(trouble)) from None
        if outflow.has_more:
            return  # a chunk was refused: the reply that says so is taken next
        is_early = len(self._replies) > transaction.chunks and not self._is_refused
        if is_early if transaction.is_chunked else any(reply.code < 400 for reply in self._replies):
            self._replies.clear()
            self._fail(FaultKind.PROTOCOL, "the message was accepted before it was sent")
        transaction.chunks += 1
        transaction.is_dot_sent = self._fault is None
        self._push(data)
        self.dialogue.turns.append(_CONTENT)

    @property
    def _is_refused(self) -> bool:
        return any(reply.code >= 400 for reply in self._replies)

    async def _start_tls(self, verb: Verb) -> None:
        """Raises ``Fault``: bytes that came in clear text behind the reply are an attack (RFC 3207 section 6)."""
        if self._replies or self._reader.has_rest or self._transport is None:
            self._fail(FaultKind.TLS, "clear text behind the reply to STARTTLS")
            raise self._lost(verb)
        terms = self._terms
        assert terms.context is not None
        handshake = Handshake(terms.manner.tls, terms.context, terms.seconds[Verb.STARTTLS], terms.now)
        try:
            self._transport, self.standing = await handshake.perform(self._transport, self, verb)
        except Fault as fault:
            self._fail(fault.kind, fault.text)
            self.dialogue.turns.append(fault.text)
            raise
        self.keep_socket()
        self.dialogue.turns.append("TLS")
        self.tell_step(Verb.TLS)


class Refused(Exception):
    """The server does not want to speak with us; ``answer`` is how it said so."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(str(answer.reply))
        self.answer = answer
        self.transcript: list[str] = []


async def open_connection(endpoint: Endpoint, terms: Terms) -> Connection:
    """Connect and lead the dialogue to where the server takes mail. Raises ``Fault`` or ``Refused``.

    Where TLS is opportunistic and fails, a new connection in clear text is tried (RFC 7435 section 3).
    """
    try:
        return await _open_once(endpoint, terms)
    except Fault as fault:
        if fault.kind is not FaultKind.TLS or terms.manner.tls.level is not TlsLevel.MAY:
            raise
        if terms.on_step is not None:
            terms.on_step(Wire(endpoint, terms), fault.verb, fault)
    clear = replace(terms.manner, tls=CLEAR)
    return await _open_once(endpoint, replace(terms, manner=clear, context=None))


async def _open_once(endpoint: Endpoint, terms: Terms) -> Connection:
    loop = asyncio.get_running_loop()
    connection = Connection(endpoint, terms)
    try:
        async with asyncio.timeout(terms.seconds[Verb.CONNECT]):
            if endpoint.address:
                source = (terms.source, 0) if terms.source else None
                await loop.create_connection(lambda: connection, endpoint.address, endpoint.port, local_addr=source)
            else:
                await loop.create_unix_connection(lambda: connection, endpoint.host)
    except TimeoutError:
        raise Fault(FaultKind.UNREACHABLE, Verb.CONNECT, "connection timed out") from None
    except OSError as error:
        kind = FaultKind.NO_ROUTE if error.errno in _NO_ROUTE else FaultKind.UNREACHABLE
        raise Fault(kind, Verb.CONNECT, error.strerror or str(error)) from None
    with contextlib.ExitStack() as stack:
        stack.callback(connection.close)
        connection.tell_step(Verb.CONNECT)
        try:
            await connection.converse()
        except (Fault, Refused) as error:
            error.transcript = connection.dialogue.lines()
            raise
        stack.pop_all()
    return connection
