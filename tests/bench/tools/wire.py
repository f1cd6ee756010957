"""Thin clients over TLS: what a server sends is counted and thrown away up to the line that ends its reply, so that its own cost is measured."""

import socket
import ssl
import time
from typing import NamedTuple

from tests.bench.tools.login import context

SECONDS = 120.0
"""A server that says nothing for longer has hung."""
BLOCK_BYTES = 1 << 18
LINE_BYTES = 1_000
"""Longer than any tagged line."""


class Refused(Exception):
    """The server did not do a command."""


class Reply(NamedTuple):
    """Seconds from the command to the end of its reply, the bytes that came, and the last of them."""

    seconds: float
    size: int
    tail: bytes


class Connection:
    """One TLS connection."""

    def __init__(self, server: str, port: int, trusting: ssl.SSLContext | None = None, seconds: float = SECONDS) -> None:
        plain = socket.create_connection((server, port), seconds)
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket = (trusting or context()).wrap_socket(plain)
        self._block = bytearray(BLOCK_BYTES)

    def receive(self) -> memoryview:
        """What has come next. Raises ``EOFError``."""
        count = self.socket.recv_into(self._block)
        if not count:
            raise EOFError("the server closed the connection")
        return memoryview(self._block)[:count]

    def tail_until(self, end: bytes) -> tuple[int, bytes]:
        """Read until ``end``, that nothing follows; how much came and the last of it."""
        size, tail = 0, b""
        while not tail.endswith(end):
            block = self.receive()
            size += len(block)
            tail = (tail + block[-LINE_BYTES:])[-LINE_BYTES:]
        return size, tail

    def close(self) -> None:
        self.socket.close()


class Imap(Connection):
    """A session that is signed in."""

    def __init__(
        self, server: str, user: str, password: str, trusting: ssl.SSLContext | None = None, seconds: float = SECONDS
    ) -> None:
        super().__init__(server, 993, trusting, seconds)
        self._count = 0
        self.tail_until(b"\r\n")
        self.command(f"LOGIN {user} {password}".encode())

    def send(self, command: bytes) -> bytes:
        """Send a command; its tag."""
        self._count += 1
        tag = b"#%d" % self._count
        self.socket.sendall(tag + b" " + command + b"\r\n")
        return tag

    def finish(self, tag: bytes) -> tuple[int, bytes]:
        """Read to the end of a command's reply; how much came and the last of it. Raises ``Refused`` when it is not OK."""
        size, tail, line = 0, b"", 0
        while not (tail.endswith(b"\r\n") and tail.startswith(tag + b" ", line)):
            block = self.receive()
            size += len(block)
            tail = (tail + block[-LINE_BYTES:])[-LINE_BYTES:]
            line = tail.rfind(b"\n", 0, -1) + 1
        if not tail.startswith(tag + b" OK", line):
            raise Refused(f"{tail[-200:]!r}")
        return size, tail

    def command(self, command: bytes) -> Reply:
        """Raises ``Refused`` when the reply is not OK."""
        start = time.perf_counter()
        size, tail = self.finish(self.send(command))
        return Reply(time.perf_counter() - start, size, tail)

    def idle(self) -> None:
        """Begin IDLE; from now on what comes is untagged."""
        self.send(b"IDLE")
        self.tail_until(b"\r\n")
        self.socket.setblocking(False)

    def news(self) -> bytes:
        """All that has come, without waiting."""
        found = b""
        while True:
            try:
                found += self.receive()
            except ssl.SSLWantReadError:
                return found


class Pop3(Connection):
    """A session that is signed in."""

    def __init__(self, server: str, user: str, password: str) -> None:
        super().__init__(server, 995)
        self.tail_until(b"\r\n")
        self.command(f"USER {user}".encode())
        self.command(f"PASS {password}".encode())

    def command(self, command: bytes, end: bytes = b"\r\n") -> Reply:
        """Raises ``Refused`` when the reply, as far as it is kept, is an error."""
        start = time.perf_counter()
        self.socket.sendall(command + b"\r\n")
        size, tail = self.tail_until(end)
        if tail.startswith(b"-ERR"):
            raise Refused(f"{command!r}: {tail!r}")
        return Reply(time.perf_counter() - start, size, tail)
