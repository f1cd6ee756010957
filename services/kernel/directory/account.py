"""A mailbox as the directory knows it."""

from dataclasses import dataclass, field
from enum import StrEnum

UNLIMITED = -1
"""Stored as a quota: no limit, whatever the domain says."""


class MailboxFormat(StrEnum):
    """How mda stores an account's mail. IMAP and POP3 show a Maildir only; an mbox is for programs that open the file."""

    MAILDIR = "maildir"
    MBOX = "mbox"


@dataclass(frozen=True, slots=True)
class Account:
    """``address`` is folded and without extension. ``created`` is seconds since the epoch.

    Quotas are limits that hold, 0 for none, as the reader gives them. As they are stored, which is what ``admin`` sees, 0 is the
    domain's quota and ``UNLIMITED`` none at all.

    One that is not ``enabled`` can neither sign in nor get mail (RFC 3463 5.2.1). An empty ``password_hash`` allows no login.
    """

    address: str
    password_hash: str = field(repr=False)
    quota_bytes: int = 0
    quota_messages: int = 0
    enabled: bool = True
    created: float = 0.0
    mailbox_format: MailboxFormat = MailboxFormat.MAILDIR
    scram: str = field(default="", repr=False)
    """Keys for SCRAM-SHA-256 (RFC 5803); filled in by ``Directory.scram`` and for ``admin`` only."""
