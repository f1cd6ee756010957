"""The line to relay: one kept connection, made when it is needed."""

import asyncio

from services.kernel.mail.outcome import Outcome
from services.kernel.wire import channel
from services.kernel.wire.channel import ChannelClient, ChannelLost
from services.kernel.wire.delivery import ProbeRequest, ProbeResponse

CONNECT_SECONDS = 5.0
"""Relay is on our own network: it answers at once or is not there."""
ANSWER_SECONDS = 75.0
"""Longer than relay itself gives a probe."""


class NoLine(Exception):
    """Relay cannot be asked, or did not answer. Nothing is known then."""


class Line:
    """Asks relay at ``address``."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._client: ChannelClient[ProbeRequest, ProbeResponse] | None = None
        self._connecting = asyncio.Lock()

    async def probe(self, request: ProbeRequest) -> Outcome:
        """The outcome of one probe. Raises ``NoLine``. A connection that relay closed before the question is made anew."""
        try:
            client = await self._connect()
            async with asyncio.timeout(ANSWER_SECONDS):
                return (await client.call(request)).outcome
        except TimeoutError:
            raise NoLine("relay does not answer") from None
        except ChannelLost as error:
            raise NoLine(f"relay went away: {error}") from None
        except OSError as error:
            raise NoLine(f"relay cannot be reached: {error.strerror or error}") from None

    async def _connect(self) -> ChannelClient[ProbeRequest, ProbeResponse]:
        async with self._connecting:
            if self._client is None or not self._client.is_open:
                async with asyncio.timeout(CONNECT_SECONDS):
                    self._client = await channel.connect(self._address, ProbeResponse)
            return self._client

    def close(self) -> None:
        """End the connection."""
        if self._client is not None:
            self._client.close()
