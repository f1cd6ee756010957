"""The operator's side of the control hop: one question at a time to qmgr."""

import asyncio
from collections.abc import AsyncIterator
from types import TracebackType
from typing import TypeVar

from services.admin.trouble import ControlError
from services.kernel.wire.channel import ChannelClient, ChannelLost, connect
from services.kernel.wire.control import Cat, Content, Entry, Failed, List, Listing, Request, Response, Selection

ANSWER_SECONDS = 60.0
"""A delete of 100,000 messages takes a while; a qmgr that says nothing for longer is stuck."""

Wanted = TypeVar("Wanted")


class Control:
    """A connection to qmgr, for use with ``async with``."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._channel: ChannelClient[Request, Response] | None = None

    async def __aenter__(self) -> "Control":
        try:
            self._channel = await connect(self._address, Response)  # type: ignore[arg-type]  # a union is a type to msgspec
        except OSError as error:
            raise ControlError(f"qmgr cannot be reached at {self._address}: {error.strerror or error}") from None
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self._channel is not None:
            self._channel.close()

    async def ask(self, request: Request, wanted: type[Wanted]) -> Wanted:
        """Ask, and expect an answer of the ``wanted`` type. Raises ``ControlError``."""
        assert self._channel is not None
        try:
            response = await asyncio.wait_for(self._channel.call(request), ANSWER_SECONDS)
        except TimeoutError:
            raise ControlError(f"qmgr does not answer within {ANSWER_SECONDS:g} s") from None
        except ChannelLost as error:
            raise ControlError(f"qmgr went away: {error}") from None
        if isinstance(response, Failed):
            raise ControlError(response.reason)
        if not isinstance(response, wanted):
            raise ControlError(f"qmgr gave an answer that does not fit: {type(response).__name__}")
        return response

    async def entries(self, selection: Selection) -> AsyncIterator[Entry]:
        """All that is selected, page by page, oldest first. Raises ``ControlError``."""
        after = ""
        while True:
            page = await self.ask(List(selection, after), Listing)
            for entry in page.entries:
                yield entry
            if not page.more or not page.entries:
                return
            after = page.entries[-1].queue_id

    async def content(self, queue_id: str) -> AsyncIterator[bytes]:
        """The content of a message, block by block. Raises ``ControlError``."""
        offset = 0
        while block := (await self.ask(Cat(queue_id, offset), Content)).block:
            yield block
            offset += len(block)
