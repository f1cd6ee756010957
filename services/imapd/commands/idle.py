"""IDLE (RFC 2177): the client waits and hears of changes as they happen."""

import time
from collections.abc import Hashable

from services.imapd import ending
from services.imapd.commands.notify import tell_selected
from services.imapd.grammar.requests import Bare
from services.imapd.grammar.responses import Reply, bad, ok
from services.imapd.selected import Look
from services.imapd.session import Session


async def idle(session: Session, _request: Bare) -> Reply:
    """Wait for DONE, and be told of what happens: by ``idlers`` where that is possible."""
    session.write(b"+ idling\r\n")
    await session.flush()
    idler = _Idler(session)
    watched = session.selected.place.owner if session.selected is not None else session.user
    leave = session.house.idlers.enter(watched, idler)
    try:
        line = await _wait_for_line(session, idler)
    finally:
        leave()
    return ok("Done") if line.upper() == b"DONE" else bad("DONE expected")


class _Idler:
    """This session, for ``Idlers``. It begins rung: what happened since the last command is told at once."""

    def __init__(self, session: Session) -> None:
        self.session = session
        self.has_rung = True
        self._is_waiting = False

    def ring(self) -> None:
        """Have the session look for itself."""
        self.has_rung = True
        self.session.connection.wake()

    async def wait(self, seconds: float) -> bool:
        """Wait for input or the bell, and may be told of news meanwhile; return false when neither came. Raises ``Ending``."""
        self._is_waiting = True
        try:
            return await self.session.connection.wait(seconds)
        finally:
            self._is_waiting = False

    @property
    def moment(self) -> Hashable:
        """What it knows of its folder; ``None`` when it must look for itself."""
        session = self.session
        can_be_told = self._is_waiting and not self.has_rung and session.notices is None and session.connection.can_take_more
        return session.selected.moment if can_be_told and session.selected is not None else None

    async def glance(self) -> tuple[Look, bool]:
        """Look at the folder for all who know the same. Raises what that raises."""
        return await self.session.folder.glance()

    def tell(self, found: Look, *, is_first: bool) -> None:
        """Say what happened, for a session that sleeps."""
        selected = self.session.folder
        selected.take_in(found, is_first)
        self.session.announce(selected.view.announce(may_expunge=True))
        self.session.send()


async def _wait_for_line(session: Session, idler: _Idler) -> bytes:
    settings, connection = session.house.settings, session.connection
    end = time.monotonic() + settings.idle_seconds
    while (line := connection.framer.take_line()) is None:
        if idler.has_rung or (session.notices is not None and session.notices.has_rung):
            idler.has_rung = False
            await _tell(session)
        left = end - time.monotonic()
        if left <= 0:
            raise ending.idle()
        if not await idler.wait(min(left, settings.keepalive_seconds)) and left > settings.keepalive_seconds:
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
