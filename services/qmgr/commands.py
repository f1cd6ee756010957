"""The sending end of the delivery hop to pipe: a connection made when a message for a command is there, as most sites have none."""

import asyncio

from services.kernel.mail.outcome import Deferred, Remote
from services.kernel.mail.reply import Reply
from services.kernel.wire import channel
from services.kernel.wire.channel import ChannelClient
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse

CONNECT_SECONDS = 5.0
"""Pipe is beside us: it answers at once or is not there."""
_AWAY = Deferred(Reply(451, "4.3.5", "the service pipe, which runs commands, is not here"), Remote(), site=True)


class Commands:
    """Asks pipe at ``address``. Where it cannot be reached the answer is a deferral of the whole destination."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: ChannelClient[DeliveryRequest, DeliveryResponse] | None = None
        self._lock = asyncio.Lock()

    def ask(self, request: DeliveryRequest) -> asyncio.Future[DeliveryResponse]:
        """The answer to come; ``ChannelLost`` when the connection ends before it."""
        return asyncio.ensure_future(self._ask(request))

    async def _ask(self, request: DeliveryRequest) -> DeliveryResponse:
        try:
            client = await self._connected()
        except (OSError, TimeoutError):
            return DeliveryResponse([_AWAY] * len(request.recipients))
        return await client.call(request)

    async def _connected(self) -> ChannelClient[DeliveryRequest, DeliveryResponse]:
        async with self._lock:
            if self._client is None or self._client.closed.is_set():
                async with asyncio.timeout(CONNECT_SECONDS):
                    self._client = await channel.connect(self._address, DeliveryResponse)
            return self._client
