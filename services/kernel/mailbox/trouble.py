"""What can go wrong with a mailbox, for the caller to answer."""

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager


class MailboxTrouble(Exception):
    """The store failed in a way that may pass: try again later. The text is for the operator."""


class MailboxFull(MailboxTrouble):
    """The disk is full."""


class MovedInPart(MailboxTrouble):
    """Messages that were to move to another user are there, and could not be removed here or be seen to be here: to try again would double them."""


class Refusal(Exception):
    """The request cannot be done, and not later either."""


class OverQuota(Refusal):
    """The message would exceed the user's quota (IMAP ``[OVERQUOTA]``, RFC 9208)."""


class NoSuchFolder(Refusal):
    """The folder does not exist, or no longer (``[NONEXISTENT]``, RFC 5530)."""


class FolderExists(Refusal):
    """A folder of this name is already there (``[ALREADYEXISTS]``, RFC 5530)."""


class BadFolderName(Refusal):
    """The name cannot be a folder here (``[CANNOT]``, RFC 5530)."""


class BadUse(Refusal):
    """The special use is unknown here or another folder has it (``[USEATTR]``, RFC 6154)."""


class AnnotationTooLarge(Refusal):
    """The value of an annotation is too large (``[METADATA MAXSIZE ...]``, RFC 5464)."""


class TooManyAnnotations(Refusal):
    """There is no room for another annotation (``[METADATA TOOMANY]``, RFC 5464)."""


class BadAcl(Refusal):
    """A folder's ``dovecot-acl`` cannot be read: nobody but the owner has a right there until it is mended."""


class TooManyEntries(Refusal):
    """There is no room for another identifier in a folder's ACL (``[LIMIT]``, RFC 5530)."""


class NoRight(Refusal):
    """The user may not do that in this folder (``[NOPERM]``, RFC 5530), of which he may know."""


class NotForAnyone(NoRight):
    """Rights for all users of the site, which its operator does not allow (``[NOPERM]``)."""


class TooManyKeywords(Refusal):
    """The folder has no letter left for another keyword (``[LIMIT]``, RFC 5530)."""


class TargetGone(Refusal):
    """The folder that messages were to go to was deleted, or made anew, meanwhile."""


class NoSuchMessage(Refusal):
    """The message was expunged meanwhile (``[EXPUNGEISSUED]``, RFC 5530)."""


class Locked(Refusal):
    """Another POP3 session has the mailbox (``[IN-USE]``, RFC 2449)."""


class TooSoon(Refusal):
    """The last POP3 session began too short a time ago (``[LOGIN-DELAY]``, RFC 2449)."""


_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


@contextmanager
def mapped() -> Iterator[None]:
    """Turn errors of the disk and of SQLite into ``MailboxTrouble``."""
    try:
        yield
    except OSError as error:
        kind = MailboxFull if error.errno in _FULL else MailboxTrouble
        raise kind(str(error)) from error
    except sqlite3.Error as error:
        code = getattr(error, "sqlite_errorcode", None)
        raise (MailboxFull if code == sqlite3.SQLITE_FULL else MailboxTrouble)(f"index: {error}") from error
