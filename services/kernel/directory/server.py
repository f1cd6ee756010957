"""Reading a database server (PostgreSQL) through SQLAlchemy, in threads.

Imported only when the configuration names a server: SQLAlchemy and the driver take 40 MB of memory.
"""

import asyncio
import time

from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from services.kernel.directory.config import DirectorySettings
from services.kernel.directory.engine import connect
from services.kernel.directory.queries import GENERATION, Row
from services.kernel.directory.trouble import DirectoryTrouble


class ServerSource:
    """A small pool of connections; the generation is asked for at most every ``poll_seconds``, once for all who wait."""

    def __init__(self, settings: DirectorySettings) -> None:
        self._engine = connect(settings)
        self._poll_seconds = settings.poll_seconds
        self._polled = float("-inf")
        self._generation = 0
        self._polling: asyncio.Task[int] | None = None

    async def version(self) -> int:
        """Raises ``DirectoryTrouble``."""
        if time.monotonic() - self._polled < self._poll_seconds:
            return self._generation
        if self._polling is None:
            self._polling = asyncio.create_task(self._poll())
        return await asyncio.shield(self._polling)

    async def rows(self, query: str, key: str) -> list[Row]:
        """Raises ``DirectoryTrouble``."""
        return await asyncio.to_thread(self._rows, query, key)

    def close(self) -> None:
        """Close the connections; the next lookup makes new ones."""
        self._engine.dispose()

    async def _poll(self) -> int:
        asked = time.monotonic()
        try:
            ((number,),) = await self.rows(GENERATION, "")
            self._generation = int(number or 0)
            self._polled = asked
            return self._generation
        finally:
            self._polling = None

    def _rows(self, query: str, key: str) -> list[Row]:
        try:
            with self._engine.connect() as connection:
                return [tuple(row) for row in connection.execute(text(query), {"key": key} if ":key" in query else {})]
        except SQLAlchemyError as error:
            cause = getattr(error, "orig", None) or error
            raise DirectoryTrouble(f"directory: {' '.join(str(cause).split())}") from None
