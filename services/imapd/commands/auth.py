"""How a client becomes a user: STARTTLS, LOGIN, AUTHENTICATE."""

import base64
import binascii

from services.imapd.ending import Ending
from services.imapd.extensions import capabilities
from services.imapd.grammar.requests import Authenticate, Bare, Login
from services.imapd.grammar.responses import Reply, bad, no, ok
from services.imapd.session import Session
from services.kernel.directory import Account, MailboxFormat
from services.kernel.mail.address import fold
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.user import UserMail
from services.kernel.sasl import Challenge, Exchange, Refused, SignedIn, Why
from services.kernel.sasl.exchange import Step
from services.kernel.wire.events import Kind

_NEEDS_TLS = no("Use TLS first", b"PRIVACYREQUIRED")
_FAILED = no("Authentication failed", b"AUTHENTICATIONFAILED")
_IS_MBOX = no("This mailbox is an mbox file, which is not shown by IMAP: open it with a local program", b"CANNOT")
_NO_RESPONSE = bad("Invalid response")


async def starttls(session: Session, _request: Bare) -> Reply:
    """STARTTLS (RFC 3501 section 6.2.1); the handshake follows the reply."""
    if session.connection.has_tls:
        return bad("TLS is already active")
    session.connection.hold()
    session.wants_tls = True
    return ok("Begin TLS negotiation now")


async def login(session: Session, request: Login) -> Reply:
    """LOGIN (RFC 3501 section 6.2.3)."""
    if not session.connection.has_tls:
        return _NEEDS_TLS
    return await _sign_in(session, request.user, request.password)


async def authenticate(session: Session, request: Authenticate) -> Reply:
    """AUTHENTICATE (RFC 3501 section 6.2.2), with or without an initial response (RFC 4959)."""
    if not session.connection.has_tls:
        return _NEEDS_TLS
    exchange = session.house.sasl.begin(request.mechanism, session.connection.certificate)
    if exchange is None:
        return no("Mechanism is not supported", b"CANNOT")
    try:
        step = await _first_step(session, exchange, request.initial)
        while isinstance(step, Challenge):
            step = await exchange.answer(await _response(session, step.data))
    except binascii.Error:
        return _NO_RESPONSE
    except _GivenUp:
        return bad("Cancelled")
    return await _admit(session, step.account) if isinstance(step, SignedIn) else await _refuse(session, step)


async def _first_step(session: Session, exchange: Exchange, initial: bytes | None) -> Step:
    if initial is not None:
        return await exchange.answer(_decoded(b"" if initial == b"=" else initial))  # RFC 4959 section 3: "=" is an empty one
    if exchange.starts_with_client:
        return await exchange.answer(await _response(session, b""))
    return await exchange.answer(b"")


class _GivenUp(Exception):
    """The client sent ``*``."""


async def _response(session: Session, challenge: bytes) -> bytes:
    """Send a challenge and return the client's answer to it. Raises ``_GivenUp``, ``binascii.Error``."""
    session.write(b"+ %b\r\n" % base64.b64encode(challenge))
    await session.flush()
    line = await session.connection.next_line(session.house.settings.login_seconds)
    if line == b"*":
        raise _GivenUp
    return _decoded(line)


def _decoded(text: bytes) -> bytes:
    return base64.b64decode(text, validate=True)


async def _sign_in(session: Session, user: bytes, password: bytes) -> Reply:
    try:
        login_name, secret = user.decode(), password.decode()
    except UnicodeDecodeError:
        return await _fail(session, user.decode("utf-8", "replace"))
    account = await session.house.directory.authenticate(login_name, secret)
    return await _admit(session, account) if account else await _fail(session, login_name)


async def _admit(session: Session, account: Account) -> Reply:
    house, address = session.house, fold(account.address)
    if account.mailbox_format is not MailboxFormat.MAILDIR:
        house.emitter.emit(Kind.REJECTED, stage="LOGIN", login=address, client=session.connection.client, reason="the mailbox is an mbox file")
        return _IS_MBOX
    mailbox = await house.store.run_for(address, _open_mailbox, house.store, address)
    if not house.admission.sign_in(address):
        return no("Too many sessions of this user", b"LIMIT")
    session.sign_in(mailbox, address)
    house.emitter.emit(Kind.LOGIN, login=address, client=session.connection.client, tls=session.connection.tls)
    return ok("Logged in", b"CAPABILITY " + capabilities(session).encode())


async def _refuse(session: Session, refused: Refused) -> Reply:
    """A message that makes no sense guesses no password; all else counts as a failure."""
    match refused.why:
        case Why.MALFORMED:
            return _NO_RESPONSE
        case Why.OTHER_USER:
            return no("No right to act for another user", b"AUTHORIZATIONFAILED")
        case Why.WRONG:
            return await _fail(session, refused.login)


def _open_mailbox(store: MailStore, address: str) -> UserMail:
    """Open a mailbox and see to it that a new one has its special folders: not every client lists before it files to Sent."""
    user = store.user(address)
    user.folders()
    return user


async def _fail(session: Session, login_name: str) -> Reply:
    """Answer late, so that guessing takes time, and after a few failures not at all."""
    settings = session.house.settings
    session.failures += 1
    session.house.emitter.emit(Kind.AUTH_FAILED, login=login_name[:255], client=session.connection.client, tls=session.connection.tls)
    await session.connection.pause(settings.failure_delay_seconds)
    if session.failures >= settings.login_failures:
        raise Ending("too many wrong passwords", "[AUTHENTICATIONFAILED] Too many failures")
    return _FAILED
