"""The doors of a server of lines: ports in clear text and with TLS from the start, a bounded number of sessions, a certificate that is renewed."""

import asyncio
import ssl
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from services.kernel.runtime.lines import HANDSHAKE_SECONDS, LineStream
from services.kernel.runtime.tls import Certificate, ServerTls

CERTIFICATE_CHECK_SECONDS = 10.0
"""A renewed certificate is in use this long after it appears, at the latest; looking costs two ``stat``."""
STOP_SECONDS = 10.0
"""Half of what the life cycle allows: time for sessions to answer what they have in hand."""
BACKLOG = 512
"""More than the sessions that may come in while one turn of the loop lasts."""


class Conversing(Protocol):
    """A session on a connection."""

    async def serve(self) -> None:
        """Hold the dialogue until one side ends it. Nothing that goes wrong leaves it."""

    def stop(self) -> None:
        """End before the next command."""


@dataclass(frozen=True, slots=True)
class House:
    """What is decided by the protocol: the longest line, how many sessions at a time, and what one too many is told."""

    line_bytes: int
    session_limit: int
    full: bytes


class Reception:
    """Lets clients in. ``receive`` makes the session of a new connection; ``on_trouble`` hears of a certificate that cannot be loaded."""

    def __init__(
        self, house: House, tls: ServerTls, receive: Callable[[LineStream, bool], Conversing], on_trouble: Callable[[str], None]
    ) -> None:
        self._house = house
        self._receive = receive
        self._on_trouble = on_trouble
        self._certificate = Certificate(tls)
        self._certificate_checked = 0.0
        self._servers: list[asyncio.Server] = []
        self._sessions: dict[asyncio.Task[None], Conversing] = {}
        self.on_count: Callable[[int], None] = lambda _: None
        """Hears the number of sessions when it changes."""

    async def listen(self, address: str, *, is_tls: bool) -> None:
        """Open a port, ``host:port``. Raises ``OSError``."""
        host, _, port = address.rpartition(":")
        loop = asyncio.get_running_loop()

        def protocol() -> LineStream:
            return LineStream(lambda stream: self._begin(stream, is_tls), self._house.line_bytes)

        server = await loop.create_server(
            protocol,
            host.strip("[]") or None,
            int(port),
            reuse_port=True,
            backlog=BACKLOG,
            ssl=self._context_for_all() if is_tls else None,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if is_tls else None,
        )
        self._servers.append(server)

    def addresses(self) -> list[tuple[str, int]]:
        """Where is listened, in order, for callers that asked for any port."""
        return [server.sockets[0].getsockname()[:2] for server in self._servers]

    async def stop(self) -> None:
        """Close the ports and let each session answer what it has in hand."""
        for server in self._servers:
            server.close()
        for session in self._sessions.values():
            session.stop()
        if self._sessions:
            _, late = await asyncio.wait(self._sessions, timeout=STOP_SECONDS)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    def context(self) -> ssl.SSLContext:
        """The TLS context of now."""
        now = asyncio.get_running_loop().time()
        if now - self._certificate_checked > CERTIFICATE_CHECK_SECONDS:
            self._certificate_checked = now
            self.refresh_certificate()
        return self._certificate.context

    def refresh_certificate(self) -> None:
        """Load a renewed certificate; one that cannot be loaded leaves the old one in use."""
        try:
            self._certificate.refresh()
        except OSError as error:
            self._on_trouble(str(error))

    def _context_for_all(self) -> ssl.SSLContext:
        """The context to listen with: it hands each handshake over to the one of that moment, so that a renewed certificate is used."""

        def use_current(session: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            session.context = self.context()

        self._certificate.context.sni_callback = use_current
        return self._certificate.context

    def _begin(self, stream: LineStream, is_tls: bool) -> None:
        if len(self._sessions) >= self._house.session_limit:
            stream.refuse(self._house.full)
            return
        session = self._receive(stream, is_tls)
        task = asyncio.get_running_loop().create_task(session.serve())
        self._sessions[task] = session
        self.on_count(len(self._sessions))
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        del self._sessions[task]
        self.on_count(len(self._sessions))
