"""Commands of any state: CAPABILITY, NOOP, LOGOUT, ID."""

from services.imapd.grammar.requests import Bare, Identify
from services.imapd.grammar.responses import Reply, ok, string
from services.imapd.session import Session, State

_ALWAYS = ("IMAP4rev1", "LITERAL+", "ID")
_AFTER_LOGIN = ("NAMESPACE", "IDLE", "UIDPLUS", "MOVE", "UNSELECT", "CHILDREN", "SPECIAL-USE", "LIST-EXTENDED", "LIST-STATUS")


def capabilities(session: Session) -> str:
    """What can be used now (RFC 3501 section 6.1.1)."""
    if session.state is not State.NOT_AUTHENTICATED:
        return " ".join((*_ALWAYS, *_AFTER_LOGIN))
    if session.connection.has_tls:
        return " ".join((*_ALWAYS, "SASL-IR", "AUTH=PLAIN"))
    return " ".join((*_ALWAYS, "STARTTLS", "LOGINDISABLED"))


async def capability(session: Session, _request: Bare) -> Reply:
    """CAPABILITY."""
    session.write(f"* CAPABILITY {capabilities(session)}\r\n".encode())
    return ok("Done")


async def noop(_session: Session, _request: Bare) -> Reply:
    """NOOP and CHECK: nothing but what is told of the folder; all that was acknowledged is safe already."""
    return ok("Done")


async def logout(session: Session, _request: Bare) -> Reply:
    """LOGOUT."""
    session.write(b"* BYE Good bye\r\n")
    session.is_over = True
    return ok("Done")


async def identify(session: Session, _request: Identify) -> Reply:
    """ID (RFC 2971): our name and no version, which would help an attacker only."""
    session.write(b"* ID (%b %b)\r\n" % (string(b"name"), string(b"Malleposte")))
    return ok("Done")
