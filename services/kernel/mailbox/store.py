"""The way in: ``MailStore`` opens users' mailboxes and runs blocking work in its own few threads."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.user import UserMail

P = ParamSpec("P")
T = TypeVar("T")


class MailStore:
    """All mailboxes of a site. ``UserMail`` and ``Folder`` block; an event loop calls them as ``await store.run(folder.messages, uids)``."""

    def __init__(self, settings: MailboxSettings) -> None:
        """Open nothing yet."""
        raise NotImplementedError

    def user(self, address: str) -> UserMail:
        """Open the mailbox of ``address`` (compared folded), making it when it is new. Blocks. Raises ``MailboxTrouble``."""
        raise NotImplementedError

    def draft(self) -> Draft:
        """Begin a message that is still coming in. Never blocks."""
        raise NotImplementedError

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run blocking ``work`` in one of the store's threads."""
        raise NotImplementedError

    def close(self) -> None:
        """Close all indexes and end the threads."""
        raise NotImplementedError
