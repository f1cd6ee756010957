"""qmgr's side of the queue: the only hand that moves and removes files.

Blocking calls, each a few system calls; qmgr makes them in a thread of its own. ``OSError`` is passed on as it is: what a fault means
for a message is the caller's to say. ``FileNotFoundError`` says that the message is no longer in that state.
"""

import fcntl
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from enum import StrEnum
from pathlib import Path

from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.mail.queueid import is_queue_id
from services.kernel.runtime.workplace import near
from services.kernel.spool import history
from services.kernel.spool.disk import NO_ROOM, Disk, Entry
from services.kernel.spool.format import HEAD_BYTES, STATUS_OFFSET, QueueFile, Unfinished, parse, parse_layout
from services.kernel.spool.history import Attempt, Dialogue
from services.kernel.spool.newfile import NewFile, commit_together

FIRST_READ_BYTES = 4096
"""One read brings in all before the content of a message with up to some 30 recipients."""
SETTLE_SECONDS = 2.0
"""A scan leaves younger files in ``incoming`` alone: their commit may be under way, and a hint tells when it is done."""

DIALOGUES = ".dialogues"
"""Behind a queue id: the file beside the history with what was said to servers."""


class State(StrEnum):
    """The states a message can be in: the directory its file is in."""

    INCOMING = "incoming"
    ACTIVE = "active"
    DEFERRED = "deferred"
    HOLD = "hold"
    CORRUPT = "corrupt"


class QueueLocked(Exception):
    """Another qmgr has the volume."""


class QueueStore:
    """The queue of one volume."""

    def __init__(self, root: Path, disk: Disk | None = None) -> None:
        self._root = str(near(root))
        self._disk = disk or Disk()
        self._lock = -1

    def lock(self) -> None:
        """Take the volume for this process until it ends. Raises ``QueueLocked``."""
        lock = os.open(f"{self._root}/lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(lock)
            raise QueueLocked(f"another qmgr is at work in {self._root}") from None
        self._lock = lock

    def unlock(self) -> None:
        """Give the volume back."""
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1

    def group(self) -> int:
        """The group that may add messages."""
        return os.stat(f"{self._root}/{State.INCOMING.value}").st_gid

    def _path(self, state: State, name: str) -> str:
        return f"{self._root}/{state.value}/{name}"

    def _history(self, queue_id: str) -> str:
        return f"{self._root}/history/{queue_id}"

    def _dialogues(self, queue_id: str) -> str:
        return f"{self._history(queue_id)}{DIALOGUES}"

    def settled(self, now: float) -> list[Entry]:
        """The files in ``incoming`` that were last written some time ago, by name, which is by arrival; also those of a clock that was ahead."""
        entries = self._disk.entries(f"{self._root}/{State.INCOMING.value}")
        return sorted(entry for entry in entries if abs(now - entry.time) > SETTLE_SECONDS)

    def ids(self, state: State) -> list[str]:
        """The queue ids in a state, oldest first."""
        return sorted(name for name in self._disk.names(f"{self._root}/{state.value}") if is_queue_id(name))

    def find(self, queue_id: str) -> State | None:
        """The state that a message is in. It may have moved on when the caller hears it."""
        if is_queue_id(queue_id):
            for state in State:
                if self._disk.exists(self._path(state, queue_id)):
                    return state
        return None

    def load(self, state: State, queue_id: str) -> QueueFile:
        """Read all but the content. Raises ``Corrupt`` and ``Unfinished``."""
        file = self._disk.open(self._path(state, queue_id))
        try:
            block = self._disk.read(file, FIRST_READ_BYTES, 0)
            layout = parse_layout(block[:HEAD_BYTES])
            if layout.content_bytes < 0:
                raise Unfinished("content is being written")
            while len(block) < layout.content_offset:
                more = self._disk.read(file, layout.content_offset - len(block), len(block))
                if not more:
                    break
                block += more
            return parse(layout, block, self._disk.size(file))
        finally:
            self._disk.close(file)

    def read_content(self, state: State, queue_id: str, offset: int, count: int) -> bytes:
        """At most ``count`` bytes of content from ``offset``. Raises ``Corrupt``."""
        file = self._disk.open(self._path(state, queue_id))
        try:
            layout = parse_layout(self._disk.read(file, HEAD_BYTES, 0))
            return self._disk.read(file, max(0, min(count, layout.content_bytes - offset)), layout.content_offset + offset)
        finally:
            self._disk.close(file)

    def mark(self, queue_id: str, statuses: bytes, *, durably: bool = False) -> None:
        """Write the status bytes of an active message, all at once; with ``durably`` return when they are on stable storage."""
        file = self._disk.open(self._path(State.ACTIVE, queue_id), writable=True)
        try:
            self._disk.write(file, statuses, STATUS_OFFSET)
            if durably:
                self._disk.sync(file)
        finally:
            self._disk.close(file)

    def move(self, queue_id: str, source: State, target: State) -> None:
        """Change the state."""
        self._disk.rename(self._path(source, queue_id), self._path(target, queue_id))

    def defer(self, queue_id: str, until: float, source: State = State.ACTIVE) -> None:
        """Put aside until a time: the modification time of the history, because the message belongs to smtpd and only an owner may set it.

        A disk with no room for a history does not keep the message from being put aside: it is then due at the next start.
        """
        try:
            self._disk.set_time(self._history(queue_id), until)
        except OSError as error:
            if error.errno not in NO_ROOM:
                raise
        if source is not State.DEFERRED:
            self.move(queue_id, source, State.DEFERRED)

    def deferred(self) -> Iterator[tuple[str, float]]:
        """What is deferred and until when; a message without a history is due at once."""
        for queue_id in self._disk.names(f"{self._root}/{State.DEFERRED.value}"):
            yield queue_id, self._disk.time(self._history(queue_id))

    def remove(self, queue_id: str, state: State, *, has_history: bool = True) -> None:
        """End a message. Its history goes last: ``sweep`` finds one that a crash has left over."""
        self._disk.remove(self._path(state, queue_id))
        if has_history:
            self.forget(queue_id)

    def forget(self, queue_id: str) -> None:
        """Remove what was tried for a message."""
        for path in (self._dialogues(queue_id), self._history(queue_id)):
            with suppress(FileNotFoundError):
                self._disk.remove(path)

    def strays(self) -> list[str]:
        """Names of histories that seem to have no message; it may just be moving."""
        names = self._disk.names(f"{self._root}/history")
        known = {name for state in State for name in self._disk.names(f"{self._root}/{state.value}")}
        return [name for name in names if name.partition(".")[0] not in known]

    def sweep(self, strays: Iterable[str]) -> None:
        """Remove those of the histories whose message has gone; only while nothing moves."""
        for name in strays:
            if self.find(name.partition(".")[0]) is None:
                with suppress(FileNotFoundError):
                    self._disk.remove(f"{self._root}/history/{name}")

    def add_history(self, queue_id: str, attempts: list[Attempt]) -> None:
        """Note what was tried, and the dialogues, of which only the newest are kept."""
        self._disk.append(self._history(queue_id), history.encode(attempts))
        lines = history.encode_dialogues(attempts)
        if lines:
            self._add_dialogues(self._dialogues(queue_id), history.newest(lines))

    def _add_dialogues(self, path: str, lines: bytes) -> None:
        """The file is cut to its newest part when it has twice of that: each byte is written twice at most."""
        self._disk.append(path, lines)
        block = self._read_end(path, 3 * history.DIALOGUES_BYTES)
        if len(block) > 2 * history.DIALOGUES_BYTES:
            spare = f"{path}.new"
            with suppress(FileNotFoundError):  # left over by a crash
                self._disk.remove(spare)
            self._disk.append(spare, history.newest(block))
            self._disk.rename(spare, path)

    def read_history(self, queue_id: str) -> list[Attempt]:
        """What was tried, oldest first; empty when nothing went wrong yet."""
        return history.decode(self._read_end(self._history(queue_id), history.MAX_BYTES))

    def read_dialogues(self, queue_id: str) -> list[Dialogue]:
        """The newest dialogues that led to trouble, oldest first."""
        return history.decode_dialogues(self._read_end(self._dialogues(queue_id), 3 * history.DIALOGUES_BYTES))

    def _read_end(self, path: str, count: int) -> bytes:
        """The last ``count`` bytes of a file, empty when there is none."""
        try:
            file = self._disk.open(path)
        except FileNotFoundError:
            return b""
        try:
            size = self._disk.size(file)
            count = min(count, size)  # a read makes room for all that it is asked for
            return self._disk.read(file, count, size - count)
        finally:
            self._disk.close(file)

    def new_file(self, envelope: Envelope, recipients: Sequence[Recipient]) -> NewFile:
        """A message of qmgr's own, for ``commit``."""
        return NewFile(self._disk, self._path(State.INCOMING, envelope.queue_id), envelope, recipients)

    def commit(self, files: Sequence[NewFile]) -> list[OSError | None]:
        """Put new messages on stable storage in ``incoming``; the fault of each, or None."""
        return commit_together(files)
