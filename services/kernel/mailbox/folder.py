"""One folder: its messages and what can be done to them."""

import mmap
from collections.abc import Iterable, Mapping, Sequence

from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.records import Appended, Changes, Copied, FlagChange, Message, Origin, Status, Stored

Content = bytes | mmap.mmap
"""A message as served, with CRLF line ends; large ones are mapped, not read."""


class Folder:
    """A handle on a folder that exists; cheap, several at once are harmless.

    All methods block, may be called from any thread, and raise ``NoSuchFolder`` once the folder is gone and
    ``MailboxTrouble`` when the store fails. UIDs that do not exist are passed over in silence.
    """

    name: str
    uidvalidity: int

    def status(self) -> Status:
        """Figures of now, after a look at the directory for files that others brought or took."""
        raise NotImplementedError

    def uids(self) -> Sequence[int]:
        """The UIDs of all messages, ascending."""
        raise NotImplementedError

    def messages(self, uids: Iterable[int] | None = None) -> Sequence[Message]:
        """The messages with these UIDs, or all, by UID."""
        raise NotImplementedError

    def changes(self, since: int) -> Changes:
        """What happened after modseq ``since``, after a look at the directory. A view that starts empty begins with ``messages`` and ``status``."""
        raise NotImplementedError

    def claim_recent(self) -> int:
        """Make all present messages recent for the caller alone and return the first UID that is (RFC 3501 section 2.3.2)."""
        raise NotImplementedError

    def keywords(self) -> Sequence[str]:
        """Keywords in use here; there is room for 26 (one letter of the file name each)."""
        raise NotImplementedError

    def content(self, uid: int) -> Content:
        """A message as served. Raises ``NoSuchMessage`` when it was expunged meanwhile."""
        raise NotImplementedError

    def facts(self, uids: Iterable[int]) -> dict[int, bytes]:
        """What ``remember`` kept for these UIDs: the caller's own form of ENVELOPE, BODYSTRUCTURE and offsets."""
        raise NotImplementedError

    def remember(self, facts: Mapping[int, bytes]) -> None:
        """Keep facts about messages beside them; a cache, lost with the index."""
        raise NotImplementedError

    def append(self, draft: Draft, origin: Origin) -> Appended:
        """Add a message durably. Raises ``MailboxFull``, ``TooManyKeywords``."""
        raise NotImplementedError

    def store_flags(self, uids: Iterable[int], change: FlagChange) -> Stored:
        """Change flags and keywords. Raises ``TooManyKeywords``. Messages whose flags stay the same keep their modseq."""
        raise NotImplementedError

    def expunge(self, uids: Iterable[int] | None = None) -> Sequence[int]:
        """Remove the messages that have ``\\Deleted``, only of these UIDs if given, and return the UIDs removed."""
        raise NotImplementedError

    def remove(self, uids: Iterable[int]) -> Sequence[int]:
        """Remove these messages whatever their flags (POP3's UPDATE) and return the UIDs removed."""
        raise NotImplementedError

    def copy(self, uids: Iterable[int], target: "Folder") -> Copied:
        """Copy messages with flags and dates to a folder of the same user, all or none. Raises ``MailboxFull``, ``TooManyKeywords``."""
        raise NotImplementedError

    def move(self, uids: Iterable[int], target: "Folder") -> Copied:
        """Move messages to a folder of the same user; each is in one of the two at any time (RFC 6851)."""
        raise NotImplementedError
