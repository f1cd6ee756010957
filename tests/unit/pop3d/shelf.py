"""Mailboxes in memory, and accounts, that fail on request."""

import asyncio
import contextlib
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import ParamSpec, TypeVar

from services.kernel.directory import Account, DirectoryTrouble, MailboxFormat
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import FlagChange, Message, Status, Stored
from services.kernel.mailbox.served import Content, Reader, read_served
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import Locked, MailboxTrouble, NoSuchMessage
from services.kernel.mailbox.user import UserMail
from services.kernel.sasl.scram import derive

P = ParamSpec("P")
T = TypeVar("T")
PASSWORD = "correct horse"
KEYS = derive(PASSWORD, iterations=4096).text()


class ShelfFolder(Folder):
    """Messages by UID; those in ``broken`` cannot be read or removed."""

    def __init__(self) -> None:
        self.name = "INBOX"
        self.uidvalidity = 7
        self.contents: dict[int, bytes] = {}
        self.broken: set[int] = set()
        self.seen: set[int] = set()

    def add(self, content: bytes) -> int:
        uid = max(self.contents, default=0) + 1
        self.contents[uid] = content
        return uid

    def status(self) -> Status:
        return Status(self.uidvalidity, 0, 0, len(self.contents), 0, 0, 0)

    def messages(self, uids: Iterable[int] | None = None) -> Sequence[Message]:
        return [Message(uid, 1, frozenset(), 0, len(content), 0) for uid, content in sorted(self.contents.items())]

    def content(self, uid: int, how: Reader = read_served) -> Content:
        if uid in self.broken:
            raise MailboxTrouble("disk on fire")
        if uid not in self.contents:
            raise NoSuchMessage
        return self.contents[uid]

    def remove(self, uids: Iterable[int]) -> Sequence[int]:
        wanted = list(uids)
        if self.broken.intersection(wanted):
            raise MailboxTrouble("disk on fire")
        return [uid for uid in wanted if self.contents.pop(uid, None) is not None]

    def store_flags(self, uids: Iterable[int], change: FlagChange) -> Stored:
        self.seen.update(uids)
        return Stored([], [])


class ShelfUser(UserMail):
    """One user with an INBOX."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.inbox = ShelfFolder()
        self._lock = threading.Lock()

    def folder(self, name: str) -> Folder:
        return self.inbox

    @contextlib.contextmanager
    def pop3_lock(self, delay_seconds: float = 0) -> Iterator[None]:
        if not self._lock.acquire(blocking=False):
            raise Locked
        try:
            yield
        finally:
            self._lock.release()

    def is_locked(self) -> bool:
        return self._lock.locked()


class Shelf(MailStore):
    """All users. ``is_open`` ends when the service closes the store; ``gate`` holds work back while it is clear."""

    def __init__(self) -> None:
        self.users: dict[str, ShelfUser] = {}
        self.is_open = True
        self.is_broken = False
        self.gate = threading.Event()
        self.gate.set()

    def user(self, address: str) -> ShelfUser:
        if self.is_broken:
            raise MailboxTrouble("no such disk")
        return self.users.setdefault(address, ShelfUser(address))

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        def gated() -> T:
            self.gate.wait(20)
            return work(*args, **kwargs)

        return await asyncio.to_thread(gated)

    def close(self) -> None:
        self.is_open = False


class ListedAccounts:
    """Everyone in ``addresses`` has the same password."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = addresses
        self.is_broken = False
        self.mailbox_format = MailboxFormat.MAILDIR

    async def authenticate(self, login: str, password: str) -> Account | None:
        if self.is_broken:
            raise DirectoryTrouble("no such database")
        return Account(login, "", mailbox_format=self.mailbox_format) if login in self.addresses and password == PASSWORD else None

    async def account(self, address: str) -> Account | None:
        return Account(address, "") if address in self.addresses else None

    async def scram(self, login: str) -> Account | None:
        return Account(login, "", scram=KEYS) if login in self.addresses else None

    async def scram_secret(self) -> bytes:
        return b"secret"

    async def has_scram_for_all(self) -> bool:
        return True

    def close(self) -> None:
        self.is_broken = True
