"""The contract between a session and the service behind it.

A ``Server`` (``server.py``) makes one ``Handler`` for each connection and asks it at every step; the session itself sees to syntax, order,
limits, TLS, pipelining and the reading of DATA and BDAT. The order of calls, where ``[]`` may be missing and ``*`` may repeat::

    connected  [helo  [login]*  ( mail  rcpt*  begin -> sink.write*  ( sink.finish | sink.abort )  | reset )* ]*  ended

* A hook answers with a ``Reply``; a positive one lets the session go on. A refusal is data, not an exception.
* ``rcpt`` is called only after an accepted ``mail``, ``begin`` only when at least one recipient was accepted.
* The sink gets the content without dot transparency, byte for byte, ended by CRLF. It may hold the session back by awaiting in ``write``.
* ``finish`` takes responsibility for the message: it returns when that is durable. The connection may be gone by then; nothing cancels it.
* ``abort`` is called instead when the content is faulty, too large or incomplete; every begun sink gets exactly one of the two.
* A hook that raises is a defect of ours: the client hears ``421 4.3.0`` in general words and the defect goes to ``Server``'s ``on_defect``.
"""

import ssl
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from services.kernel.mail.reply import Reply
from services.kernel.smtp.commands import Mail, Rcpt
from services.kernel.smtp.forwarding import Forwarded


@dataclass(slots=True)
class Peer:
    """What is known of the client; the session fills it in as it learns more, before it calls the next hook."""

    address: str
    port: int = 0
    helo: str = ""
    is_extended: bool = False
    """It said EHLO or LHLO."""
    tls: str = ""
    """The TLS session in words, empty in clear text."""
    login: str = ""
    """Who signed in."""
    certificate: bytes = b""
    """The client certificate in DER, when one was asked for and it is one that we trust."""
    forwarded: Forwarded | None = None
    """Who gave the next message to a partner, in the partner's words; forgotten after it."""
    is_hasty: bool = False
    """It sent more where it had to wait for our answer: after EHLO or DATA (RFC 2920 section 3.1)."""


class Sink(Protocol):
    """Takes the content of one message."""

    async def write(self, block: bytes) -> None:
        """Take the next block, 1 byte to some 256 KB. Must not raise for trouble with the store: ``finish`` tells of that."""

    async def finish(self) -> Sequence[Reply]:
        """Take responsibility. SMTP: one reply. LMTP: one for each accepted recipient, in their order (RFC 2033 section 4.2)."""

    def abort(self) -> None:
        """Forget the message."""


class Login(Protocol):
    """One login (RFC 4954 section 4)."""

    @property
    def starts_with_client(self) -> bool:
        """Without an initial response the client is asked for its first message by an empty challenge."""

    async def answer(self, response: bytes) -> bytes | Reply:
        """Take the client's next message: a challenge comes back, or the end: 235, 501, 535, or 454 when it cannot be known now."""


class Handler(Protocol):
    """Decides for one connection. Told once, when the service is started, how: by its maker."""

    async def connected(self) -> Reply | None:
        """Before the banner. ``None`` greets; a negative reply is sent instead of the banner and ends the connection."""

    async def helo(self) -> Reply | None:
        """HELO, EHLO or LHLO with a well-formed name (``peer.helo``). ``None`` accepts."""

    def mechanisms(self) -> Sequence[str]:
        """The SASL mechanisms on offer under TLS, the strongest first."""

    def login(self, mechanism: str) -> "Login | None":
        """Start a login by a mechanism on offer, named in capital letters; ``None`` for any other. A login that succeeds sets ``peer.login``."""

    async def mail(self, mail: Mail) -> Reply:
        """A well-formed MAIL in the right place."""

    async def rcpt(self, rcpt: Rcpt) -> Reply:
        """A well-formed RCPT in the right place."""

    async def begin(self) -> Sink | Reply:
        """DATA or the first BDAT: give a sink, or refuse."""

    def reset(self) -> None:
        """The transaction ended; no content is open any more. Called after RSET, HELO, a refused or a finished message."""

    def rejected(self, stage: str, reply: Reply, subject: str) -> None:
        """A negative reply was given to the command ``stage``; ``subject`` is its argument, never of AUTH. For events."""

    def ended(self, reason: str) -> None:
        """The connection is over; always the last call.

        ``reason`` is empty for a proper end: QUIT, a refusal that was told before, our own stop, a client that left between messages.
        Else it is ours to tell: ``timeout after RCPT``, ``lost after DATA``, a failed handshake, a defect.
        """


@dataclass(frozen=True, slots=True)
class Rules:
    """What a server announces and where it draws the line. The defaults are Postfix's where it has the parameter."""

    hostname: str
    is_lmtp: bool = False
    size_limit: int = 52_428_800
    """Largest content in bytes; announced as SIZE."""
    tls: Callable[[Peer], ssl.SSLContext] | None = None
    """Gives the context of the moment for a client, for STARTTLS and implicit TLS (which knows no client yet); ``None``: no TLS."""
    is_partner: Callable[[Peer], bool] | None = None
    """Whether a client may say for whom it speaks (XFORWARD); also asked at once, by its address, whether the limit on sessions holds for it."""
    etrn: Callable[[str], Awaitable[Reply]] | None = None
    """Starts delivery of what waits for a domain, and answers as RFC 1985 section 5.3 says; ``None``: no ETRN."""
    offers_auth: bool = False
    """AUTH is announced and accepted, under TLS only."""
    requires_auth: bool = False
    """MAIL needs AUTH first (RFC 6409 section 4.3)."""
    keywords: tuple[str, ...] = ()
    """More lines for EHLO, such as a private extension."""
    private_parameters: frozenset[str] = frozenset()
    """Names (upper case) of parameters of MAIL that the handler knows."""
    recipient_limit: int = 1000
    """Recipients of one message (Postfix ``smtpd_recipient_limit``; RFC 5321 section 4.5.3.1.8 wants at least 100)."""
    command_seconds: float = 300.0
    """Wait for a whole command (RFC 5321 section 4.5.3.2.7)."""
    data_seconds: float = 300.0
    """Wait for the next block of content; each block starts it anew, so that a slow upload lives (Postfix ``smtpd_timeout``)."""
    command_line_limit: int = 2048
    """Octets of a command line (Postfix ``line_length_limit``; RFC 5321 section 4.5.3.1.4 wants 512, and extensions add to it)."""
    auth_line_limit: int = 12_288
    """Octets of a SASL response line (RFC 4954 section 4)."""
    text_line_limit: int = 1_048_576
    """Octets of a line of content without CRLF. RFC 5321 section 4.5.3.1.6 wants 998; broken but real mail has a whole HTML page in one."""
    soft_error_limit: int = 10
    """Errors after which each further one is answered late (Postfix ``smtpd_soft_error_limit``)."""
    hard_error_limit: int = 20
    """Errors without a message in between that end the connection (Postfix ``smtpd_hard_error_limit``)."""
    error_delay_seconds: float = 1.0
    """How late (Postfix ``smtpd_error_sleep_time``)."""
    junk_limit: int = 100
    """NOOP, RSET, VRFY and the like without a message in between, beyond which each counts as an error (Postfix ``smtpd_junk_command_limit``)."""
    session_limit: int = 1000
    """Connections at a time in this process; a session in clear text takes some 10 KB."""
    client_session_limit: int = 300
    """Connections at a time from one address; above Postfix's 50 because a published port can show one address for everybody."""
