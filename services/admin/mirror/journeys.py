"""What a secondary may know of the messages that it has handed over: their events here."""

import asyncio
from pathlib import Path

from services.admin.trace.index import Index
from services.admin.web import Answer
from services.kernel.wire import journey


class Journeys:
    """Answers ``GET /trace`` from the folder of the event files."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def answer(self, query: str) -> Answer:
        """The event lines of the traces asked for."""
        try:
            lines = await asyncio.to_thread(self._find, journey.read_query(query))
        except OSError:
            return "503 Service Unavailable", "text/plain", b"the events cannot be read now\n"
        return "200 OK", "application/jsonl", b"".join(line + b"\n" for line in lines)

    def _find(self, traces: list[str]) -> list[bytes]:
        index = Index(self._folder)
        try:
            index.catch_up()
            return [line for trace in traces for lines in index.find(trace, 1) for line in lines]
        finally:
            index.close()
