"""Prometheus metrics of a process, served over HTTP on ``/metrics``.

Each service keeps its own registry. With several workers each worker writes its values to files below ``PROMETHEUS_MULTIPROC_DIR`` (set by the
image, on a tmpfs) and worker 0 serves their sum.
"""

import asyncio
import os
import threading

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Gauge, generate_latest
from prometheus_client.multiprocess import MultiProcessCollector

from services.kernel.runtime.listening import own_addresses

REQUEST_SECONDS = 5.0
"""A scraper sends its request at once; whoever does not is cut."""
GATHER_SECONDS = 0.25
"""How far values may lag. One that workers share lies in a file, where a change costs 5 us; smtpd makes four of them a message."""


class Metrics:
    """The registry of a service and the counter of its events."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._events = Counter("malleposte_events", "Events by kind.", ["kind"], registry=self.registry)
        self._kinds: dict[str, Counter] = {}
        self._gathered: dict[Counter | Gauge, int] = {}
        self._is_planned = False
        self._lock = threading.Lock()

    def count_event(self, kind: str) -> None:
        """Count one event; the hook for ``Emitter.on_event``."""
        child = self._kinds.get(kind)
        if child is None:
            child = self._kinds[kind] = self._events.labels(kind)
        self.add(child, 1)

    def add(self, value: Counter | Gauge, amount: int) -> None:
        """Add, within ``GATHER_SECONDS``, to a value that changes with every message or connection. From any thread."""
        with self._lock:
            self._gathered[value] = self._gathered.get(value, 0) + amount
            is_planned, self._is_planned = self._is_planned, True
        if is_planned:
            return
        try:
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._write_out)
        except RuntimeError:
            self._write_out()

    def _write_out(self) -> None:
        with self._lock:
            gathered, self._gathered = self._gathered, {}
            self._is_planned = False
        for value, amount in gathered.items():
            value.inc(amount)

    def render(self) -> bytes:
        """The exposition text, summed over the workers where there are several."""
        self._write_out()
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
