"""What can go wrong between a client and a server besides a refusal, in one exception."""

from enum import StrEnum

from services.kernel.smtp.client import Verb


class FaultKind(StrEnum):
    """The classes of a fault that a caller may want to tell apart."""

    UNREACHABLE = "unreachable"
    NO_ROUTE = "no_route"
    """This machine has no way to addresses of that family."""
    TIMED_OUT = "timed_out"
    LOST = "lost"
    PROTOCOL = "protocol"
    """The server broke the protocol."""
    TLS = "tls"
    """The TLS handshake failed, or the session right behind it."""
    TLS_MISSING = "tls_missing"
    LOGIN = "login"
    """We could not sign in: no mechanism may be used, or the server broke the one that was."""
    CERTIFICATE = "certificate"
    """The server is not who the TLS policy says."""
    CONTENT = "content"
    """Our own fault: the content could not be read."""


class Fault(ConnectionError):
    """The connection is of no more use. ``verb`` is what was awaited, ``text`` says why, for reports.

    ``transcript`` is the dialogue that led to it, where the connection was never handed out.
    """

    def __init__(self, kind: FaultKind, verb: Verb, text: str) -> None:
        super().__init__(text)
        self.kind = kind
        self.verb = verb
        self.text = text
        self.transcript: list[str] = []
