"""The client side of SMTP and LMTP without I/O: replies in, steps out.

``Opening`` leads from the greeting to a session that takes mail; ``Transaction`` carries one message. Both are told each reply by ``take`` and
answer with the next step. They know nothing of sockets and time: ``connection`` drives them.

A transaction to a server with PIPELINING sends MAIL, every RCPT and DATA in one write (RFC 2920) and reads all replies before it judges.
"""

from dataclasses import dataclass
from enum import Enum, StrEnum

from services.kernel.mail.reply import Reply
from services.kernel.smtp import client_envelope, client_extensions
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_extensions import Extensions


class Verb(StrEnum):
    """What a reply answers, in the words that reports use."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    LHLO = "LHLO"
    STARTTLS = "STARTTLS"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"
    DOT = "end of DATA"
    RSET = "RSET"


class TlsUse(StrEnum):
    """Postfix ``smtp_tls_security_level``, as far as it is offered."""

    NONE = "none"
    MAY = "may"
    ENCRYPT = "encrypt"


@dataclass(frozen=True, slots=True)
class Answer:
    """A reply and what it answers."""

    verb: Verb
    reply: Reply


@dataclass(frozen=True, slots=True)
class Send:
    """Send these bytes, then wait for a reply."""

    data: bytes


class Step(Enum):
    """Steps without data."""

    WAIT = "wait"
    """Another reply is to come."""
    START_TLS = "start_tls"
    """Begin the TLS handshake, then call ``Opening.secured``."""
    OPENED = "opened"
    """The session takes mail."""
    TLS_MISSING = "tls_missing"
    """TLS is required, and the server does not offer it or refused it."""
    REFUSED = "refused"
    """The server does not want us; ``Opening.refusal`` says how."""
    SEND_CONTENT = "send_content"
    """Send the content and the final dot."""
    FINISHED = "finished"
    """The transaction is over; ``Transaction.results`` is complete."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak to a server: the name we give, SMTP or LMTP, and the use of TLS."""

    hello: str
    is_lmtp: bool = False
    tls: TlsUse = TlsUse.MAY


class Opening:
    """From the greeting to the last EHLO. ``awaited`` is what the next reply will answer."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._is_secure = False
        self.awaited = Verb.GREETING
        self.extensions = Extensions()
        self.refusal: Answer | None = None

    def take(self, reply: Reply) -> Send | Step:
        """Judge the reply to what is awaited."""
        match self.awaited:
            case Verb.GREETING if reply.code == 220:
                return self._hello()
            case Verb.EHLO | Verb.LHLO if reply.code == 250:
                self.extensions = client_extensions.parse(reply)
                return self._after_hello()
            case Verb.EHLO if reply.code != 421 and not self._is_secure:
                return self._say(Verb.HELO)  # RFC 5321 section 3.2: a server may know HELO only
            case Verb.HELO if reply.code == 250:
                return self._after_hello()
            case Verb.STARTTLS:
                return Step.START_TLS if reply.code == 220 else self._without_tls()
        self.refusal = Answer(self.awaited, reply)
        return Step.REFUSED

    def secured(self) -> Send:
        """The handshake is done: what was learned in clear text is forgotten (RFC 3207 section 4.2)."""
        self._is_secure = True
        self.extensions = Extensions()
        return self._hello()

    def _hello(self) -> Send:
        return self._say(Verb.LHLO if self._manner.is_lmtp else Verb.EHLO)

    def _say(self, verb: Verb) -> Send:
        self.awaited = verb
        return Send(f"{verb} {self._manner.hello}\r\n".encode())

    def _after_hello(self) -> Send | Step:
        if self._is_secure or self._manner.tls is TlsUse.NONE:
            return Step.OPENED
        if self.extensions.has_starttls:
            self.awaited = Verb.STARTTLS
            return Send(b"STARTTLS\r\n")
        return self._without_tls()

    def _without_tls(self) -> Step:
        return Step.TLS_MISSING if self._manner.tls is TlsUse.ENCRYPT else Step.OPENED


class Transaction:
    """One message to one server. ``results`` has the deciding answer of each recipient, ``None`` while there is none."""

    def __init__(self, mail: Mail, peer: Extensions, *, is_lmtp: bool) -> None:
        self._is_lmtp = is_lmtp
        self._pipelined = peer.has_pipelining
        self._commands = [client_envelope.mail_command(mail, peer, is_lmtp=is_lmtp)]
        self._commands += [client_envelope.rcpt_command(recipient, peer, is_lmtp=is_lmtp) for recipient in mail.recipients]
        self._commands.append(b"DATA\r\n")
        self._position = 0
        self._accepted: list[int] = []
        self.results: list[Answer | None] = [None] * len(mail.recipients)
        self.is_dot_sent = False
        """The driver sets this when it has handed over the final dot: from then on the message may have been taken."""
        self.is_reusable = True
        """Whether the session can carry another transaction."""
        self.needs_reset = False
        """Whether it needs RSET before that."""

    @property
    def awaited(self) -> Verb:
        """What the next reply will answer."""
        if self._position == 0:
            return Verb.MAIL
        if self._position < len(self._commands) - 1:
            return Verb.RCPT
        return Verb.DATA if self._position < len(self._commands) else Verb.DOT

    def begin(self) -> bytes:
        """The first bytes to send."""
        return b"".join(self._commands) if self._pipelined else self._commands[0]

    def take(self, reply: Reply) -> Send | Step:
        """Judge the next reply."""
        verb = self.awaited
        if reply.code == 421:  # RFC 5321 section 3.8: the server closes, and no other reply will come
            self.is_reusable = False
            return self._finish(Answer(verb, reply))
        self._position += 1
        match verb:
            case Verb.MAIL:
                return self._take_mail(reply)
            case Verb.RCPT:
                return self._take_rcpt(reply)
            case Verb.DATA:
                return self._take_data(reply)
            case _:
                return self._take_verdict(reply)

    def _take_mail(self, reply: Reply) -> Send | Step:
        if reply.code // 100 == 2:
            return self._next()
        self._decide(Answer(Verb.MAIL, reply))
        return self._next() if self._pipelined else Step.FINISHED

    def _take_rcpt(self, reply: Reply) -> Send | Step:
        number = self._position - 2
        if reply.code // 100 != 2:
            if self.results[number] is None:
                self.results[number] = Answer(Verb.RCPT, reply)
        elif self.results[number] is None:
            self._accepted.append(number)
        if not self._pipelined and self.awaited is Verb.DATA and not self._accepted:
            self.needs_reset = True
            return Step.FINISHED
        return self._next()

    def _take_data(self, reply: Reply) -> Send | Step:
        if reply.code == 354 and self._accepted:
            return Step.SEND_CONTENT
        if reply.code == 354:
            return self._leave_empty_data()
        self.needs_reset = True
        return self._finish(Answer(Verb.DATA, reply))

    def _leave_empty_data(self) -> Send | Step:
        """Nobody is left to deliver to, and the server wants content: a lone dot (RFC 2920 section 3.1), and no more with this server."""
        self.is_reusable = False
        return Step.FINISHED if self._is_lmtp else Send(b".\r\n")

    def _take_verdict(self, reply: Reply) -> Step:
        """The end of data: one reply, or over LMTP one for each accepted recipient, in order (RFC 2033 section 4.2)."""
        answer = Answer(Verb.DOT, reply)
        if not self._is_lmtp or not self._accepted:
            return self._finish(answer)
        self.results[self._accepted.pop(0)] = answer
        return Step.WAIT if self._accepted else Step.FINISHED

    def _next(self) -> Send | Step:
        return Step.WAIT if self._pipelined else Send(self._commands[self._position])

    def _decide(self, answer: Answer) -> None:
        self.results = [answer if known is None else known for known in self.results]

    def _finish(self, answer: Answer) -> Step:
        self._decide(answer)
        return Step.FINISHED
