"""A queue file in the making: plain blocking calls, for the threads of ``intake`` and for qmgr's own reports."""

import errno
from collections.abc import Callable, Sequence

from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.spool.disk import Disk
from services.kernel.spool.format import prefix


class NewFile:
    """Content gathers in memory until ``spill`` or ``finish`` writes it out under the final name, which must not exist yet."""

    def __init__(self, disk: Disk, path: str, envelope: Envelope, recipients: Sequence[Recipient]) -> None:
        self._disk = disk
        self._path = path
        self._prefix = prefix(envelope, recipients)
        self._blocks: list[bytes] = []
        self._file = -1
        self._written = 0
        self._is_named = False
        self._is_spilled = False
        self.content_bytes = 0
        self.buffered_bytes = 0

    def write(self, data: bytes) -> None:
        """Add content. ``data`` must not change afterwards."""
        self._blocks.append(data)
        self.content_bytes += len(data)
        self.buffered_bytes += len(data)

    def spill(self) -> None:
        """Write out what has gathered; the version line says that more will come. Raises ``OSError``."""
        if not self._is_spilled:
            self._create()
            self._append(self._prefix.encode(-1))
            self._is_spilled = True
        self._append(self._take())
        self._disk.start_writeback(self._file)

    def finish(self) -> None:
        """Write out the rest and the final numbers. Raises ``OSError``."""
        top = self._prefix.encode(self.content_bytes)
        if self._is_spilled:
            self._append(self._take())
            self._disk.write(self._file, top, 0)
        else:
            self._create()
            self._append(top + self._take())
        self._disk.start_writeback(self._file)

    def sync(self) -> None:
        """Return when the file is on stable storage, closed. Raises ``OSError``, also when it was taken for abandoned and removed."""
        self._disk.sync(self._file)
        if self._is_spilled and not self._disk.has_name(self._file):
            raise FileNotFoundError(errno.ENOENT, "removed while it was written", self._path)
        file, self._file = self._file, -1
        self._disk.close(file)

    def discard(self) -> None:
        """Take the name away again. A fault is ignored: nobody was promised anything."""
        self._blocks.clear()
        file, self._file = self._file, -1
        if file >= 0:
            attempt(lambda: self._disk.close(file))
        if self._is_named:
            attempt(lambda: self._disk.remove(self._path))

    def _create(self) -> None:
        self._file = self._disk.create(self._path)
        self._is_named = True

    def _append(self, data: bytes) -> None:
        self._disk.write(self._file, data, self._written)
        self._written += len(data)

    def _take(self) -> bytes:
        blocks, self._blocks, self.buffered_bytes = self._blocks, [], 0
        return b"".join(blocks)


def commit_together(files: Sequence[NewFile]) -> list[OSError | None]:
    """Put files on stable storage, names included (see ``Disk.sync``). Returns the fault of each, or None; one with a fault is taken away again."""
    faults = [attempt(file.finish) for file in files]
    faults = [fault or attempt(file.sync) for file, fault in zip(files, faults, strict=True)]
    for file, fault in zip(files, faults, strict=True):
        if fault is not None:
            file.discard()
    return faults


def attempt(step: Callable[[], None]) -> OSError | None:
    """Take a step and return its fault."""
    try:
        step()
    except OSError as error:
        return error
    return None
