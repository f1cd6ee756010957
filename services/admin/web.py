"""The daemon's HTTP side: ``/healthz`` and ``/metrics``, a few lines instead of a framework's 25 MB while there is no panel."""

import asyncio
from collections.abc import Awaitable, Callable

REQUEST_SECONDS = 5.0
"""A probe or scraper sends its request at once; whoever does not is cut."""
HEAD_BYTES = 8192
"""More than any of them sends (nginx `large_client_header_buffers` has 8k)."""

Answer = tuple[str, str, bytes]
"""Status line, content type, body."""
Handler = Callable[[], Awaitable[Answer]]

_NOT_FOUND: Answer = ("404 Not Found", "text/plain", b"not here\n")
_NOT_GET: Answer = ("405 Method Not Allowed", "text/plain", b"GET only\n")


class Web:
    """Answers ``GET`` of the paths in ``handlers``, one request a connection."""

    def __init__(self, handlers: dict[str, Handler]) -> None:
        self._handlers = handlers

    async def listen(self, address: str) -> asyncio.Server:
        """Serve ``host:port``. Raises ``OSError``."""
        host, _, port = address.rpartition(":")
        return await asyncio.start_server(self._serve, host or None, int(port), limit=HEAD_BYTES)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), REQUEST_SECONDS)
            status, kind, body = await self._answer(head)
            top = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
            writer.write(top.encode() + (b"" if head.startswith(b"HEAD ") else body))
            await asyncio.wait_for(writer.drain(), REQUEST_SECONDS)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass  # the caller is gone or no HTTP client: nobody to tell
        finally:
            writer.close()

    async def _answer(self, head: bytes) -> Answer:
        words = head.split(b"\r\n", 1)[0].decode("latin-1").split(" ")
        if len(words) != 3 or words[0] not in ("GET", "HEAD"):
            return _NOT_GET
        handler = self._handlers.get(words[1].partition("?")[0])
        return await handler() if handler else _NOT_FOUND
