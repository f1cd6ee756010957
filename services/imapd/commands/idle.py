"""IDLE (RFC 2177): the client waits and hears of changes as they happen."""

import time

from services.imapd import ending
from services.imapd.commands.notify import tell_selected
from services.imapd.grammar.requests import Bare
from services.imapd.grammar.responses import Reply, bad, ok
from services.imapd.session import Session


async def idle(session: Session, _request: Bare) -> Reply:
    """Wait for DONE, woken by the store's notification."""
    session.write(b"+ idling\r\n")
    await session.flush()
    changed = _Bell(session)
    watched = session.selected.place.owner if session.selected is not None else session.user
    unsubscribe = session.house.watcher.subscribe(watched, changed.ring)
    try:
        line = await _wait_for_line(session, changed)
    finally:
        unsubscribe()
    return ok("Done") if line.upper() == b"DONE" else bad("DONE expected")


class _Bell:
    """Remembers that the store called. It begins rung: what happened since the last command is told at once."""

    def __init__(self, session: Session) -> None:
        self._connection = session.connection
        self.has_rung = True

    def ring(self) -> None:
        self.has_rung = True
        self._connection.wake()


async def _wait_for_line(session: Session, changed: _Bell) -> bytes:
    settings, connection = session.house.settings, session.connection
    end = time.monotonic() + settings.idle_seconds
    while (line := connection.framer.take_line()) is None:
        if changed.has_rung or (session.notices is not None and session.notices.has_rung):
            changed.has_rung = False
            await _tell(session)
        left = end - time.monotonic()
        if left <= 0:
            raise ending.idle()
        if not await connection.wait(min(left, settings.keepalive_seconds)) and left > settings.keepalive_seconds:
            session.write(b"* OK Still here\r\n")
            await session.flush()
    return line


async def _tell(session: Session) -> None:
    if session.notices is not None:
        await session.notices.tell(in_idle=True)  # RFC 5465 section 4: IDLE tells no more than was asked for
    elif session.selected is not None:
        await session.selected.look()
        await tell_selected(session, may_expunge=True)
        await session.flush()
