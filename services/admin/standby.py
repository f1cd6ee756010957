"""The operator's side of the standby hop: one question to backupmx."""

from services.admin.line import Line
from services.kernel.wire.standby import Request, State


class _Backupmx(Line):
    """A connection to backupmx."""

    WHO = "backupmx"
    RESPONSE = State
    SECONDS = 180.0
    """A look at primaries that do not answer takes as long as relay waits for a connection."""


async def ask(address: str, request: Request) -> State:
    """Raises ``ControlError``."""
    async with _Backupmx(address) as line:
        return await line.ask(request, State)
