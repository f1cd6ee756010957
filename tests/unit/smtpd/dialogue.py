"""Runs a dialogue file against a server.

========================  ==========================================================================
``c -> EHLO me``          the client sends a line, CRLF added
``c => one\\r\\ntwo``       the client sends exactly this, in one write, with Python's escapes
``c <~ 250 2\\.1\\.0``      the next reply, its lines joined by ``|``, matches from its start
``c <| ``                 the server has closed the connection
``c half-close``          the client closes its sending side
``c starttls``            the client shakes hands
``queued 1``              so many messages are in the queue
========================  ==========================================================================
"""

import re
import socket
from pathlib import Path

from tests.unit.smtpd.site import Running


class Dialogue:
    """One client connection and what has been read ahead of it."""

    def __init__(self, running: Running) -> None:
        self._running = running
        self._socket = socket.create_connection(("127.0.0.1", running.port), 10)
        self._lines = self._socket.makefile("rb")

    def run(self, path: Path) -> None:
        """Carry the file out; an assertion names the line."""
        for number, line in enumerate(path.read_text().splitlines(), 1):
            if line and not line.startswith("#"):
                self._step(line, f"{path.name}:{number}: {line}")
        self.close()

    def close(self) -> None:
        self._lines.close()
        self._socket.close()

    def _step(self, line: str, place: str) -> None:
        if line.startswith("c -> ") or line == "c ->":
            self._socket.sendall(line[5:].encode() + b"\r\n")
        elif line.startswith("c => "):
            self._socket.sendall(line[5:].encode().decode("unicode_escape").encode("latin-1"))
        elif line.startswith("c <~ "):
            reply = self._reply()
            assert re.match(line[5:], reply), f"{place}\nheard: {reply}"
        elif line == "c <|":
            assert self._lines.read(1) == b"", place
        elif line == "c half-close":
            self._socket.shutdown(socket.SHUT_WR)
        elif line == "c starttls":
            self._lines.close()
            self._socket = self._running.site.client_tls.wrap_socket(self._socket, server_hostname="localhost")
            self._lines = self._socket.makefile("rb")
        else:
            assert len(self._running.site.queued()) == int(line.removeprefix("queued ")), place

    def _reply(self) -> str:
        lines = [self._lines.readline()]
        while lines[-1][3:4] == b"-":
            lines.append(self._lines.readline())
        return "|".join(line.decode().rstrip("\r\n") for line in lines)
