"""The life of one connection: an aiosmtpd protocol with its own input, limits and end.

Taken from aiosmtpd are the class, a method a verb and the LOGIN dialogue. Everything that touches mail is our own, because the original lets bare
LF into content, knows no DSN, BDAT or PIPELINING, cancels a commit when the client half-closes, and shows exceptions to the client.
Its constructor is not called: it reflects over the handler at each connection, which costs more than a whole message.

A session is one task. Losing the connection never cancels it: it ends at its next wait for input. So a commit in hand is
always finished, and a client that has closed only its own side still hears the answers.
"""

import asyncio
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, ClassVar

from aiosmtpd.smtp import SMTP

from services.kernel.mail.reply import Reply
from services.kernel.smtp import replies
from services.kernel.smtp.admission import Admission
from services.kernel.smtp.handler import Handler, Peer, Rules
from services.kernel.smtp.stream import LineTooLong, Lost, SessionOver, Stopping, Stream, TimedOut
from services.kernel.smtp.transaction import Transaction

HANDSHAKE_SECONDS = 60.0
"""Postfix ``smtpd_starttls_timeout`` is 300 s; asyncio's own limit of 60 s is enough for any client that is awake."""

_FOREIGN_VERBS = frozenset({"CONNECT", "GET", "POST"})
"""Postfix ``smtpd_forbidden_commands``: a browser was made to talk to us."""
_JUNK_VERBS = frozenset({"NOOP", "RSET", "VRFY", "EXPN", "ETRN", "HELP", "EHLO", "HELO", "LHLO"})
_NOT_THE_CLIENTS_FAULT = ("4.3.", "4.5.3")
"""Trouble of ours, and recipients over the limit (Postfix ``smtpd_recipient_overshoot_limit``)."""


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the sessions of one listening socket share."""

    rules: Callable[[], Rules]
    make_handler: Callable[[Peer], Handler]
    on_defect: Callable[[BaseException], None]
    admission: "Admission[CommandProtocol]"


class CommandProtocol(SMTP):
    """Reads commands and gives each to the method ``smtp_VERB`` of a subclass."""

    verbs: ClassVar[dict[str, Callable[[Any, str], Awaitable[None]]]]

    def __init_subclass__(cls) -> None:
        cls.verbs = {name.removeprefix("smtp_"): getattr(cls, name) for name in dir(cls) if name.startswith("smtp_")}

    def __init__(self, surroundings: Surroundings, loop: asyncio.AbstractEventLoop) -> None:
        # super().__init__() is left out on purpose: see the module
        self.loop = loop
        self._surroundings = surroundings
        self._rules = surroundings.rules()
        self._errors = 0
        self._junk = 0
        self._stage = "CONNECT"
        self._is_over = False
        self._is_shaking_hands = False

    # -- asyncio's protocol

    def connection_made(self, transport: Any) -> None:  # uvloop's transports are no subclass of asyncio's
        name = transport.get_extra_info("peername")
        self.peer = Peer(name[0], name[1]) if isinstance(name, tuple) else Peer("local")
        self.peer.tls = _describe_tls(transport)
        self.peer.certificate = _certificate(transport)
        self._stream = Stream(transport, self.loop)
        self._handler = self._surroundings.make_handler(self.peer)
        self._transaction = Transaction(self._rules, self._handler, self._stream)
        is_partner = self._rules.is_partner is not None and self._rules.is_partner(self.peer)
        self._refusal = self._surroundings.admission.enter(self, self.peer.address, is_partner=is_partner)
        self.task = self.loop.create_task(self._handle_client())

    def data_received(self, data: bytes) -> None:
        self._stream.feed(data)

    def eof_received(self) -> bool:
        """Keep our side open, so that the answers still go out; a TLS transport closes whatever we say."""
        self._stream.end(Lost("lost"))
        return not self.peer.tls

    def connection_lost(self, error: Exception | None) -> None:
        self._stream.end(Lost("lost"))

    def pause_writing(self) -> None:
        self._stream.allow_writing(False)

    def resume_writing(self) -> None:
        self._stream.allow_writing(True)

    # -- the life of a session

    def stop(self) -> None:
        """End at the next wait for input with ``421``; what is being committed is finished first."""
        if self._is_shaking_hands:
            self._stream.transport.abort()
        self._stream.end(Stopping("stopping"))

    async def _handle_client(self) -> None:
        reason = ""
        try:
            await self._converse()
        except SessionOver as over:
            reason = self._say_goodbye(over)
        except (OSError, ssl.SSLError) as error:
            reason = f"{error.__class__.__name__} in {self._stage}: {error}"
        except Exception as defect:  # noqa: BLE001  # root of the session's task: the client hears general words, the cause is reported
            reason = f"defect in {self._stage}"
            self._surroundings.on_defect(defect)
            self._answer(replies.DEFECT)
        finally:
            self._surroundings.admission.leave(self)
            self._transaction.reset()
            self._stream.close()
            self._handler.ended(reason)

    def _say_goodbye(self, over: SessionOver) -> str:
        """Tell the client why the session is over; return the reason if there is one to tell of."""
        if isinstance(over, Stopping):
            self._stream.put(replies.STOPPING.encode())
            return ""
        if isinstance(over, TimedOut):
            self._stream.put(replies.TIMEOUT.encode())
        elif not self._transaction.is_open:
            return ""
        return f"{over.args[0]} after {self._stage}"

    async def _converse(self) -> None:
        refusal = self._refusal
        if refusal is None:
            refusal = await self._handler.connected()
        if refusal is not None:
            self._answer(refusal)
            return
        self._stream.put(f"220 {self._rules.hostname} {'LMTP' if self._rules.is_lmtp else 'ESMTP'}\r\n".encode())
        while not self._is_over:
            errors = self._errors
            await self._obey_next()
            if self._errors > errors:
                await self._judge_errors()

    async def _start_tls(self) -> None:
        assert self._rules.tls is not None
        transport = self._stream.transport
        self._is_shaking_hands = True
        secure = await self.loop.start_tls(
            transport, self, self._rules.tls(self.peer), server_side=True, ssl_handshake_timeout=HANDSHAKE_SECONDS
        )
        self._is_shaking_hands = False
        if secure is None:
            raise ConnectionResetError("lost in the handshake")
        self._stream.replace(secure)
        self.peer.tls = _describe_tls(secure)
        self.peer.certificate = _certificate(secure)

    async def _obey_next(self) -> None:
        """Read one command and carry it out."""
        limit = self._rules.auth_line_limit if self._rules.offers_auth else self._rules.command_line_limit
        try:
            line = await self._stream.line(limit, self._rules.command_seconds)
        except LineTooLong:
            self._answer(replies.LINE_TOO_LONG)
            return
        words = line[:-2]
        if line[-2:] != b"\r\n" or b"\r" in words or b"\n" in words or b"\0" in words:
            self._answer(replies.LINE_END)
            return
        verb, _, argument = words.partition(b" ")
        try:
            await self._obey(verb.decode("ascii").upper(), argument.decode().strip(" "))
        except UnicodeDecodeError:
            self._answer(replies.NOT_UTF8)

    async def _obey(self, verb: str, argument: str) -> None:
        self._stage = verb[:10]
        method = self.verbs.get(verb)
        if method is None:
            self._refuse_unknown(verb)
        elif len(argument) > self._rules.command_line_limit and verb != "AUTH":
            self._answer(replies.LINE_TOO_LONG)
        else:
            if verb in _JUNK_VERBS:
                self._junk += 1
                self._errors += self._junk > self._rules.junk_limit
            await method(self, argument)

    def _refuse_unknown(self, verb: str) -> None:
        if verb in _FOREIGN_VERBS:
            self._answer(replies.NOT_SMTP)
            self._is_over = True
        else:
            self._answer(replies.UNKNOWN)

    async def _judge_errors(self) -> None:
        if self._is_over:
            return
        if self._errors >= self._rules.hard_error_limit:
            self._answer(replies.TOO_MANY_ERRORS)
            self._is_over = True
        elif self._errors > self._rules.soft_error_limit:
            await asyncio.sleep(self._rules.error_delay_seconds)

    # -- answers

    def _answer(self, reply: Reply, subject: str = "") -> None:
        """Say it, and count it when it is negative."""
        self._stream.put(reply.encode())
        if reply.code >= 400:
            self._errors += not reply.enhanced.startswith(_NOT_THE_CLIENTS_FAULT)
            self._handler.rejected(self._stage, reply, subject)

    async def push(self, status: Any) -> None:
        """aiosmtpd's way to answer, for the dialogue taken from it."""
        code, _, words = (status if isinstance(status, str) else status.decode()).partition(" ")
        enhanced, _, text = words.partition(" ")
        self._answer(Reply(int(code), enhanced, text))


def _describe_tls(transport: asyncio.BaseTransport) -> str:
    session = transport.get_extra_info("ssl_object")
    return f"{session.version()} {session.cipher()[0]}" if session is not None else ""


def _certificate(transport: asyncio.BaseTransport) -> bytes:
    session = transport.get_extra_info("ssl_object")
    return (session.getpeercert(binary_form=True) or b"") if session is not None else b""
