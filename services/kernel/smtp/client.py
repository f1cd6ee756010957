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
from services.kernel.smtp.client_mechanisms import SaslFault
from services.kernel.smtp.client_sasl import Exchange, Login
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import OPPORTUNISTIC, TlsPolicy


class Verb(StrEnum):
    """What a reply answers, in the words that reports use."""

    CONNECT = "connect"
    GREETING = "greeting"
    EHLO = "EHLO"
    HELO = "HELO"
    LHLO = "LHLO"
    STARTTLS = "STARTTLS"
    TLS = "TLS"
    AUTH = "AUTH"
    XFORWARD = "XFORWARD"
    MAIL = "MAIL"
    RCPT = "RCPT"
    DATA = "DATA"
    CONTENT = "content"
    DOT = "end of DATA"
    BDAT = "BDAT"
    RSET = "RSET"


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
    LOGIN_FAILED = "login_failed"
    """We could not sign in; ``Opening.fault`` says why."""
    REFUSED = "refused"
    """The server does not want us; ``Opening.refusal`` says how."""
    SEND_CONTENT = "send_content"
    """Send the content and the final dot, or the content in chunks when ``Transaction.is_chunked``."""
    FINISHED = "finished"
    """The transaction is over; ``Transaction.results`` is complete."""


@dataclass(frozen=True, slots=True)
class Manner:
    """How to speak to a server: the name we give, SMTP or LMTP, the use of TLS, and who we sign in as where the server offers it."""

    hello: str
    is_lmtp: bool = False
    tls: TlsPolicy = OPPORTUNISTIC
    login: Login | None = None


class Opening:
    """From the greeting to the last EHLO. ``awaited`` is what the next reply will answer."""

    def __init__(self, manner: Manner) -> None:
        self._manner = manner
        self._is_secure = manner.tls.is_implicit
        self.awaited = Verb.GREETING
        self.extensions = Extensions()
        self.refusal: Answer | None = None
        self.fault = ""
        self._exchange: Exchange | None = None

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
            case Verb.AUTH:
                return self._take_auth(reply)
        return self._refused(reply)

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
        if self._is_secure or self._manner.tls.level is TlsLevel.NONE:
            return self._sign_in()
        if self.extensions.has_starttls:
            self.awaited = Verb.STARTTLS
            return Send(b"STARTTLS\r\n")
        return self._without_tls()

    def _without_tls(self) -> Send | Step:
        return Step.TLS_MISSING if self._manner.tls.level.is_mandatory else self._sign_in()

    def _sign_in(self) -> Send | Step:
        """A server that offers no AUTH is spoken to without (as Postfix does): it may know us by our address."""
        if self._manner.login is None or not self.extensions.auth:
            return Step.OPENED
        try:
            self._exchange = Exchange(self._manner.login, self.extensions.auth, is_secure=self._is_secure)
        except SaslFault as fault:
            self.fault = str(fault)
            return Step.LOGIN_FAILED
        self.awaited = Verb.AUTH
        return _line(self._exchange.begin())

    def _take_auth(self, reply: Reply) -> Send | Step:
        assert self._exchange is not None
        response = self._exchange.take(reply)
        if response is not None:
            return _line(response)
        if self._exchange.fault:
            self.fault = f"{self._exchange.mechanism}: {self._exchange.fault}"
            return Step.LOGIN_FAILED
        return Step.OPENED if reply.code == 235 else self._refused(reply)

    def _refused(self, reply: Reply) -> Step:
        self.refusal = Answer(self.awaited, reply)
        return Step.REFUSED


def _line(text: str) -> Send:
    return Send(f"{text}\r\n".encode())


class Transaction:
    """One message to one server. ``results`` has the deciding answer of each recipient, ``None`` while there is none."""

    def __init__(self, mail: Mail, peer: Extensions, *, is_lmtp: bool, chunking: bool = False) -> None:
        self._is_lmtp = is_lmtp
        self.is_chunked = chunking and peer.has_chunking
        self.chunks = 0
        """Chunks whose reply is still to come; the driver counts each that it sends."""
        self._pipelined = peer.has_pipelining
        self._commands = [client_envelope.mail_command(mail, peer, is_lmtp=is_lmtp)]
        self._commands += [client_envelope.rcpt_command(recipient, peer, is_lmtp=is_lmtp) for recipient in mail.recipients]
        if not self.is_chunked:
            self._commands.append(b"DATA\r\n")
        self._position = 0
        self._accepted: list[int] = []
        self.results: list[Answer | None] = [None] * len(mail.recipients)
        self.is_dot_sent = False
        """The driver sets this when it has handed over the final dot or the last chunk: from then on the message may have been taken."""
        self.is_reusable = True
        """Whether the session can carry another transaction."""
        self.needs_reset = False
        """Whether it needs RSET before that."""

    @property
    def awaited(self) -> Verb:
        """What the next reply will answer."""
        if self._position == 0:
            return Verb.MAIL
        if self._position <= len(self.results):
            return Verb.RCPT
        if self.is_chunked:
            return Verb.BDAT
        return Verb.DATA if self._position < len(self._commands) else Verb.DOT

    @property
    def has_verdict(self) -> bool:
        """Whether the server has judged the content for a recipient: then it has read it."""
        return any(result is not None and result.verb in (Verb.DOT, Verb.BDAT) for result in self.results)

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
            case Verb.BDAT:
                return self._take_chunk(reply)
            case _:
                return self._take_verdict(Answer(verb, reply))

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
        is_last = self.awaited is not Verb.RCPT
        if is_last and not self._accepted and (self.is_chunked or not self._pipelined):
            self.needs_reset = True
            return Step.FINISHED
        return Step.SEND_CONTENT if is_last and self.is_chunked else self._next()

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

    def _take_chunk(self, reply: Reply) -> Step:
        """Each chunk has its reply; after a refusal the server wants no more of the message (RFC 3030 section 2)."""
        answer = Answer(Verb.BDAT, reply)
        if self.chunks > 1 or not self.is_dot_sent:
            self.chunks -= 1
            if reply.code // 100 == 2:
                return Step.WAIT
            self.is_reusable = False
            self.is_dot_sent = False
            return self._finish(answer)
        return self._take_verdict(answer)

    def _take_verdict(self, answer: Answer) -> Step:
        """The end of data: one reply, or over LMTP one for each accepted recipient, in order (RFC 2033 section 4.2)."""
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
