"""A sign of life while a command takes long (RFC 9585), so that neither the client nor a router on the way gives up."""

import asyncio

from services.imapd.grammar.responses import string
from services.imapd.session import Session

SECONDS = 10.0
"""RFC 9585 section 4 asks for no more than one in so long."""


class Ticker:
    """Tells every while that the command in hand is being done. Only for commands that write whole lines."""

    def __init__(self, session: Session, tag: bytes) -> None:
        self._session = session
        self._line = b"* OK [INPROGRESS (%b NIL NIL)] Still at it\r\n" % string(tag)
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._wind()

    def __exit__(self, *_: object) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _wind(self) -> None:
        self._timer = asyncio.get_running_loop().call_later(SECONDS, self._tick)

    def _tick(self) -> None:
        self._session.write(self._line)
        self._session.send()
        self._wind()
