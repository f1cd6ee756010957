"""The operator's end of a hop: one question at a time to a service, with every trouble in words for the command line."""

import asyncio
import contextlib
from types import TracebackType
from typing import Any, ClassVar, Self, TypeVar

from services.admin.trouble import ControlError
from services.kernel.wire.channel import ChannelClient, ChannelLost, connect

Wanted = TypeVar("Wanted")

START_SECONDS = 15.0
"""A service that was just started answers after a few seconds, and many on a machine that is busy; a refusal comes at once."""
STEP_SECONDS = 0.2


class Line:
    """A connection to one service, for use with ``async with``. A subclass says whom it asks and what can be answered."""

    WHO: ClassVar[str]
    RESPONSE: ClassVar[Any]
    """The type of all answers, a union mostly; one with ``reason`` that is not the wanted one says that it could not be done."""
    SECONDS: ClassVar[float]

    def __init__(self, address: str) -> None:
        self._address = address
        self._channel: ChannelClient[Any, Any] | None = None

    async def __aenter__(self) -> Self:
        try:
            self._channel = await self._connect()
        except OSError as error:
            raise ControlError(f"{self.WHO} cannot be reached at {self._address}: {error.strerror or error}") from None
        return self

    async def _connect(self) -> ChannelClient[Any, Any]:
        """Wait for a service that is being started: its place is there, and nobody listens yet."""
        patience = int(START_SECONDS / STEP_SECONDS)
        for _ in range(patience):
            with contextlib.suppress(ConnectionRefusedError):
                return await connect(self._address, self.RESPONSE)
            await asyncio.sleep(STEP_SECONDS)
        return await connect(self._address, self.RESPONSE)

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._channel is not None:
            self._channel.close()

    async def ask(self, request: Any, wanted: type[Wanted]) -> Wanted:
        """Ask, and expect an answer of the ``wanted`` type. Raises ``ControlError``."""
        assert self._channel is not None
        try:
            async with asyncio.timeout(self.SECONDS):
                response = await self._channel.call(request)
        except TimeoutError:
            raise ControlError(f"{self.WHO} does not answer within {self.SECONDS:g} s") from None
        except ChannelLost as error:
            raise ControlError(f"{self.WHO} went away: {error}") from None
        if isinstance(response, wanted):
            return response
        raise ControlError(getattr(response, "reason", "") or f"{self.WHO} gave an answer that does not fit: {type(response).__name__}")
