"""The operator's side of the control hop: one question at a time to qmgr."""

from collections.abc import AsyncIterator

from services.admin.line import Line
from services.kernel.wire.control import Cat, Content, Entry, List, Listing, Response, Selection


class Control(Line):
    """A connection to qmgr."""

    WHO = "qmgr"
    RESPONSE = Response
    SECONDS = 60.0
    """A delete of 100,000 messages takes a while; a qmgr that says nothing for longer is stuck."""

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
