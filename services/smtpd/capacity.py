"""Whether there is room for a message in the mailboxes that it is for, as far as mda has said (``kernel.wire.room``)."""

from dataclasses import dataclass

from services.kernel.directory.reader import Directory
from services.kernel.mail.address import fold
from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, Router
from services.kernel.wire.room import Board

FULL = Reply(552, "5.2.2", "mailbox is full")
FULL_FOR_NOW = Reply(452, "4.2.2", "mailbox is full")


@dataclass(frozen=True, slots=True)
class Capacity:
    """``reply`` is what a recipient without room hears."""

    board: Board
    directory: Directory
    router: Router
    reply: Reply

    async def judge(self, accepted: Accepted, size_bytes: int) -> Reply | None:
        """Refuse a recipient when none of those that it stands for has room; of several one is enough. Raises ``LookupTrouble``."""
        for address in accepted.final:
            if await self._takes(address, size_bytes):
                return None
        return self.reply if accepted.final else None

    async def _takes(self, address: str, size_bytes: int) -> bool:
        room = self.board.room(fold(address))
        if room is None and self.board.has_any:
            account = await self.directory.account(address)  # with an extension it is another word for the mailbox
            room = self.board.room(account.address) if account is not None else None
        return room is None or room.takes(size_bytes) or not await self.router.is_for_mailbox(address)
