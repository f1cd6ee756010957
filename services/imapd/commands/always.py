"""Commands of any state, CAPABILITY, NOOP, LOGOUT, ID, and those that change how a session speaks, ENABLE and COMPRESS."""

from services.imapd.extensions import MODES, capabilities
from services.imapd.grammar.requests import Bare, Compress, Enable, Identify
from services.imapd.grammar.responses import Reply, no, ok, string
from services.imapd.session import Session


async def capability(session: Session, _request: Bare) -> Reply:
    """CAPABILITY."""
    session.write(f"* CAPABILITY {capabilities(session)}\r\n".encode())
    return ok("Done")


async def compress(session: Session, request: Compress) -> Reply:
    """COMPRESS (RFC 4978 section 3); it begins behind the reply."""
    if request.mechanism != b"DEFLATE":
        return no("Mechanism is not supported", b"CANNOT")
    if session.connection.is_compressed:
        return no("Compression is already active", b"COMPRESSIONACTIVE")
    session.wants_compression = True
    return ok("Compression begins")


async def enable(session: Session, request: Enable) -> Reply:
    """ENABLE (RFC 5161 section 3.1): unknown names are passed over, and only what was not on before is told."""
    asked = dict.fromkeys(MODES[name] for name in request.names if name in MODES)
    fresh = [mode for mode in asked if session.enable(mode)]
    session.write(f"* ENABLED {' '.join(fresh)}".rstrip().encode() + b"\r\n")
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
