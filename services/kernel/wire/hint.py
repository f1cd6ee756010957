"""The hint hop: smtpd tells qmgr of new queue files by a datagram that holds their queue ids.

A word ``@domain`` asks for another try of what waits for that domain (ETRN, RFC 1985).

The directory is the truth and the hint only speed: what cannot be told qmgr finds at its next scan.
"""

import asyncio
import socket
import time

BATCH_IDS = 200
"""Queue ids of one datagram: 3 KB."""
PENDING_IDS = 10_000
"""Kept while qmgr's socket is full or qmgr is away; beyond it the scan is quicker than we are."""
GATHER_SECONDS = 0.005
"""From one sending to the next, so that qmgr is not woken for each of many messages; one that comes alone is told of at once."""
RETRY_SECONDS = 0.02
"""Between two attempts, also to reach a qmgr that is not there: what came while it was started again is then delivered at once."""


class Hinter:
    """The sending end, one per process. Never blocks and never raises for what the receiver does.

    What is named within one turn of the event loop goes out together, and so does what follows soon: a socket holds few datagrams
    (``net.unix.max_dgram_qlen``), so few and long ones are better, and those that find it full are sent again a moment later.
    """

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
        self._pending: list[str] = []
        self._is_planned = False
        self._sent = 0.0

    def send(self, queue_ids: list[str]) -> None:
        """Name new queue files. Without a running event loop they are sent at once."""
        self._pending += queue_ids[: PENDING_IDS - len(self._pending)]
        if self._is_planned:
            return
        try:
            asyncio.get_running_loop().call_later(self._sent + GATHER_SECONDS - time.monotonic(), self._flush)
        except RuntimeError:
            self._flush()
        else:
            self._is_planned = True

    def ask_for(self, domain: str) -> None:
        """Have what waits for a domain tried now."""
        self.send([f"@{domain}"])

    def _flush(self) -> None:
        self._is_planned = False
        self._sent = time.monotonic()
        while self._pending:
            try:
                self._socket.sendto(" ".join(self._pending[:BATCH_IDS]).encode(), self._path)
            except OSError:
                self._retry()
                return
            del self._pending[:BATCH_IDS]

    def _retry(self) -> None:
        try:
            asyncio.get_running_loop().call_later(RETRY_SECONDS, self._flush)
        except RuntimeError:
            self._pending.clear()
        else:
            self._is_planned = True

    def close(self) -> None:
        """Give the socket back."""
        self._flush()
        self._pending.clear()
        self._socket.close()
