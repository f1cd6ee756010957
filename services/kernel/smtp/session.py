# ruff: noqa: N802  # the names of the methods are aiosmtpd's: smtp_VERB
"""One session: what it does at each verb, but for the transaction (``transaction``) and its life (``protocol``)."""

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from collections.abc import Sequence

from aiosmtpd.smtp import syntax

from services.kernel.mail.domain import is_domain_or_literal
from services.kernel.mail.parameters import ParameterError
from services.kernel.mail.reply import Reply
from services.kernel.smtp import replies
from services.kernel.smtp.forwarding import ATTRIBUTES, Forwarded, parse_xforward
from services.kernel.smtp.handler import Login
from services.kernel.smtp.protocol import CommandProtocol
from services.kernel.smtp.stream import LineTooLong
from services.kernel.smtp.transaction import OutOfStep


class Session(CommandProtocol):
    """The verbs of SMTP and LMTP."""

    # -- hello

    @syntax("HELO hostname")
    async def smtp_HELO(self, hostname: str) -> None:
        """RFC 5321 section 4.1.1.1."""
        if await self._greet(hostname, is_extended=False):
            self._stream.put(f"250 {self._rules.hostname}\r\n".encode())

    @syntax("EHLO hostname")
    async def smtp_EHLO(self, hostname: str) -> None:
        """RFC 5321 section 4.1.1.1; no enhanced code here (RFC 2034 section 4)."""
        if await self._greet(hostname, is_extended=True):
            self._stream.put(Reply(250, "", "\n".join(self._list_extensions())).encode())

    async def smtp_LHLO(self, hostname: str) -> None:
        """RFC 2033 section 4.1."""
        await self.smtp_EHLO(hostname)

    async def _greet(self, hostname: str, *, is_extended: bool) -> bool:
        if (self._stage == "LHLO") != self._rules.is_lmtp:
            self._answer(replies.UNKNOWN)  # RFC 2033 section 4.1: HELO and EHLO are not in LMTP
            return False
        name = hostname.removesuffix(".")
        if not is_domain_or_literal(name):
            self._answer(replies.SYNTAX, hostname)
            return False
        self.peer.helo = name
        self.peer.is_hasty |= self._stream.has_input
        refusal = await self._handler.helo()
        if refusal is not None:
            self.peer.helo = ""
            self._answer(refusal, hostname)
            return False
        self.peer.is_extended = is_extended
        self.peer.forwarded = None
        self._transaction.reset()
        return True

    def _list_extensions(self) -> list[str]:
        rules = self._rules
        lines = [rules.hostname, "PIPELINING", f"SIZE {rules.size_limit}"]
        if rules.tls is not None and not self.peer.tls:
            lines.append("STARTTLS")
        if rules.offers_auth and self.peer.tls:
            lines.append(f"AUTH {' '.join(self._handler.mechanisms())}")
        lines += ["ENHANCEDSTATUSCODES", "8BITMIME", "SMTPUTF8", "DSN", "CHUNKING", *rules.keywords]
        if rules.etrn is not None:
            lines.append("ETRN")
        if self._is_partner():
            lines.append(f"XFORWARD {' '.join(ATTRIBUTES)}")
        return lines if rules.is_lmtp else [*lines, "HELP"]

    # -- TLS and signing in

    @syntax("STARTTLS")
    async def smtp_STARTTLS(self, arg: str) -> None:
        """RFC 3207. What the client sent in clear text behind the command is forgotten: it may be an attacker's."""
        if self._rules.tls is None:
            self._answer(replies.NOT_HERE)
        elif arg:
            self._answer(replies.SYNTAX)
        elif self.peer.tls or self._transaction.is_open:
            self._answer(replies.BAD_SEQUENCE)
        else:
            self._stream.put(b"220 2.0.0 Ready to start TLS\r\n")
            self._stream.flush()
            await self._start_tls()
            self.peer.helo = ""  # RFC 3207 section 4.2: all that was learned is forgotten
            self.peer.is_hasty = False

    @syntax("AUTH mechanism")
    async def smtp_AUTH(self, arg: str) -> None:
        """RFC 4954 section 4."""
        refusal = self._why_no_auth()
        if refusal is not None:
            self._answer(refusal)
            return
        name, _, initial = arg.partition(" ")
        login = self._handler.login(name.upper())
        if login is None:
            self._answer(replies.NO_SUCH_MECHANISM)
            return
        response = await self._first_response(login, initial.strip(" "))
        while response is not None:
            step = await login.answer(response)
            if isinstance(step, Reply):
                self._answer(step)
                return
            response = await self._challenge(step)

    async def _first_response(self, login: Login, initial: str) -> bytes | None:
        if initial:
            return self._decode_base64(initial.encode())
        return await self._challenge(b"") if login.starts_with_client else b""

    def _why_no_auth(self) -> Reply | None:
        if not self._rules.offers_auth:
            return replies.NOT_HERE
        if not self.peer.tls:
            return replies.AUTH_NEEDS_TLS
        if not self.peer.helo:
            return replies.GREET_FIRST
        if self.peer.login or self._transaction.is_open or not self.peer.is_extended:
            return replies.BAD_SEQUENCE
        return None

    async def _challenge(self, question: bytes) -> bytes | None:
        """Ask the client; return its decoded answer, or ``None`` when an error was answered."""
        self._stream.put(b"334 " + b64encode(question) + b"\r\n")
        try:
            line = await self._stream.line(self._rules.auth_line_limit, self._rules.command_seconds)
        except LineTooLong:
            self._answer(replies.AUTH_LINE_TOO_LONG)
            return None
        if line.strip() == b"*":
            self._answer(replies.AUTH_CANCELLED)
            return None
        return self._decode_base64(line.strip())

    def _decode_base64(self, text: bytes) -> bytes | None:
        try:
            return b64decode(b"" if text == b"=" else text, validate=True)
        except Base64Error:
            self._answer(replies.BAD_BASE64)
            return None

    def _is_partner(self) -> bool:
        return self._rules.is_partner is not None and self._rules.is_partner(self.peer)

    @syntax("XFORWARD attribute=value ...")
    async def smtp_XFORWARD(self, arg: str) -> None:
        """Postfix XFORWARD_README: of the next message only, and only from a partner."""
        if not self._is_partner():
            self._answer(replies.NOT_HERE)
        elif self._transaction.is_open:
            self._answer(replies.BAD_SEQUENCE)
        else:
            try:
                self.peer.forwarded = parse_xforward(arg, self.peer.forwarded or Forwarded())
            except ParameterError as error:
                self._answer(Reply(501, "5.5.4", str(error)))
            else:
                self._stream.put(replies.OK.encode())

    @syntax("ETRN domain")
    async def smtp_ETRN(self, arg: str) -> None:
        """RFC 1985: a host that was away asks for its mail. ``@`` (with subdomains) means the same here."""
        name = arg.removeprefix("@").lower()
        if self._rules.etrn is None:
            self._answer(replies.NOT_HERE)
        elif self._transaction.is_open:
            self._answer(replies.BAD_SEQUENCE)
        elif not self.peer.helo:
            self._answer(replies.GREET_FIRST)
        elif not is_domain_or_literal(name) or name.startswith("["):
            self._answer(replies.SYNTAX, arg)
        else:
            self._answer(await self._rules.etrn(name), arg)

    # -- mail

    def _why_no_mail(self) -> Reply | None:
        if self._rules.requires_auth and not self.peer.login:
            return replies.AUTH_FIRST if self.peer.tls else replies.STARTTLS_FIRST
        return None if self.peer.helo else replies.GREET_FIRST

    @syntax("MAIL FROM:<address>", extended=" [SP parameters]")
    async def smtp_MAIL(self, arg: str | None) -> None:
        """RFC 5321 section 4.1.1.2."""
        subject = arg or ""
        self._answer(self._why_no_mail() or await self._transaction.mail(subject), subject)

    @syntax("RCPT TO:<address>", extended=" [SP parameters]")
    async def smtp_RCPT(self, arg: str | None) -> None:
        """RFC 5321 section 4.1.1.3."""
        subject = arg or ""
        self._answer(await self._transaction.rcpt(subject), subject)

    @syntax("DATA")
    async def smtp_DATA(self, arg: str) -> None:
        """RFC 5321 section 4.1.1.4."""
        if arg:
            self._answer(replies.SYNTAX)
            return
        self.peer.is_hasty |= self._stream.has_input
        self._conclude(await self._transaction.data())

    @syntax("BDAT size [LAST]")
    async def smtp_BDAT(self, arg: str) -> None:
        """RFC 3030 section 2."""
        try:
            self._conclude(await self._transaction.chunk(arg))
        except OutOfStep as fault:
            self._answer(fault.reply)
            self._is_over = True

    def _conclude(self, answers: Sequence[Reply]) -> None:
        for reply in answers:
            self._answer(reply)
        if not self._transaction.is_open:
            self.peer.forwarded = None
            if any(reply.is_positive for reply in answers):
                self._errors = self._junk = 0  # as Postfix: the limits are for clients that deliver nothing

    @syntax("RSET")
    async def smtp_RSET(self, arg: str) -> None:
        """RFC 5321 section 4.1.1.5."""
        if arg:
            self._answer(replies.SYNTAX)
            return
        self._transaction.reset()
        self.peer.forwarded = None
        self._stream.put(replies.OK.encode())

    # -- the rest

    @syntax("NOOP [ignored]")
    async def smtp_NOOP(self, arg: str) -> None:
        """RFC 5321 section 4.1.1.9."""
        self._stream.put(replies.OK.encode())

    @syntax("QUIT")
    async def smtp_QUIT(self, arg: str) -> None:
        """RFC 5321 section 4.1.1.10."""
        if arg:
            self._answer(replies.SYNTAX)
            return
        self._stream.put(replies.BYE.encode())
        self._is_over = True

    @syntax("VRFY address")
    async def smtp_VRFY(self, arg: str) -> None:
        """Says nothing about anybody (RFC 5321 section 7.3)."""
        self._answer(replies.VRFY if arg else replies.SYNTAX)

    async def smtp_EXPN(self, arg: str) -> None:
        """Not for strangers (RFC 5321 section 7.3)."""
        self._answer(replies.NOT_HERE)

    @syntax("HELP [command]")
    async def smtp_HELP(self, arg: str) -> None:
        """RFC 5321 section 4.1.1.8."""
        method = self.verbs.get(arg.upper())
        text = getattr(method, "__smtp_syntax__", "") or "commands: " + " ".join(sorted(self.verbs))
        self._answer(Reply(214, "2.0.0", text))
