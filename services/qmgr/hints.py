"""The receiving end of the hint hop: a datagram socket in the queue volume."""

import asyncio
import os
import socket
from collections.abc import Callable
from pathlib import Path

MODE = 0o660
"""Whoever may add to the queue may send hints: the group of ``incoming``."""
DATAGRAM_BYTES = 8192
"""Twice what a sender puts into one."""
BURST = 64
"""Datagrams read before other work gets its turn."""


class HintSocket:
    """Hands on the queue ids of each hint, and the domains for which a flush is asked."""

    def __init__(self, path: Path, group: int, on_hint: Callable[[list[str]], None], on_flush: Callable[[str], None]) -> None:
        self._path = path
        self._group = group
        self._on_hint = on_hint
        self._on_flush = on_flush
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)

    def open(self) -> None:
        """Bind under another name and rename, so that senders always find a socket with its rights set. Raises ``OSError``."""
        new = self._path.with_name(f"{self._path.name}.new")
        new.unlink(missing_ok=True)
        self._socket.bind(str(new))
        os.chmod(new, MODE)
        os.chown(new, -1, self._group)
        new.replace(self._path)
        asyncio.get_running_loop().add_reader(self._socket.fileno(), self._read)

    def _read(self) -> None:
        for _ in range(BURST):
            try:
                datagram = self._socket.recv(DATAGRAM_BYTES)
            except OSError:
                return
            words = datagram.decode("utf-8", "replace").split()
            self._on_hint([word for word in words if not word.startswith("@")])
            for word in words:
                if word.startswith("@"):
                    self._on_flush(word[1:])

    def close(self) -> None:
        """Take no more hints; the files stay where they are."""
        asyncio.get_running_loop().remove_reader(self._socket.fileno())
        self._socket.close()
        self._path.unlink(missing_ok=True)
