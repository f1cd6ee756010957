"""How each kind of trouble is answered: one table, with the codes of RFC 5530."""

from collections.abc import Mapping
from dataclasses import replace

from services.imapd.grammar.responses import Condition, Reply, bad, no
from services.imapd.sections import UnknownEncoding
from services.imapd.view import NoSuchNumber
from services.kernel.directory import DirectoryTrouble
from services.kernel.mailbox.attributes import VALUE_BYTES
from services.kernel.mailbox.trouble import (
    AnnotationTooLarge,
    BadAcl,
    BadFolderName,
    BadUse,
    FolderExists,
    Locked,
    MailboxFull,
    MailboxTrouble,
    MovedInPart,
    NoRight,
    NoSuchFolder,
    NoSuchMessage,
    NotForAnyone,
    OverQuota,
    Refusal,
    TargetGone,
    TooManyAnnotations,
    TooManyEntries,
    TooManyKeywords,
)

EXPUNGED = no("Some of the requested messages no longer exist", b"EXPUNGEISSUED")
"""RFC 2180 section 4: what was asked of a message that is gone. In its words: by them ImapFlow knows that the others have come."""
UNKNOWN_TARGET = no("No such mailbox", b"TRYCREATE")
"""COPY, MOVE or APPEND to a folder that could be made (RFC 3501 section 7.1)."""
DEFECT = no("Internal error; try again later", b"SERVERBUG")
"""The cause goes into an event, not to the client."""

UID_REQUIRED = bad("Use UIDs", b"UIDREQUIRED")
"""RFC 9586 section 3: a session without message numbers is asked for one."""


def with_expunges_due(reply: Reply) -> Reply:
    """Return a reply to a client that cannot be told now which messages are gone: NOOP would tell it (RFC 5530). A code that is there stays."""
    return replace(reply, code=b"EXPUNGEISSUED") if reply.condition is Condition.OK and not reply.code else reply


_REPLIES: Mapping[type[Exception], Reply] = {
    UnknownEncoding: no("A part is in an encoding that is not known", b"UNKNOWN-CTE"),
    NoSuchNumber: bad("No message has that number"),
    BadFolderName: no("That cannot be the name of a mailbox", b"CANNOT"),
    FolderExists: no("Mailbox already exists", b"ALREADYEXISTS"),
    NoSuchFolder: no("No such mailbox", b"NONEXISTENT"),
    NoRight: no("No right to do that", b"NOPERM"),
    NotForAnyone: no("Rights for all users of the site are not allowed here", b"NOPERM"),
    BadAcl: no("The access list of the mailbox cannot be read; ask the administrator", b"CONTACTADMIN"),
    TooManyEntries: no("Too many identifiers for this mailbox", b"LIMIT"),
    BadUse: no("No mailbox can be made for that use, or there is one", b"USEATTR"),
    AnnotationTooLarge: no("Value is too large", b"METADATA MAXSIZE %d" % VALUE_BYTES),
    TooManyAnnotations: no("Too many annotations", b"METADATA TOOMANY"),
    NoSuchMessage: EXPUNGED,
    TargetGone: UNKNOWN_TARGET,
    OverQuota: no("Quota exceeded", b"OVERQUOTA"),
    TooManyKeywords: no("Too many keywords in this mailbox", b"LIMIT"),
    Locked: no("Mailbox is locked", b"INUSE"),
    Refusal: no("Not possible", b"CANNOT"),
    MailboxFull: no("No space left; try again later", b"UNAVAILABLE"),
    MovedInPart: no("Messages were copied, and some may be in both mailboxes now; look before you try again"),
    MailboxTrouble: no("Mailbox is unavailable; try again later", b"UNAVAILABLE"),
    DirectoryTrouble: no("Directory is unavailable; try again later", b"UNAVAILABLE"),
}

TROUBLES = tuple(_REPLIES)
"""The exceptions that ``reply_for`` knows."""


def reply_for(fault: Exception) -> Reply:
    """Return the answer to a command that ended in ``fault``, one of ``TROUBLES``."""
    return next(_REPLIES[kind] for kind in type(fault).__mro__ if kind in _REPLIES)


def is_ours(fault: Exception) -> bool:
    """Tell whether the operator should hear of it: the store or the directory failed, the client did nothing wrong."""
    return isinstance(fault, MailboxTrouble | DirectoryTrouble)
