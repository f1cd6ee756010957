"""Where mbox files lie: an account's, as the folders that rules ask of a mailbox, and the site's."""

import os
import stat
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import MappingProxyType

from services.kernel.mailbox import names
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.records import FolderInfo
from services.kernel.mailbox.trouble import BadFolderName, MailboxTrouble, mapped
from services.mda.mbox.file import LOCK_SUFFIX

INBOX_FILE = "mbox"
FOLDERS_DIRECTORY = "mail"
SITE = ""
"""Whose the files are that transport tables name: nobody's."""
SITE_DIRECTORY = ".mbox"
"""On the volume, where no domain's directory has a dot in front."""
SITE_MODE = 0o700
"""Nobody but mda has to do with it."""


class MboxHome:
    """``home`` is the account's directory. Implements ``folders.Cabinet``. Methods block and raise ``MailboxTrouble``."""

    def __init__(self, home: Path, special_folders: Mapping[str, str] = MappingProxyType({})) -> None:
        """``special_folders`` are there for rules even while they have no file (``mailbox.special_folders``)."""
        self._home = home
        self._special_folders = special_folders
        self._directory = home / FOLDERS_DIRECTORY

    def make(self, disk: Disk) -> None:
        """Make the directories that are missing, durably."""
        with mapped():
            for path in (self._home.parent, self._home, self._directory):
                if disk.make_directory(path):
                    disk.sync_directory(path.parent)

    def path(self, folder: str) -> Path:
        """The file of a folder."""
        return self._home / INBOX_FILE if folder == names.INBOX else self._directory / names.encode(folder)

    def folders(self) -> Sequence[FolderInfo]:
        """INBOX, the special folders, and those that have a file."""
        with mapped():
            found = {_name(path) for path in self._directory.iterdir() if path.is_file()} | self._special_folders.keys()
        present = (names.INBOX, *sorted(filter(None, found)))
        return [FolderInfo(name, True, True, False, self._special_folders.get(name, "")) for name in present]

    def create(self, name: str, _uses: Sequence[str] = ()) -> None:
        """Refuse what cannot be a folder; the first message makes the file. Raises ``BadFolderName``."""
        if names.check(name).endswith(LOCK_SUFFIX):
            raise BadFolderName("the name would be that of a lock")

    def subscribe(self, name: str) -> None:
        """There are no subscriptions."""

    def annotations(self, _name: str = "") -> Mapping[str, bytes]:
        """There are none."""
        return {}

    def usage_bytes(self) -> int:
        """What all files hold together."""
        with mapped():
            return sum(self._size(path) for path in (self._home / INBOX_FILE, *self._directory.iterdir()))

    def _size(self, path: Path) -> int:
        try:
            return path.lstat().st_size
        except FileNotFoundError:
            return 0


class SiteHome:
    """The files of the site's, by names that the operator has set. Methods block and raise ``MailboxTrouble``."""

    def __init__(self, root: Path) -> None:
        """``root`` is that of all mailboxes."""
        self._directory = root / SITE_DIRECTORY

    def make(self, disk: Disk) -> None:
        """Make the directory durably, or see that the one that is there is ours."""
        with mapped():
            try:
                self._directory.mkdir(SITE_MODE)
                disk.sync_directory(self._directory.parent)
            except FileExistsError:
                status = self._directory.lstat()
                if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
                    raise MailboxTrouble(f"{self._directory} is no directory of mda's") from None

    def path(self, name: str) -> Path:
        """The file of this name."""
        if name in ("", ".", "..") or "/" in name or name.endswith(LOCK_SUFFIX):
            raise MailboxTrouble(f"{name!r} is no name of a file")
        return self._directory / name

    def usage_bytes(self) -> int:
        """Nothing: there is no quota."""
        return 0


def _name(path: Path) -> str | None:
    """The folder of a file; ``None`` for what is none of ours."""
    return None if path.name.endswith(LOCK_SUFFIX) else names.from_directory(f"{names.SEPARATOR}{path.name}")
