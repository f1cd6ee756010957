"""One user's mailbox: its folders, subscriptions, usage and the POP3 lock."""

from collections.abc import Sequence
from contextlib import AbstractContextManager
from pathlib import Path

from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import FolderInfo, Status, Usage


class UserMail:
    """The folders of one user. Names are Unicode with ``.`` between levels; ``INBOX`` in any case is the root. All methods block."""

    address: str
    notify_path: Path
    """Touched at every change of any folder."""

    def folders(self) -> Sequence[FolderInfo]:
        """All folders with INBOX first, missing parents included; the first call ever makes the special folders."""
        raise NotImplementedError

    def subscriptions(self) -> frozenset[str]:
        """Names subscribed to, which need not exist (RFC 9051 section 6.3.7)."""
        raise NotImplementedError

    def folder(self, name: str) -> Folder:
        """Open a folder. Raises ``NoSuchFolder``."""
        raise NotImplementedError

    def create(self, name: str) -> int:
        """Make a folder and return its UIDVALIDITY. Raises ``FolderExists``, ``BadFolderName``."""
        raise NotImplementedError

    def delete(self, name: str) -> None:
        """Delete a folder with its messages; folders below stay. Raises ``NoSuchFolder``, ``BadFolderName`` for INBOX."""
        raise NotImplementedError

    def rename(self, old: str, new: str) -> None:
        """Rename a folder and those below it; INBOX gives its messages to ``new`` and stays (RFC 9051 section 6.3.6).

        Raises ``NoSuchFolder``, ``FolderExists``, ``BadFolderName``.
        """
        raise NotImplementedError

    def subscribe(self, name: str) -> None:
        """Add a name to the subscriptions."""
        raise NotImplementedError

    def unsubscribe(self, name: str) -> None:
        """Take a name from the subscriptions; harmless when it is not there."""
        raise NotImplementedError

    def status(self, name: str) -> Status:
        """Figures of a folder after a look at its directory. Raises ``NoSuchFolder``."""
        raise NotImplementedError

    def usage(self) -> Usage:
        """What all folders hold together."""
        raise NotImplementedError

    def pop3_lock(self) -> AbstractContextManager[None]:
        """Take the lock that keeps a second POP3 session out (RFC 1939 section 4), at once or with ``Locked``; IMAP and delivery go on."""
        raise NotImplementedError
