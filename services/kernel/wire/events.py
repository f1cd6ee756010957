"""Events: what happened to a message or a service, in one closed vocabulary.

Each event is one JSON line. It goes to an append-only file of the ``events`` volume, which ``admin`` indexes for ``malle trace``, and to stdout
(``docker compose logs``). Lines are collected: the file gets them once per turn of the event loop, stdout a moment later, as each write there wakes
two programs of Docker's (0.2 ms of CPU a message, measured). A full or broken disk never stops mail: what cannot be written is counted and dropped.
"""

import asyncio
import os
import select
import threading
import time
from collections.abc import Callable, Iterator
from enum import StrEnum
from pathlib import Path
from typing import Any

import msgspec

ROTATE_BYTES = 64 * 1024 * 1024
"""About 200,000 messages; one older file is kept, so a service's events take at most twice this."""


SAY_SECONDS = 0.05
"""How long a line waits for others on its way to stdout; the file has it already."""


class Kind(StrEnum):
    """The vocabulary. A message's life reads: connected, accepted, queued, attempted?, delivered."""

    STARTED = "started"
    STOPPED = "stopped"
    RELOADED = "reloaded"
    TROUBLE = "trouble"
    CONNECTED = "connected"
    REJECTED = "rejected"
    AUTHENTICATED = "authenticated"
    AUTH_FAILED = "auth_failed"
    ACCEPTED = "accepted"
    QUEUED = "queued"
    DEFERRED = "deferred"
    DELIVERED = "delivered"
    BOUNCED = "bounced"
    EXPIRED = "expired"
    DELAYED = "delayed"
    REPORTED = "reported"
    HELD = "held"
    RELEASED = "released"
    REQUEUED = "requeued"
    DELETED = "deleted"
    CORRUPT = "corrupt"
    REMOVED = "removed"
    STORED = "stored"
    SITE_DOWN = "site_down"
    SITE_UP = "site_up"
    LOGIN = "login"
    LOGOUT = "logout"
    PROBED = "probed"
    DISCARDED = "discarded"
    REDIRECTED = "redirected"
    ANSWERED = "answered"
    NOTIFIED = "notified"
    WARNED = "warned"
    SHARED = "shared"
    """Somebody's rights in a folder were changed."""


class Event(msgspec.Struct, frozen=True, omit_defaults=True, gc=False):
    """One line. Absent facts are left out of the line.

    ``time`` is seconds since the epoch; ``seconds`` a duration of the thing told of; ``reply`` the SMTP words given or got;
    ``remote`` the peer; ``reason`` our own words for the operator.
    """

    kind: Kind
    time: float = 0.0
    site: str = ""
    service: str = ""
    instance: str = ""
    trace: str = ""
    queue_id: str = ""
    message_id: str = ""
    sender: str | None = None
    recipient: str = ""
    original: str = ""
    client: str = ""
    login: str = ""
    nexthop: str = ""
    remote: str = ""
    tls: str = ""
    reply: str = ""
    reason: str = ""
    stage: str = ""
    bytes: int = 0
    recipients: int = 0
    seconds: float = 0.0
    caused_by: str = ""
    """The queue id of the message that this one reports on."""
    folder: str = ""
    uid: int = 0


class Emitter:
    """Writes the events of one process, from any thread. ``emit`` never blocks on the disk for longer than a buffered write and never raises."""

    def __init__(self, site: str, service: str, instance: str, directory: Path | None, *, stdout: bool = True) -> None:
        self._site, self._service, self._instance = site, service, instance
        self._path = directory / f"{service}.{instance}.jsonl" if directory else None
        self._stdout = stdout
        self._encoder = msgspec.json.Encoder()
        self._lines: list[bytes] = []
        self._unsaid: list[bytes] = []
        self._is_planned = False
        self._lock = threading.Lock()
        self._file = -1
        self._written = 0
        self._torn: set[int] = set()
        self.dropped = 0
        self.on_event: Callable[[Kind], None] | None = None

    def emit(self, kind: Kind, **facts: Any) -> None:
        """Record an event with the facts of ``Event``; an unknown fact is a ``TypeError``."""
        event = Event(kind, time.time(), self._site, self._service, self._instance, **facts)
        if self.on_event is not None:
            self.on_event(kind)
        line = self._line(event)
        with self._lock:
            self._lines.append(line)
            is_first = len(self._lines) == 1
        if is_first:
            self._schedule()

    def _line(self, event: Event) -> bytes:
        try:
            return self._encoder.encode(event)
        except UnicodeEncodeError:
            facts = {name: _encodable(value) for name, value in msgspec.structs.asdict(event).items()}
            return self._encoder.encode(Event(**facts))

    def _schedule(self) -> None:
        try:
            loop = asyncio.get_running_loop()
        except RuntimeError:
            self.flush()
        else:
            loop.call_soon(self._end_turn, loop)

    def _end_turn(self, loop: asyncio.AbstractEventLoop) -> None:
        """Whatever is unsaid from here on has a moment planned at which it is said: a line may come just before those in front of it are."""
        self._put_down()
        if self._unsaid and not self._is_planned:
            self._is_planned = True
            loop.call_later(SAY_SECONDS, self._say)

    def flush(self) -> None:
        """Write what is collected."""
        self._put_down()
        self._say()

    def _put_down(self) -> None:
        with self._lock:
            lines, self._lines = self._lines, []
            if self._stdout:
                self._unsaid += lines
            if lines and self._path is not None:
                block = _block(lines)
                self._write(self._open(len(block)), block)

    def _say(self) -> None:
        with self._lock:
            self._is_planned = False
            lines, self._unsaid = self._unsaid, []
            for block in _pieces(lines):
                self._write(1, block)

    def _write(self, file: int, block: bytes) -> None:
        """Write lines. Of a line that only began to be written, as on a full disk, the next one is kept apart."""
        data = b"\n" + block if file in self._torn else block
        done = 0
        try:
            while done < len(data):
                done += os.write(file, data[done:])
        except OSError:
            self.dropped += data.count(b"\n", max(done, len(data) - len(block)))
        if done:
            (self._torn.discard if data[done - 1 : done] == b"\n" else self._torn.add)(file)

    def _open(self, size: int) -> int:
        assert self._path is not None
        try:
            if self._file >= 0 and self._written + size > ROTATE_BYTES:
                self._close()
                self._path.replace(self._path.with_suffix(".jsonl.1"))
            if self._file < 0:
                self._file = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o640)
                self._written = os.fstat(self._file).st_size
        except OSError:
            return -1
        self._written += size
        return self._file

    def close(self) -> None:
        """Write the rest and close the file."""
        self.flush()
        if self._file >= 0:
            self._close()

    def _close(self) -> None:
        os.close(self._file)
        self._torn.discard(self._file)
        self._file = -1


def _pieces(lines: list[bytes]) -> Iterator[bytes]:
    """Whole lines, as many as a pipe takes at once or not at all: a service's processes share stdout, and when Docker is slow, one would cut in."""
    piece: list[bytes] = []
    size = 0
    for line in lines:
        if piece and size + len(line) >= select.PIPE_BUF:
            yield _block(piece)
            piece, size = [], 0
        piece.append(line)
        size += len(line) + 1
    if piece:
        yield _block(piece)


def _block(lines: list[bytes]) -> bytes:
    return b"\n".join(lines) + b"\n"


def _encodable(value: Any) -> Any:
    """A fact without lone surrogates, which are what a stranger's octets that are no text may have become."""
    return value.encode("utf-8", "replace").decode() if type(value) is str else value
