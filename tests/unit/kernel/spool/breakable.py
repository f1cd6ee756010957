"""A disk that fails or dies when a test says so."""

import errno
import os

from services.kernel.spool.disk import Disk


class Killed(BaseException):
    """The process is gone: nothing more of it happens."""


class BrokenDisk(Disk):
    """Chosen calls fail with an error; with ``dies_after`` the process is killed after so many changes to the disk."""

    def __init__(self, faults: dict[str, int] | None = None, dies_after: int | None = None) -> None:
        self.faults = faults or {}
        self.dies_after = dies_after
        self.steps = 0

    def _step(self, call: str) -> None:
        if self.dies_after is not None and self.steps >= self.dies_after:
            raise Killed
        self.steps += 1
        code = self.faults.get(call)
        if code is not None:
            raise OSError(code, os.strerror(code))

    def create(self, path: str) -> int:
        self._step("create")
        return super().create(path)

    def write(self, file: int, data: bytes, offset: int) -> None:
        self._step("write")
        super().write(file, data, offset)

    def sync(self, file: int) -> None:
        self._step("sync")
        super().sync(file)

    def rename(self, source: str, target: str) -> None:
        self._step("rename")
        super().rename(source, target)

    def remove(self, path: str) -> None:
        self._step("remove")
        super().remove(path)

    def append(self, path: str, data: bytes) -> None:
        self._step("append")
        super().append(path, data)

    def set_time(self, path: str, seconds: float) -> None:
        self._step("set_time")
        super().set_time(path, seconds)

    def free_bytes(self, path: str) -> int:
        return 0 if self.faults.get("free_bytes") == errno.ENOSPC else super().free_bytes(path)
