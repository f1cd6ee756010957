"""A message on its way in: small ones stay in memory, large ones go to an unnamed temporary file."""

import os
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.trouble import MailboxTrouble, mapped

MEMORY_BYTES = 512 * 1024
"""A hundred large messages at once take 50 MB; most mail is far smaller."""


class Draft:
    """Content that is being received. Made by ``MailStore.draft``; ``close`` it in every case."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._blocks: list[bytes] = []
        self._spill: IO[bytes] | None = None
        self._ends_in_cr = False
        self.size = 0
        """Bytes so far."""
        self.bare_lf = 0
        """Line feeds so far without a carriage return before them; each is one byte more when served."""

    def write(self, block: bytes) -> None:
        """Add content. Raises ``MailboxFull`` or ``MailboxTrouble``."""
        if not block:
            return
        self.size += len(block)
        self.bare_lf += count_bare_lf(block) - (self._ends_in_cr and block.startswith(b"\n"))
        self._ends_in_cr = block.endswith(b"\r")
        if self._spill is not None:
            self._spill_block(block)
        else:
            self._blocks.append(block)
            if self.size > MEMORY_BYTES:
                self._begin_spill()

    def _begin_spill(self) -> None:
        with mapped():
            self._spill = tempfile.TemporaryFile(dir=self._directory, buffering=0)  # noqa: SIM115  # lives as long as the draft
        for block in self._blocks:
            self._spill_block(block)
        self._blocks.clear()

    def _spill_block(self, block: bytes) -> None:
        assert self._spill is not None
        with mapped():
            rest = memoryview(block)
            while rest:
                rest = rest[self._spill.write(rest) :]

    def write_to(self, file: int, disk: Disk, prefix: bytes) -> None:
        """Write ``prefix`` and the content to an open file. Raises ``OSError``. Several threads may do so at once."""
        disk.write(file, [prefix, *self._blocks])
        if self._spill is not None:
            disk.copy(self._spill, file)

    def content(self) -> bytes:
        """All of it, in memory. Raises ``MailboxTrouble``."""
        return b"".join(self.blocks())

    def blocks(self) -> Iterator[bytes]:
        """The content in pieces of a bounded size; several readers at once are harmless. Raises ``MailboxTrouble``."""
        yield from self._blocks
        offset = 0
        while self._spill is not None and offset < self.size:
            with mapped():
                block = os.pread(self._spill.fileno(), MEMORY_BYTES, offset)
            if not block:
                raise MailboxTrouble("the temporary file of a message lost its end")
            offset += len(block)
            yield block

    def close(self) -> None:
        """Give memory and temporary file back; a second time is harmless."""
        self._blocks.clear()
        if self._spill is not None:
            self._spill.close()


def count_bare_lf(block: bytes) -> int:
    """Count line feeds in ``block`` that have no carriage return before them within it."""
    return block.count(b"\n") - block.count(b"\r\n")
