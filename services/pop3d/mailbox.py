"""The mailbox of one session: its INBOX and the exclusive lock, behind the store's threads."""

import asyncio
import contextlib
import mmap
from collections.abc import Iterator

from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import FlagChange, FlagWord
from services.kernel.mailbox.store import MailStore
from services.pop3d.config import Pop3dSettings
from services.pop3d.maildrop import Maildrop, maildrop
from services.pop3d.stream import PIECE_BYTES, Content, end_of_top, pieces


class Mailbox:
    """An open INBOX. ``release`` gives the lock back. All methods raise ``MailboxTrouble`` and ``Refusal`` as the store does."""

    def __init__(self, store: MailStore, folder: Folder, drop: Maildrop, lock: contextlib.ExitStack) -> None:
        self.maildrop = drop
        self._store = store
        self._folder = folder
        self._lock = lock

    async def message(self, uid: int, lines: int | None) -> "Message":
        """Open a message to be sent, whole or down to ``lines`` lines of its body. Raises ``NoSuchMessage``."""
        content = await self._store.run(self._folder.content, uid)
        end = len(content) if lines is None else await self._store.run(end_of_top, content, lines)
        return Message(self._store, content, end)

    async def update(self) -> None:
        """Do what was marked: the UPDATE state (RFC 1939 section 6)."""
        await self._store.run(self._update)

    def _update(self) -> None:
        deleted, read = self.maildrop.uids_deleted(), self.maildrop.uids_read()
        if deleted:
            self._folder.remove(deleted)
        if read:
            self._folder.store_flags(read, FlagChange(FlagWord.ADD, frozenset({"\\Seen"})))

    def release(self) -> None:
        """Give the lock back: closing a file, so nothing waits."""
        self._lock.close()


class Message:
    """A message on its way to the client."""

    def __init__(self, store: MailStore, content: Content, end: int) -> None:
        self.size_bytes = end
        self._store = store
        self._content = content
        self._pieces: Iterator[bytes] = pieces(content, end)

    async def piece(self) -> bytes:
        """Return the next piece, nothing after the last. A large message is mapped, so it is read in a thread: the disk may be slow."""
        if self.size_bytes <= PIECE_BYTES:
            return b"".join(self._pieces)
        return await self._store.run(next, self._pieces, b"")

    def close(self) -> None:
        """Give the mapping back."""
        if isinstance(self._content, mmap.mmap):
            self._content.close()


async def open_mailbox(store: MailStore, address: str, settings: Pop3dSettings) -> Mailbox:
    """Lock and open a user's INBOX. Raises ``Locked``, ``TooSoon``, ``MailboxTrouble``.

    When the waiting task is cancelled the store's thread still ends its work, and the lock is given back then.
    """
    opening = asyncio.ensure_future(store.run(_open, store, address, settings))
    try:
        return await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_abandon)
        raise


def _open(store: MailStore, address: str, settings: Pop3dSettings) -> Mailbox:
    with contextlib.ExitStack() as lock:
        user = store.user(address)
        lock.enter_context(user.pop3_lock(settings.login_delay_seconds))
        folder = user.folder("INBOX")
        folder.status()  # a look at the directory, so that what others put there is in
        drop = maildrop(folder.uidvalidity, [(message.uid, message.size) for message in folder.messages()], settings.uidl)
        return Mailbox(store, folder, drop, lock.pop_all())


def _abandon(opening: "asyncio.Future[Mailbox]") -> None:
    if not opening.cancelled() and opening.exception() is None:
        opening.result().release()
