"""The way in: ``MailStore`` opens users' mailboxes and runs blocking work in its own few threads."""

import asyncio
import functools
import os
import secrets
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping
from pathlib import Path
from typing import Any, ParamSpec, TypeVar

from services.kernel.mail import address as addresses
from services.kernel.mailbox import look, volume
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.filename import UniqueNames
from services.kernel.mailbox.home import NOTIFY_NAME, Home, Tools
from services.kernel.mailbox.scripts import ScriptLimits, Scripts
from services.kernel.mailbox.shares import Shares
from services.kernel.mailbox.trouble import mapped
from services.kernel.mailbox.turns import Turns
from services.kernel.mailbox.user import UserMail
from services.kernel.runtime.workplace import near

UMASK = 0o007
"""What is made belongs to the group (vmail) as much as to the user: mda, imapd and pop3d have one user each."""
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")

P = ParamSpec("P")
T = TypeVar("T")


def tools_of_this_machine() -> Tools:
    """The real disk, time and boot id. Raises ``OSError``."""
    return Tools(Disk(), time.time, UniqueNames(time.time, secrets.randbits(32)), _BOOT_ID.read_text().strip())


class MailStore:
    """All mailboxes of a site. ``UserMail`` and ``Folder`` block; an event loop calls them as ``await store.run(folder.messages, uids)``."""

    def __init__(self, settings: MailboxSettings, tools: Tools | None = None) -> None:
        """Open nothing yet. Sets the umask of the process, which writes nothing else."""
        os.umask(UMASK)
        self._settings = settings
        self._tools = tools or tools_of_this_machine()
        self._root = near(settings.root)
        self.shares = Shares(self._root, settings.shared_folders)
        self._users: OrderedDict[str, UserMail] = OrderedDict()
        self._lock = threading.Lock()
        self._turns = Turns(settings.threads)
        self._shared: dict[Hashable, asyncio.Future[Any]] = {}

    @property
    def root(self) -> Path:
        """The directory of all mailboxes."""
        return self._root

    def user(self, address: str) -> UserMail:
        """Open the mailbox of ``address`` (compared folded), making it when it is new. Blocks. Raises ``MailboxTrouble``."""
        folded = addresses.fold(address)
        with self._lock:
            user = self._users.get(folded)
            if user is not None:
                self._users.move_to_end(folded)
                return user
        user = self._open(folded)
        with self._lock:
            # another thread may have been faster; an index must have one lock in a process
            user = self._users.setdefault(folded, user)
            unused = [self._users.popitem(last=False)[1] for _ in range(len(self._users) - self._settings.open_mailboxes)]
        for other in unused:
            other.home.close()
        return user

    def known_user(self, address: str) -> UserMail | None:
        """As ``user`` for a folded address that has a mailbox already; none is made. Blocks. Raises ``MailboxTrouble``."""
        return self.user(address) if os.path.isdir(self._maildir(address)) else None

    def _maildir(self, address: str) -> Path:
        return volume.maildir(self._root, address)

    def _open(self, address: str) -> UserMail:
        home = Home(self._maildir(address), self._tools)
        home.index.fill = functools.partial(look.take_in, home=home)
        with mapped():
            home.make()
        return UserMail(address, home, self._settings, self.shares)

    def scripts(self, address: str, limits: ScriptLimits) -> Scripts:
        """The Sieve scripts of ``address`` (compared folded). Never blocks."""
        return Scripts(self.home(address), self._tools, limits)

    @property
    def special_folders(self) -> Mapping[str, str]:
        """The folders of a new mailbox, each with its attribute of RFC 6154."""
        return self._settings.special_folders

    def home(self, address: str) -> Path:
        """The directory that the Maildir of ``address`` lies in; it may not be there yet."""
        return self._maildir(addresses.fold(address)).parent

    def notify_path(self, address: str) -> Path:
        """The file whose time changes with each change in the mailbox of ``address``; it may not be there yet."""
        return self._maildir(addresses.fold(address)) / NOTIFY_NAME

    def forget(self, address: str) -> None:
        """Open the mailbox anew next time: its directory is gone. Blocks."""
        with self._lock:
            user = self._users.pop(addresses.fold(address), None)
        if user is not None:
            user.home.close()

    def draft(self) -> Draft:
        """Begin a message that is still coming in. Never blocks."""
        return Draft(self._root)

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking ``work`` in one of the store's threads."""
        return await asyncio.wrap_future(self._turns.submit(None, functools.partial(work, *args, **kwargs)))

    async def run_for(self, address: str, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """As ``run``, for work on the mailbox of a folded address: it never takes all threads from others (``turns``)."""
        return await asyncio.wrap_future(self._turns.submit(address, functools.partial(work, *args, **kwargs)))

    async def share(self, address: str, key: Hashable, work: Callable[[], T]) -> tuple[T, bool]:
        """As ``run_for``, but once for all who ask with this key before it begins; also return whether this was who asked first."""
        loop = asyncio.get_running_loop()
        shared = self._shared.get(key)
        is_first = shared is None
        if shared is None:
            shared = self._shared[key] = loop.create_future()
            loop.call_soon(self._begin, address, key, work)
        # who goes away does not take the result from the others
        return await asyncio.shield(shared), is_first

    def _begin(self, address: str, key: Hashable, work: Callable[[], object]) -> None:
        shared = self._shared.pop(key)
        try:
            done = asyncio.wrap_future(self._turns.submit(address, work))
        except RuntimeError as error:  # the store is closed
            shared.set_exception(error)
        else:
            done.add_done_callback(functools.partial(_hand_over, shared))

    def close(self) -> None:
        """End the threads when they are done and close all indexes."""
        self._turns.close()
        with self._lock:
            for user in self._users.values():
                user.home.close()
            self._users.clear()


def _hand_over(shared: asyncio.Future[Any], done: asyncio.Future[object]) -> None:
    error = done.exception()
    if error is not None:
        shared.set_exception(error)
    else:
        shared.set_result(done.result())
