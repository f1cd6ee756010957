"""The listening side of SMTP and LMTP.

A service says how by ``Rules``, and plugs in a ``Handler`` for each connection; the contract of both is in ``handler.py``. In short::

    server = Server(Rules(hostname="mx.example.test"), lambda peer: Conversation(peer, ...), on_defect)
    await server.listen("0.0.0.0", 25)
    ...
    await server.stop()
"""

import asyncio
import errno
import ssl
from collections.abc import Callable
from functools import partial

from services.kernel.smtp.admission import Admission
from services.kernel.smtp.handler import Handler, Peer, Rules
from services.kernel.smtp.protocol import HANDSHAKE_SECONDS, CommandProtocol, Surroundings
from services.kernel.smtp.session import Session

BACKLOG = 1024
"""Connections that wait for ``accept``: a burst must not meet a full queue (Linux caps it at ``net.core.somaxconn``)."""


class Server:
    """Accepts connections for one set of rules, on any number of addresses."""

    def __init__(self, rules: Rules, make_handler: Callable[[Peer], Handler], on_defect: Callable[[BaseException], None]) -> None:
        self.rules = rules
        """What the next session lives by; may be replaced while the server runs, but for the limits on sessions."""
        self._make_handler = make_handler
        self._on_defect = on_defect
        self._listeners: list[asyncio.Server] = []
        self._admission: Admission[CommandProtocol] = Admission(rules.session_limit, rules.client_session_limit)

    @property
    def session_count(self) -> int:
        """Connections at this moment."""
        return len(self._admission)

    async def listen(self, host: str | None, port: int, *, tls_first: bool = False) -> int:
        """Listen, shared with other workers (``SO_REUSEPORT``); ``tls_first`` is implicit TLS. Returns the port. Raises ``OSError``."""
        loop = asyncio.get_running_loop()
        surroundings = Surroundings(lambda: self.rules, self._make_handler, self._on_defect, self._admission)
        listener = await loop.create_server(
            partial(Session, surroundings, loop),
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

        def use_current(session: ssl.SSLObject, _name: str | None, _context: ssl.SSLContext) -> None:
            if self.rules.tls is not None:
                session.context = self.rules.tls(Peer(""))

        if self.rules.tls is None:
            raise OSError(errno.EINVAL, "implicit TLS needs a certificate")
        context = self.rules.tls(Peer(""))
        context.sni_callback = use_current
        return context

    async def stop(self) -> None:
        """Take no new connection, let commits in hand finish, tell everybody else ``421 4.3.2`` and return when all are gone."""
        for listener in self._listeners:
            listener.close()
        tasks = []
        for session in self._admission:
            session.stop()
            tasks.append(session.task)
        await asyncio.gather(*tasks, return_exceptions=True)
