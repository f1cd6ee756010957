"""The hint hop: smtpd tells qmgr of a new queue file by a datagram that holds its queue id.

The directory is the truth and the hint only speed: a hint that cannot be sent is dropped, and qmgr finds the file at
its next scan.
"""

import contextlib
import socket


class Hinter:
    """The sending end. One per process; never blocks and never raises for what the receiver does."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def send(self, queue_ids: list[str]) -> None:
        """Name new queue files; at most a few thousand bytes fit, the rest is left to the scan."""
        with contextlib.suppress(OSError):
            self._socket.sendto(" ".join(queue_ids[:200]).encode(), self._path)

    def close(self) -> None:
        """Give the socket back."""
        self._socket.close()
