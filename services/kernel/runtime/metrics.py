"""Prometheus metrics of a process, served over HTTP on ``/metrics``.

Each service keeps its own registry. With several workers each worker writes its values to files below ``PROMETHEUS_MULTIPROC_DIR`` (set by the
image, on a tmpfs) and worker 0 serves their sum.
"""

import asyncio
import os

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from services.kernel.runtime.listening import own_addresses

REQUEST_SECONDS = 5.0
"""A scraper sends its request at once; whoever does not is cut."""


class Metrics:
    """The registry of a service and the counter of its events."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        events = Counter("malleposte_events", "Events by kind.", ["kind"], registry=self.registry)
        self._events = events
        self._children: dict[str, Counter] = {}

    def count_event(self, kind: str) -> None:
        """Count one event; the hook for ``Emitter.on_event``."""
        child = self._children.get(kind)
        if child is None:
            child = self._children[kind] = self._events.labels(kind)
        child.inc()

    def render(self) -> bytes:
        """The exposition text, summed over the workers where there are several."""
        if "PROMETHEUS_MULTIPROC_DIR" not in os.environ:
            return generate_latest(self.registry)
        merged = CollectorRegistry()
        MultiProcessCollector(merged)  # type: ignore[no-untyped-call]  # prometheus_client has no types here
        return generate_latest(merged)

    async def serve(self, address: str) -> asyncio.Server:
        """Answer ``GET /metrics`` on ``host:port``. Raises ``OSError``."""
        host, _, port = address.rpartition(":")
        return await asyncio.start_server(self._answer, await own_addresses(host), int(port), reuse_port=True)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), REQUEST_SECONDS)
            if head.startswith(b"GET /metrics"):
                body, status, kind = self.render(), "200 OK", CONTENT_TYPE_LATEST
            else:
                body, status, kind = b"only /metrics is here\n", "404 Not Found", "text/plain"
            length = len(body)
            top = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n"
            writer.write(top.encode() + body)
            await asyncio.wait_for(writer.drain(), REQUEST_SECONDS)
        except (TimeoutError, OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            pass
        finally:
            writer.close()
