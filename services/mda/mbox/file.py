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


class Spoilt(MailboxTrouble):
    """What was added cannot be taken back, so that nothing more can be added."""


class Mbox:
    """An open, locked file. ``size_bytes`` is its length with what was added; the file's offset is where our last write ended."""

    def __init__(self, file: int, path: Path, disk: Disk) -> None:
        self._file = file
        self._path = path
        self._disk = disk
        self.size_bytes = self._begin = os.lseek(file, 0, os.SEEK_END)
        end = os.pread(file, 2, max(0, self._begin - 2))
        self._gap = b"" if end in (b"", b"\n\n") else b"\n" if end.endswith(b"\n") else b"\n\n"

    def add(self, blocks: Iterable[bytes], most_bytes: int) -> None:
        """Append a message, whole or not at all. Raises ``OverQuota`` where the file would grow beyond ``most_bytes``, unless that is 0.

        ``Spoilt`` ends the whole block.
        """
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
        """Bring what was added to stable storage."""
        self._disk.sync(self._file)
        if self._begin == 0:  # its name may not be there either
            self._disk.sync_directory(self._path.parent)

    def roll_back(self) -> None:
        """Take back what was added. Raises ``Spoilt``."""
        self._cut(self._begin)

    def _write(self, block: bytes) -> None:
        self._check()
        self._disk.write(self._file, [block])
        self.size_bytes += len(block)

    def _cut(self, size_bytes: int) -> None:
        try:
            self._check()
            os.ftruncate(self._file, size_bytes)
        except OSError as error:
            raise Spoilt(f"{self._path} cannot be cut to {size_bytes} bytes: {error}") from error
        self.size_bytes = os.lseek(self._file, size_bytes, os.SEEK_SET)

    def _check(self) -> None:
        """Leave the file to a program that changed it in spite of the locks: to cut it would lose that program's mail, or add NULs."""
        if os.fstat(self._file).st_size != os.lseek(self._file, 0, os.SEEK_CUR):
            raise Spoilt(f"{self._path} was changed by a program that has no lock")


@contextmanager
def opened(path: Path, disk: Disk, stale_seconds: float, clock: Callable[[], float], tell: Callable[[str], None]) -> Iterator[Mbox]:
    """Lock and open an mbox, made when it is missing. Raises ``Held`` at once, and ``MailboxTrouble`` for what is no mailbox.

    What was added is on stable storage once the block has ended well, and taken back when it, or that, fails; ``tell`` hears of trouble after that.
    The dot lock is first, since it holds while a program puts another file in place of this one; a lock older than ``stale_seconds`` by ``clock``
    (seconds since the epoch) is removed (Postfix ``stale_lock_time``).
    """
    with _dot_lock(Path(f"{path}{LOCK_SUFFIX}"), stale_seconds, clock, tell):
        file = _open(path)
        try:
            _lock(file, path)
            box = Mbox(file, path, disk)
            try:
                yield box
                box.commit()
            except BaseException:
                box.roll_back()
                raise
        finally:
            with _told(tell):
                os.close(file)


@contextmanager
def _told(tell: Callable[[str], None]) -> Iterator[None]:
    """What fails in unlocking changes nothing of what was stored."""
    try:
        yield
    except OSError as error:
        tell(f"mbox: {error}")


@contextmanager
def _dot_lock(path: Path, stale_seconds: float, clock: Callable[[], float], tell: Callable[[str], None]) -> Iterator[None]:
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
        with _told(tell), suppress(FileNotFoundError):
            if os.path.samestat(path.lstat(), os.fstat(made)):  # it was stale for somebody else, who has one now
                path.unlink()
        with _told(tell):
            os.close(made)


def _make_lock(path: Path) -> int | None:
    """The file, open, so that no other file gets its inode."""
    try:
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)
    except FileExistsError:
        return None


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
