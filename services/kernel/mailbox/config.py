"""The section ``mailbox``: what mda, imapd and pop3d must agree on."""

from pathlib import Path

from pydantic import Field

from services.kernel.runtime.config import Section


class MailboxSettings(Section):
    """Where mailboxes lie and what a new one contains."""

    root: Path = Path("/mail")
    """Directory of all mailboxes: `<root>/<domain>/<local part>/Maildir`."""
    special_folders: dict[str, str] = Field(
        default_factory=lambda: {"Drafts": "\\Drafts", "Sent": "\\Sent", "Trash": "\\Trash", "Junk": "\\Junk", "Archive": "\\Archive"},
    )
    """Folders that a new mailbox gets at its first listing, each with its attribute of RFC 6154."""
    open_mailboxes: int = Field(default=128, ge=4)
    """How many users' indexes a process keeps open at most; each takes three file descriptors and about 100 kB."""
    threads: int = Field(default=4, ge=1, le=64)
    """Threads of a process for work on mailboxes; an index is used by one at a time."""
