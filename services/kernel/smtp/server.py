"""The listening side of SMTP and LMTP.

A service says how by ``Rules``, and plugs in a ``Handler`` for each connection; the contract of both is in ``handler.py``. In short::

    server = Server(Rules(hostname="mx.example.test"), lambda peer: Conversation(peer, ...), on_defect)
    await server.listen("0.0.0.0", 25)
    ...
    await server.stop()
"""

import asyncio
from collections.abc import Callable

from services.kernel.smtp.handler import Handler, Peer, Rules


class Server:
    """Accepts connections for one set of rules, on any number of addresses."""

    def __init__(self, rules: Rules, make_handler: Callable[[Peer], Handler], on_defect: Callable[[BaseException], None]) -> None:
        self._rules = rules
        self._make_handler = make_handler
        self._on_defect = on_defect
        self._listeners: list[asyncio.Server] = []

    async def listen(self, host: str | None, port: int, *, tls_first: bool = False) -> int:
        """Listen, shared with other workers (``SO_REUSEPORT``); ``tls_first`` is implicit TLS. Returns the port. Raises ``OSError``."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Take no new connection, let commits in hand finish, tell everybody else ``421 4.3.2`` and return when all are gone."""
        raise NotImplementedError
