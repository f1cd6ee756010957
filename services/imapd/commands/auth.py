"""How a client becomes a user: STARTTLS, LOGIN, AUTHENTICATE."""

import asyncio
import base64
import binascii

from services.imapd.commands.always import capabilities
from services.imapd.ending import Ending
from services.imapd.grammar.requests import Authenticate, Bare, Login
from services.imapd.grammar.responses import Reply, bad, no, ok
from services.imapd.session import Session
from services.kernel.mail.address import fold
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.user import UserMail
from services.kernel.wire.events import Kind

_NEEDS_TLS = no("Use TLS first", b"PRIVACYREQUIRED")
_FAILED = no("Authentication failed", b"AUTHENTICATIONFAILED")
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
    """AUTHENTICATE PLAIN (RFC 3501 section 6.2.2, RFC 4616), with or without an initial response (RFC 4959)."""
    if not session.connection.has_tls:
        return _NEEDS_TLS
    if request.mechanism != "PLAIN":
        return no("Mechanism is not supported", b"CANNOT")
    response = request.initial
    if response is None:
        session.write(b"+ \r\n")
        await session.flush()
        response = await session.connection.next_line(session.house.settings.login_seconds)
    if response == b"*":
        return bad("Cancelled")
    try:
        message = b"" if response == b"=" else base64.b64decode(response, validate=True)  # RFC 4959 section 3: "=" is an empty one
        authorization, user, password = message.split(b"\0")
    except (binascii.Error, ValueError):
        return _NO_RESPONSE
    if authorization not in (b"", user):
        return no("No right to act for another user", b"AUTHORIZATIONFAILED")
    return await _sign_in(session, user, password)


async def _sign_in(session: Session, user: bytes, password: bytes) -> Reply:
    house = session.house
    try:
        login_name, secret = user.decode(), password.decode()
    except UnicodeDecodeError:
        return await _fail(session, user.decode("utf-8", "replace"))
    account = await house.directory.authenticate(login_name, secret)
    if account is None:
        return await _fail(session, login_name)
    address = fold(account.address)
    mailbox = await house.store.run(_open_mailbox, house.store, address)
    if not house.admission.sign_in(address):
        return no("Too many sessions of this user", b"LIMIT")
    session.sign_in(mailbox, address)
    house.emitter.emit(Kind.LOGIN, login=address, client=session.connection.client, tls=session.connection.tls)
    return ok("Logged in", b"CAPABILITY " + capabilities(session).encode())


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
    await asyncio.sleep(settings.failure_delay_seconds)
    if session.failures >= settings.login_failures:
        raise Ending("too many wrong passwords", "[AUTHENTICATIONFAILED] Too many failures")
    return _FAILED
