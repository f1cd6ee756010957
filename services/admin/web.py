"""The daemon's HTTP side: ``/healthz``, ``/metrics`` and the mirror, a few lines instead of a framework's 25 MB while there is no panel."""

import asyncio
import ssl
from collections.abc import Awaitable, Callable

REQUEST_SECONDS = 5.0
"""A probe or scraper sends its request at once; whoever does not is cut."""
ANSWER_SECONDS = 900.0
"""For the rest of an answer over TLS, which is cut after 30 s otherwise: 20 MB, the recipients of a large site, at 200 kbit/s."""
HEAD_BYTES = 8192
"""More than any of them sends (nginx `large_client_header_buffers` has 8k)."""

Answer = tuple[str, str, bytes]
"""Status line, content type, body."""
Handler = Callable[[str], Awaitable[Answer]]
"""Takes what stands behind the question mark."""

_NOT_FOUND: Answer = ("404 Not Found", "text/plain", b"not here\n")
_NOT_GET: Answer = ("405 Method Not Allowed", "text/plain", b"GET only\n")


class Web:
    """Answers ``GET`` of the paths in ``handlers``, one request a connection."""

    def __init__(self, handlers: dict[str, Handler], head_bytes: int = HEAD_BYTES) -> None:
        self._handlers = handlers
        self._head_bytes = head_bytes

    async def listen(self, address: str, context: ssl.SSLContext | None = None) -> asyncio.Server:
        """Serve ``host:port``, over TLS with a context. Raises ``OSError``."""
        host, _, port = address.rpartition(":")
        patience = ANSWER_SECONDS if context is not None else None
        return await asyncio.start_server(
            self._serve, host or None, int(port), limit=self._head_bytes, ssl=context, ssl_shutdown_timeout=patience
        )

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
        path, _, query = words[1].partition("?")
        handler = self._handlers.get(path)
        return await handler(query) if handler else _NOT_FOUND
