"""The sessions of a process: accepted, counted, and ended when the service stops."""

import asyncio
import ssl

from services.imapd.connection import HANDSHAKE_SECONDS, Connection
from services.imapd.dialogue import Dialogue
from services.imapd.session import House

BACKLOG = 1024
"""Connections that wait for ``accept``: all clients come at once after a restart (Linux caps it at ``net.core.somaxconn``)."""
STOP_SECONDS = 10.0
"""What a command in hand may still take at the stop; half of what the process has."""


class Sessions:
    """Listens and keeps the tasks of the sessions. ``house`` is what the next session lives by and may be replaced."""

    def __init__(self, house: House) -> None:
        self.house = house
        self._listeners: list[asyncio.Server] = []
        self._tasks: dict[asyncio.Task[None], Connection] = {}

    async def listen(self, host: str | None, port: int, *, tls_first: bool) -> int:
        """Listen, shared with other workers (``SO_REUSEPORT``), and return the port. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        listener = await loop.create_server(
            lambda: Connection(self._begin, self.house.settings.stall_seconds),
            host,
            port,
            backlog=BACKLOG,
            reuse_port=True,
            ssl=self._implicit_tls() if tls_first else None,
            ssl_handshake_timeout=HANDSHAKE_SECONDS if tls_first else None,
        )
        self._listeners.append(listener)
        bound: int = listener.sockets[0].getsockname()[1]
        return bound

    def _implicit_tls(self) -> ssl.SSLContext:
        """The context to listen with: it hands each handshake over to the one of the moment, so that a renewed certificate is used."""

        def use_current(handshake: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            handshake.context = self.house.tls()

        context = self.house.tls()
        context.sni_callback = use_current
        return context

    def _begin(self, connection: Connection) -> None:
        task = asyncio.get_running_loop().create_task(Dialogue(self.house, connection).run())
        self._tasks[task] = connection
        task.add_done_callback(self._tasks.pop)

    async def stop(self) -> None:
        """Take no new session, let each finish the command in hand, say BYE, and cut who takes too long."""
        for listener in self._listeners:
            listener.close()
        tasks = dict(self._tasks)
        for connection in tasks.values():
            connection.stop()
        if tasks:
            await asyncio.wait(tasks, timeout=STOP_SECONDS)
        for task, connection in tasks.items():
            if not task.done():
                connection.abort()
                task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
