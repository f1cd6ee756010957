"""One mbox file: locked, appended to, durable, or as it was before. Everything here blocks, for the disk alone, and raises ``OSError``."""

import fcntl
import os
import stat
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.trouble import MailboxTrouble, OverQuota

FILE_MODE = 0o600
LOCK_SUFFIX = ".lock"
# O_NOATIME: programs tell new mail by a time of reading before that of the last change
_FLAGS = os.O_RDWR | os.O_APPEND | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOATIME | os.O_CLOEXEC


class Held(MailboxTrouble):
    """Another program has the file locked."""


class Mbox:
    """An open, locked file. ``size_bytes`` is its length with what was added."""

    def __init__(self, file: int, disk: Disk) -> None:
        self._file = file
        self._disk = disk
        self.size_bytes = self._begin = os.fstat(file).st_size
        end = os.pread(file, 2, max(0, self._begin - 2))
        self._gap = b"" if end in (b"", b"\n\n") else b"\n" if end.endswith(b"\n") else b"\n\n"

    @property
    def is_new(self) -> bool:
        """Whether the file was empty, so that its name may not be on stable storage either."""
        return self._begin == 0

    def add(self, blocks: Iterable[bytes], most_bytes: int) -> None:
        """Append a message, whole or not at all. Raises ``OverQuota`` where the file would grow beyond ``most_bytes``, unless that is 0."""
        begin = self.size_bytes
        try:
            self._write(self._gap)
            for block in blocks:
                if most_bytes and self.size_bytes + len(block) > most_bytes:
                    raise OverQuota("the mbox is full")
                self._write(block)
        except BaseException:
            self._cut(begin)
            raise
        self._gap = b""

    def commit(self) -> None:
        """Bring what was added to stable storage, or take it back."""
        try:
            self._disk.sync(self._file)
        except BaseException:
            self._cut(self._begin)
            raise

    def _write(self, block: bytes) -> None:
        self._disk.write(self._file, [block])
        self.size_bytes += len(block)

    def _cut(self, size_bytes: int) -> None:
        os.ftruncate(self._file, size_bytes)
        self.size_bytes = size_bytes


@contextmanager
def opened(path: Path, disk: Disk, stale_seconds: float, clock: Callable[[], float]) -> Iterator[Mbox]:
    """Lock and open an mbox, made when it is missing. Raises ``Held`` at once, and ``MailboxTrouble`` for what is no mailbox.

    The dot lock is first, since it holds while a program puts another file in place of this one; a lock older than ``stale_seconds`` by ``clock``
    (seconds since the epoch) is removed (Postfix ``stale_lock_time``).
    """
    with _dot_lock(Path(f"{path}{LOCK_SUFFIX}"), stale_seconds, clock):
        file = _open(path)
        try:
            _lock(file, path)
            yield Mbox(file, disk)
        finally:
            os.close(file)


@contextmanager
def _dot_lock(path: Path, stale_seconds: float, clock: Callable[[], float]) -> Iterator[None]:
    made = _make_lock(path)
    if made is None:
        with suppress(FileNotFoundError):
            if clock() - path.lstat().st_mtime <= stale_seconds:
                raise Held(f"{path} is there")
            path.unlink()
        made = _make_lock(path)
        if made is None:
            raise Held(f"{path} is there")
    try:
        yield
    finally:
        with suppress(FileNotFoundError):
            if os.path.samestat(path.lstat(), made):  # it was stale for somebody else, who has one now
                path.unlink()


def _make_lock(path: Path) -> os.stat_result | None:
    try:
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    except FileExistsError:
        return None
    try:
        return os.fstat(file)
    finally:
        os.close(file)


def _open(path: Path) -> int:
    try:
        _check(path.lstat(), path)
    except FileNotFoundError:
        return os.open(path, _FLAGS | os.O_CREAT | os.O_EXCL, FILE_MODE)
    return os.open(path, _FLAGS)


def _lock(file: int, path: Path) -> None:
    """Take the lock of the kernel, and make sure that the file still has its name."""
    try:
        fcntl.lockf(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):  # either, says fcntl(2)
        raise Held(f"{path} is locked by another program") from None
    status = os.fstat(file)
    with suppress(FileNotFoundError):
        if os.path.samestat(status, path.lstat()):
            return _check(status, path)
    raise Held(f"{path} has become another file")


def _check(status: os.stat_result, path: Path) -> None:
    """As Postfix's local(8) and ``strict_mailbox_ownership``: nobody leads mail to another file by a link."""
    if not stat.S_ISREG(status.st_mode):
        raise MailboxTrouble(f"{path} is no regular file")
    if status.st_nlink != 1:
        raise MailboxTrouble(f"{path} has {status.st_nlink} names")
    if status.st_uid != os.geteuid():
        raise MailboxTrouble(f"{path} belongs to the user {status.st_uid}, not to mda")
