"""The way into the queue: a draft is written, committed, and on stable storage before ``commit`` returns.

Group commit: while one batch of drafts is being synced the next one gathers, so that concurrent commits share the journal's work. Files
are made under their final names. Measured on ext4 with 4 KB messages, CPU and time a message in batches of 16 and of 100:

=========================================  ==============  ==============
temporary name, fdatasync, rename          118 us  298 us  107 us  254 us
O_TMPFILE, fdatasync, linkat               128 us  320 us  100 us  238 us
final name, fdatasync                      124 us  308 us   91 us  226 us
final name, writeback started, fdatasync   102 us  223 us   86 us  183 us
the same, fdatasync in four threads        115 us  181 us  105 us  178 us
=========================================  ==============  ==============

The fourth is what is done here: several smtpd workers sync in parallel anyway, and CPU is what runs out first.
"""

import asyncio
import itertools
import secrets
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.mail.queueid import QueueId, queue_id
from services.kernel.runtime.workplace import near
from services.kernel.spool.committer import Committer
from services.kernel.spool.disk import NO_ROOM, Disk
from services.kernel.spool.newfile import NewFile

SPILL_BYTES = 256 * 1024
"""A draft keeps about this much in memory: 200 large uploads at once take 50 MB."""
SPILL_THREADS = 2
ROOM_SECONDS = 1.0
"""How long one look at the free space holds."""


class QueueTrouble(Exception):
    """The queue cannot take the message now; nothing of it stays behind."""


class QueueFull(QueueTrouble):
    """There is no room in the queue."""


class Draft:
    """One message on its way into the queue: ``write``, then ``commit`` or ``abort``."""

    def __init__(self, intake: "Intake", file: NewFile) -> None:
        self._intake = intake
        self._spilling: Future[None] | None = None
        self.file = file

    @property
    def content_bytes(self) -> int:
        """The length of the content so far."""
        return self.file.content_bytes

    def write(self, data: bytes) -> None:
        """Add content. ``data`` must not change afterwards."""
        self.file.write(data)

    async def drain(self) -> None:
        """Keep the memory of a large message bounded; called after ``write``. Raises ``QueueFull`` or ``QueueTrouble``: then ``abort``."""
        if self.file.buffered_bytes < SPILL_BYTES:
            return
        self._spilling = self._intake.in_thread(self.file)
        try:
            await asyncio.wrap_future(self._spilling)
        except OSError as error:
            raise _trouble(error) from error

    async def commit(self) -> None:
        """Return when the message is on stable storage. Raises ``QueueFull`` or ``QueueTrouble``: then nothing of it stays behind.

        A caller that is cancelled while it waits does not know the outcome; shield it.
        """
        await self._intake.commit(self)

    def abort(self) -> None:
        """Forget the message, also while a cancelled ``drain`` is still at work in its thread."""
        if self._spilling is not None:
            self._spilling.add_done_callback(lambda _: self.file.discard())
        else:
            self.file.discard()


class Intake:
    """The entrance of one process; make it after a fork. ``minfree_bytes`` stays free on the volume (Postfix ``queue_minfree``)."""

    def __init__(self, root: Path, minfree_bytes: int = 0, disk: Disk | None = None) -> None:
        self._directory = str(near(root) / "incoming")
        self._minfree_bytes = minfree_bytes
        self._disk = disk or Disk()
        self._spillers = ThreadPoolExecutor(SPILL_THREADS, "spill")
        self._committer = Committer()
        self._free_bytes = 0
        self._looked = float("-inf")

    def begin(self, envelope: Envelope, recipients: Sequence[Recipient]) -> Draft:
        """Start a message; no call to the disk. The envelope's queue id names it."""
        return Draft(self, NewFile(self._disk, f"{self._directory}/{envelope.queue_id}", envelope, recipients))

    def check_room(self, size_bytes: int = 0) -> None:
        """Raise ``QueueFull`` when a message of this size would not fit now, for a refusal before the content is sent."""
        now = time.monotonic()
        if now - self._looked > ROOM_SECONDS:
            try:
                self._free_bytes = self._disk.free_bytes(self._directory)
            except OSError as error:
                raise _trouble(error) from error
            self._looked = now
        if self._free_bytes - size_bytes < self._minfree_bytes:
            raise QueueFull(f"{self._free_bytes} bytes are free")

    def in_thread(self, file: NewFile) -> Future[None]:
        """Spill a file."""
        return self._spillers.submit(file.spill)

    async def commit(self, draft: Draft) -> None:
        """See ``Draft.commit``."""
        try:
            self.check_room(draft.file.buffered_bytes)
        except QueueTrouble:
            draft.abort()
            raise
        try:
            await self._committer.commit(draft.file)
        except OSError as error:
            raise _trouble(error) from error

    def close(self) -> None:
        """Give the threads back when what they are at is done."""
        self._spillers.shutdown()
        self._committer.close()


def minter() -> Callable[[], QueueId]:
    """Make queue ids that no other process makes: the count starts anywhere. Call it after a fork."""
    entropy = itertools.count(secrets.randbelow(2**28))
    return lambda: queue_id(time.time_ns() // 1000, next(entropy))


def _trouble(error: OSError) -> QueueTrouble:
    words = f"{error.strerror or error}: {error.filename}" if error.filename else error.strerror or str(error)
    return QueueFull(words) if error.errno in NO_ROOM else QueueTrouble(words)
