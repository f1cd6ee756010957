"""One run of a command: its standard input written, its output read, its time limited."""

import contextlib
import os
import selectors
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from services.kernel.runtime.users import Identity
from services.pipe.sysexits import Ended

FOLDER = "/tmp"  # the one place of the container that can be written
_READ_BYTES = 4096
_UMASK = 0o077


@dataclass(frozen=True, slots=True)
class Errand:
    """What to run. ``identity`` of ``None`` changes no user."""

    line: Sequence[str]
    environment: Mapping[str, str]
    seconds: float
    output_limit: int
    folder: str = FOLDER
    identity: Identity | None = None
    ends: float = float("inf")
    """In steady time, when it must be over, however long it waited for a thread: whoever asked gives it up then, and would have it run again."""


class Command:
    """Runs in a thread of its own; ``kill`` may be called from another."""

    def __init__(self, errand: Errand, content: Iterator[bytes]) -> None:
        self._errand = errand
        self._content = content
        self._pending = b""
        self._output = bytearray()
        self._process: subprocess.Popen[bytes] | None = None
        self._is_killed = False

    def run(self) -> Ended:
        """Run to the end. Raises ``OSError`` when it cannot be started or its input not be read: then it is killed."""
        deadline = min(time.monotonic() + self._errand.seconds, self._errand.ends)
        if self._is_killed:
            return Ended(-signal.SIGKILL)
        if time.monotonic() >= deadline:
            return Ended(-signal.SIGKILL, is_late=True)
        self._process = process = self._start()
        self._kill_if_asked()  # by another thread, while it was started
        try:
            is_late = not self._converse(process, deadline)
        except BaseException:
            self._kill_group(process)
            raise
        finally:
            for stream in (process.stdin, process.stdout):
                assert stream is not None
                with contextlib.suppress(OSError):
                    stream.close()
        if is_late:
            self._kill_group(process)
        return Ended(process.wait(), bytes(self._output), is_late)

    def kill(self) -> None:
        """End the command and all that it has started."""
        self._is_killed = True
        if self._process is not None:
            self._kill_group(self._process)

    def _kill_if_asked(self) -> None:
        if self._is_killed:
            self.kill()

    def _start(self) -> subprocess.Popen[bytes]:
        errand = self._errand
        identity = errand.identity
        return subprocess.Popen(
            list(errand.line),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=errand.folder,
            env=dict(errand.environment),
            bufsize=0,
            start_new_session=True,
            umask=_UMASK,
            user=identity.user if identity else None,
            group=identity.group if identity else None,
            extra_groups=[] if identity else None,
        )

    def _converse(self, process: subprocess.Popen[bytes], deadline: float) -> bool:
        """Write and read until the command has ended; false when time is over first. What it left running may keep its output open."""
        assert process.stdin is not None and process.stdout is not None
        ending = os.pidfd_open(process.pid)
        try:
            with selectors.DefaultSelector() as selector:
                for stream in (process.stdin, process.stdout):
                    os.set_blocking(stream.fileno(), False)
                selector.register(process.stdin, selectors.EVENT_WRITE, self._write)
                selector.register(process.stdout, selectors.EVENT_READ, self._read)
                selector.register(ending, selectors.EVENT_READ, None)
                return self._serve(selector, deadline)
        finally:
            os.close(ending)

    def _serve(self, selector: selectors.BaseSelector, deadline: float) -> bool:
        while (rest := deadline - time.monotonic()) > 0:
            has_ended = False
            for key, _ in selector.select(rest):
                if key.data is None:
                    has_ended = True
                elif not key.data(key.fd):
                    selector.unregister(key.fileobj)
                    if key.data == self._write:
                        key.fileobj.close()  # type: ignore[union-attr]  # standard input is a file object
            if has_ended:
                self._drain()
                return True
        return False

    def _write(self, file: int) -> bool:
        """Write what fits; false when all is written or nobody reads: a command need not read its input (Postfix ``pipe_command``)."""
        try:
            if not self._pending:
                self._pending = next(self._content, b"")
            if not self._pending:
                return False
            self._pending = self._pending[os.write(file, self._pending) :]
        except BlockingIOError:
            return True
        except BrokenPipeError:
            return False
        return True

    def _read(self, file: int) -> bool:
        try:
            block = os.read(file, _READ_BYTES)
        except BlockingIOError:
            return True
        self._output += block[: max(0, self._errand.output_limit - len(self._output))]
        return bool(block)

    def _drain(self) -> None:
        """What the command wrote just before it ended."""
        assert self._process is not None and self._process.stdout is not None
        with contextlib.suppress(OSError):
            while (block := os.read(self._process.stdout.fileno(), _READ_BYTES)) and len(self._output) < self._errand.output_limit:
                self._output += block[: self._errand.output_limit - len(self._output)]

    @staticmethod
    def _kill_group(process: subprocess.Popen[bytes]) -> None:
        """Its session is its own, so the group is all that it has started and that has not left it."""
        if process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
