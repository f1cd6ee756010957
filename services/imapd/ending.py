"""How a session ends before its time."""


class Ending(Exception):
    """The session is over. ``reason`` is for the operator; ``farewell``, if any, is what BYE tells the client."""

    def __init__(self, reason: str, farewell: str = "") -> None:
        super().__init__(reason)
        self.reason = reason
        self.farewell = farewell


def lost() -> Ending:
    """The client is gone."""
    return Ending("connection lost")


def idle() -> Ending:
    """The client said nothing for too long (RFC 3501 section 5.4)."""
    return Ending("idle for too long", "Autologout; idle for too long")


def stalled() -> Ending:
    """The client does not take what it asked for, or stopped in the middle of a message."""
    return Ending("stalled")


def stopping() -> Ending:
    """The service stops."""
    return Ending("service stops", "[UNAVAILABLE] Server is going down; try again soon")
