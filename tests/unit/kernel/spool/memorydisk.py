"""A disk in memory that can lose its power: what was not synced may be there afterwards, or not, or in part.

The model: names change in one order (a journal), and a cut keeps a beginning of it that holds at least all that some sync waited for;
content that was never synced is cut anywhere; of later changes in place each block of 512 bytes is kept or not.
"""

import errno
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from random import Random

from services.kernel.spool.disk import Disk, Entry
from tests.unit.kernel.spool.breakable import Killed

BLOCK = 512


@dataclass(eq=False)
class Inode:
    data: bytearray = field(default_factory=bytearray)
    synced: bytes | None = None
    born: int = 0
    time: float = 0.0


Names = dict[str, Inode]


class MemoryDisk(Disk):
    def __init__(self) -> None:
        self._names: Names = {}
        self._durable: Names = {}
        self._journal: list[Callable[[Names], None]] = []
        self._committed = 0
        self._files: dict[int, Inode] = {}
        self.dies_after: int | None = None

    def _step(self) -> None:
        if self.dies_after is not None:
            if self.dies_after <= 0:
                raise Killed
            self.dies_after -= 1

    def _change(self, change: Callable[[Names], None]) -> None:
        change(self._names)
        self._journal.append(change)

    def _inode(self, path: str) -> Inode:
        try:
            return self._names[path]
        except KeyError:
            raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), path) from None

    def cut_power(self, chance: Random) -> None:
        """Lose what is not on stable storage, as it may happen."""
        kept = chance.randint(self._committed, len(self._journal))
        for change in self._journal[:kept]:
            change(self._durable)
        self._names = dict(self._durable)
        self._journal, self._committed, self._files = [], 0, {}
        for inode in set(self._names.values()):
            inode.data = _after_cut(inode, chance)
            inode.synced, inode.born = bytes(inode.data), 0

    def create(self, path: str) -> int:
        self._step()
        if path in self._names:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST), path)
        inode = Inode(born=len(self._journal) + 1)
        self._change(lambda names: names.__setitem__(path, inode))
        return self._opened(inode)

    def _opened(self, inode: Inode) -> int:
        number = max(self._files, default=0) + 1
        self._files[number] = inode
        return number

    def open(self, path: str, *, writable: bool = False) -> int:
        return self._opened(self._inode(path))

    def close(self, file: int) -> None:
        del self._files[file]

    def write(self, file: int, data: bytes, offset: int) -> None:
        self._step()
        self._files[file].data[offset : offset + len(data)] = data

    def read(self, file: int, count: int, offset: int) -> bytes:
        return bytes(self._files[file].data[offset : offset + count])

    def size(self, file: int) -> int:
        return len(self._files[file].data)

    def has_name(self, file: int) -> bool:
        return self._files[file] in self._names.values()

    def start_writeback(self, file: int) -> None:
        return

    def sync(self, file: int) -> None:
        self._step()
        inode = self._files[file]
        inode.synced = bytes(inode.data)
        self._committed = max(self._committed, inode.born)

    def rename(self, source: str, target: str) -> None:
        self._step()
        self._inode(source)
        self._change(lambda names: names.__setitem__(target, names.pop(source)))

    def remove(self, path: str) -> None:
        self._step()
        self._inode(path)
        self._change(lambda names: names.__delitem__(path))

    def exists(self, path: str) -> bool:
        return path in self._names

    def set_time(self, path: str, seconds: float) -> None:
        self._step()
        if path not in self._names:
            self.append(path, b"")
        self._inode(path).time = seconds

    def time(self, path: str) -> float:
        return self._names[path].time if path in self._names else 0.0

    def append(self, path: str, data: bytes) -> None:
        self._step()
        if path not in self._names:
            inode = Inode()
            self._change(lambda names: names.__setitem__(path, inode))
        self._names[path].data += data

    def entries(self, path: str) -> Iterator[Entry]:
        return (Entry(name, len(self._names[f"{path}/{name}"].data), 0.0) for name in self.names(path))

    def names(self, path: str) -> list[str]:
        return [name.rpartition("/")[2] for name in self._names if name.rpartition("/")[0] == path]

    def free_bytes(self, path: str) -> int:
        return 1 << 40


def _after_cut(inode: Inode, chance: Random) -> bytearray:
    if inode.synced is None:
        return inode.data[: chance.randint(0, len(inode.data))]
    if len(inode.synced) != len(inode.data):
        return bytearray(chance.choice([inode.synced, bytes(inode.data)]))
    blocks = [chance.choice([inode.synced, bytes(inode.data)])[start : start + BLOCK] for start in range(0, len(inode.data), BLOCK)]
    return bytearray(b"".join(blocks))
