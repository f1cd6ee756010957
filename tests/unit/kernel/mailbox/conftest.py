"""Mailboxes on a temporary disk, with a clock that a test moves and a disk that it breaks."""

import errno
import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.filename import UniqueNames
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.home import Tools
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.user import UserMail

ADDRESS = "alice@example.test"


class Clock:
    """Seconds since the epoch that stand still."""

    def __init__(self) -> None:
        self.now = 1_763_712_000.0

    def __call__(self) -> float:
        return self.now


class Killed(BaseException):
    """The process is dead: nothing after this reaches the disk."""


class BreakingDisk(Disk):
    """A disk on which the process dies before step ``dies_at``, or on which every write meets ``fails_with``."""

    def __init__(self) -> None:
        self.steps = 0
        self.dies_at: int | None = None
        self.fails_with = 0

    def _step(self) -> None:
        self.steps += 1
        if self.dies_at is not None and self.steps > self.dies_at:
            raise Killed
        if self.fails_with:
            raise OSError(self.fails_with, errno.errorcode[self.fails_with])

    def create(self, path: str) -> int:
        self._step()
        return super().create(path)

    def write(self, file: int, blocks: list[bytes]) -> None:
        self._step()
        super().write(file, blocks)

    def sync(self, file: int) -> None:
        self._step()
        super().sync(file)

    def sync_all(self, file: int) -> None:
        self._step()
        super().sync_all(file)

    def rename(self, old: str, new: str) -> None:
        self._step()
        super().rename(old, new)

    def link(self, old: str, new: str) -> None:
        self._step()
        super().link(old, new)

    def unlink(self, path: str) -> None:
        self._step()
        super().unlink(path)


class Machine:
    """A volume with mailboxes, and the processes that open it."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.clock = Clock()
        self.boots = itertools.count(1)
        self.boot = "boot-0"
        self._stores: list[MailStore] = []

    @property
    def maildir(self) -> Path:
        return self.root / "example.test" / "alice" / "Maildir"

    def process(self, disk: Disk | None = None, *, share_with_anyone: bool = True) -> MailStore:
        """A process of its own: another connection to the same mailboxes."""
        settings = MailboxSettings(root=self.root, share_with_anyone=share_with_anyone)
        store = MailStore(settings, Tools(disk or Disk(), self.clock, UniqueNames(self.clock, len(self._stores)), self.boot))
        self._stores.append(store)
        return store

    def restart(self) -> None:
        """The machine itself starts anew."""
        self.boot = f"boot-{next(self.boots)}"

    def close(self) -> None:
        for store in self._stores:
            store.close()


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    yield machine
    machine.close()


@pytest.fixture
def store(machine: Machine) -> MailStore:
    return machine.process()


@pytest.fixture
def alice(store: MailStore) -> UserMail:
    return store.user(ADDRESS)


@pytest.fixture
def inbox(alice: UserMail) -> Folder:
    return alice.folder("INBOX")


@pytest.fixture
def draft(store: MailStore) -> Callable[[bytes], Draft]:
    def make(content: bytes) -> Draft:
        made = store.draft()
        made.write(content)
        return made

    return make
