"""The calls to the file system that the queue makes, as one object: a test passes another that fails or dies at a chosen step."""

import errno
import os
from collections.abc import Iterator
from typing import NamedTuple

NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})
MODE = 0o660
"""smtpd writes a file, qmgr (same group, by the directory's setgid bit) changes its status bytes, relay reads it."""


class Entry(NamedTuple):
    """A file as a directory shows it; ``time`` is its modification time in seconds since the epoch."""

    name: str
    size: int
    time: float


class Disk:
    """The real file system. All methods raise ``OSError``."""

    def create(self, path: str) -> int:
        """Make a new file that must not exist yet and open it for writing."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
        os.fchmod(file, MODE)  # whatever the umask says
        return file

    def open(self, path: str, *, writable: bool = False) -> int:
        """Open an existing file."""
        return os.open(path, (os.O_RDWR if writable else os.O_RDONLY) | os.O_CLOEXEC | os.O_NOFOLLOW)

    def close(self, file: int) -> None:
        """Close a file."""
        os.close(file)

    def write(self, file: int, data: bytes, offset: int) -> None:
        """Write all of ``data`` at ``offset``."""
        done = os.pwrite(file, data, offset)
        while done < len(data):
            done += os.pwrite(file, data[done:], offset + done)

    def read(self, file: int, count: int, offset: int) -> bytes:
        """Read at most ``count`` bytes at ``offset``."""
        return os.pread(file, count, offset)

    def size(self, file: int) -> int:
        """The length of an open file in bytes."""
        return os.fstat(file).st_size

    def has_name(self, file: int) -> bool:
        """Tell whether an open file still has a name."""
        return os.fstat(file).st_nlink > 0

    def start_writeback(self, file: int) -> None:
        """Ask the kernel to write the file out now, without waiting: the data of a batch is then on its way when the first is synced."""
        os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)

    def sync(self, file: int) -> None:
        """Return when content and size are on stable storage, and with them the name of a file that was made since the last sync.

        POSIX leaves the name to a sync of the directory, but who may not list a directory cannot open it for one. ext4, XFS and btrfs put the
        creation of a file into the same journal before its content, so that syncing the file brings both; the queue's volume must be one of these.
        """
        os.fdatasync(file)

    def rename(self, source: str, target: str) -> None:
        """Move a file within the volume."""
        os.rename(source, target)

    def remove(self, path: str) -> None:
        """Take a name away."""
        os.unlink(path)

    def exists(self, path: str) -> bool:
        """Tell whether a name exists; a fault that is not its absence is raised."""
        try:
            os.stat(path, follow_symlinks=False)
        except FileNotFoundError:
            return False
        return True

    def set_time(self, path: str, seconds: float) -> None:
        """Set the modification time of a file of our own; made when missing."""
        try:
            os.utime(path, (seconds, seconds), follow_symlinks=False)
        except FileNotFoundError:
            self.append(path, b"")
            os.utime(path, (seconds, seconds), follow_symlinks=False)

    def time(self, path: str) -> float:
        """The modification time, 0 when there is no such file."""
        try:
            return os.stat(path, follow_symlinks=False).st_mtime
        except FileNotFoundError:
            return 0.0

    def append(self, path: str, data: bytes) -> None:
        """Add to the end of a file in one write; made when missing."""
        file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW, MODE)
        try:
            os.write(file, data)
        finally:
            os.close(file)

    def entries(self, path: str) -> Iterator[Entry]:
        """The regular files of a directory, in no order; one that vanishes meanwhile is left out."""
        with os.scandir(path) as listing:
            for item in listing:
                try:
                    stat = item.stat(follow_symlinks=False)
                except FileNotFoundError:
                    continue
                yield Entry(item.name, stat.st_size, stat.st_mtime)

    def names(self, path: str) -> list[str]:
        """The names in a directory, in no order."""
        return os.listdir(path)

    def free_bytes(self, path: str) -> int:
        """What an unprivileged process may still write on the volume."""
        stat = os.statvfs(path)
        return stat.f_bavail * stat.f_frsize
