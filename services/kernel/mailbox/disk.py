"""What the store does to the disk, in one place, so that a test can break it at any step."""

import ctypes
import errno
import os
from pathlib import Path
from typing import IO

FILE_MODE = 0o660
DIRECTORY_MODE = 0o2770
"""The group (vmail) is shared by mda, imapd and pop3d, which have different users; setgid hands it down."""
_libc = ctypes.CDLL(None, use_errno=True)


class Disk:
    """The real one. Methods raise ``OSError``."""

    def make_directory(self, path: Path) -> bool:
        """Make a directory that all programs of the store may use, unless it exists; return whether it was made."""
        try:
            path.mkdir()
        except FileExistsError:
            return False
        path.chmod(DIRECTORY_MODE)
        return True

    def create(self, path: str) -> int:
        """Open a new file for writing."""
        return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, FILE_MODE)

    def write(self, file: int, blocks: list[bytes]) -> None:
        """Write all of ``blocks``."""
        rest = b"".join(blocks)
        while rest:
            rest = rest[os.write(file, rest) :]

    def copy(self, source: IO[bytes], file: int) -> None:
        """Append all of ``source`` to ``file`` within the kernel."""
        offset, size = 0, os.fstat(source.fileno()).st_size
        while offset < size:
            offset += os.sendfile(file, source.fileno(), offset, size - offset)

    def sync(self, file: int) -> None:
        """Bring an open file or directory to stable storage."""
        os.fsync(file)

    def sync_all(self, file: int) -> None:
        """Bring the whole file system of ``file`` to stable storage: for many new files one journal commit instead of one each."""
        if _libc.syncfs(file) != 0:
            error = ctypes.get_errno()
            raise OSError(error, os.strerror(error))

    def rename(self, old: str, new: str) -> None:
        """Rename a file."""
        os.rename(old, new)

    def link(self, old: str, new: str) -> None:
        """Give a file a second name; where it has as many as the file system allows (65,000 on ext4), make a second file."""
        try:
            os.link(old, new)
        except OSError as error:
            if error.errno != errno.EMLINK:
                raise
            self._duplicate(old, new)

    def _duplicate(self, old: str, new: str) -> None:
        """Copy a file with its time; until it is whole its name begins with a dot, which no reader of a Maildir looks at."""
        directory, name = os.path.split(new)
        unfinished = f"{directory}/.{name}"
        with open(old, "rb") as source, open(self.create(unfinished), "wb") as file:
            try:
                self.copy(source, file.fileno())
                os.utime(file.fileno(), ns=(os.fstat(source.fileno()).st_atime_ns, os.fstat(source.fileno()).st_mtime_ns))
                self.sync(file.fileno())
                self.rename(unfinished, new)
            except BaseException:
                os.unlink(unfinished)
                raise

    def unlink(self, path: str) -> None:
        """Remove a name."""
        os.unlink(path)

    def sync_directory(self, path: str | Path, *, whole: bool = False) -> None:
        """Bring the names in a directory to stable storage, or those of its whole file system."""
        file = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            (self.sync_all if whole else self.sync)(file)
        finally:
            os.close(file)
