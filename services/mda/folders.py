"""Folders as scripts name them, and which one a message goes into."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from services.kernel.directory import MailboxFormat
from services.kernel.mailbox import names
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.records import FolderInfo, Place
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import FolderExists, Refusal
from services.kernel.mailbox.user import INBOX
from services.kernel.sieve.actions import FileInto, Keep, Store
from services.mda.mbox.home import MboxHome
from services.mda.transfer import Target


class Cabinet(Protocol):
    """The folders of an account, as ``UserMail`` has them; its methods say what they raise."""

    def folders(self) -> Sequence[FolderInfo]: ...

    def create(self, name: str, uses: Sequence[str] = ()) -> object: ...

    def subscribe(self, name: str) -> None: ...

    def annotations(self, name: str = "") -> Mapping[str, bytes]: ...


def cabinet(store: MailStore, target: Target) -> Cabinet:
    """The folders of a recipient, whose home is made when it is new. Blocks. Raises ``MailboxTrouble``."""
    match target.mailbox_format:
        case MailboxFormat.MAILDIR:
            return store.user(target.mailbox)
        case MailboxFormat.MBOX:
            home = MboxHome(store.home(target.mailbox), store.special_folders)
            home.make(Disk())
            return home


def read_name(folder: str) -> str:
    """The folder that a script means. A slash parts levels as well: no name here has one, and many sites that people come from do."""
    return names.normalize(folder.replace("/", names.SEPARATOR))


def choose(user: Cabinet, action: Keep | FileInto | Store) -> tuple[Place, str]:
    """Where an action puts its message, and what went wrong with that: then it is INBOX. Makes a folder that is to be made. Blocks.

    Raises ``MailboxTrouble``.
    """
    flags = frozenset(action.flags)
    if isinstance(action, Keep):
        return Place(INBOX.folder, flags), ""
    name = read_name(action.folder)
    known = {folder.name: folder.special_use.lower().split() for folder in user.folders() if folder.exists}
    if action.special_use:
        name = next((each for each, uses in known.items() if action.special_use.lower() in uses), name)
    if name in known:
        return Place(name, flags), ""
    if not action.create:
        return Place(INBOX.folder, flags), f"there is no folder {name!r}: the message is in INBOX"
    try:
        _make(user, name, action.special_use)
    except Refusal as refusal:
        return Place(INBOX.folder, flags), f"the folder {name!r} cannot be made ({refusal}): the message is in INBOX"
    return Place(name, flags), ""


def _make(user: Cabinet, name: str, special_use: str) -> None:
    """Make a folder and subscribe to it, so that its owner sees it (RFC 5490 section 3.2)."""
    try:
        user.create(name, [special_use] if special_use else [])
    except FolderExists:
        return  # another delivery was faster
    user.subscribe(name)
