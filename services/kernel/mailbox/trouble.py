"""What can go wrong with a mailbox, for the caller to answer."""


class MailboxTrouble(Exception):
    """The store failed in a way that may pass: try again later. The text is for the operator."""


class MailboxFull(MailboxTrouble):
    """The disk is full."""


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


class TooManyKeywords(Refusal):
    """The folder has no letter left for another keyword (``[LIMIT]``, RFC 5530)."""


class NoSuchMessage(Refusal):
    """The message was expunged meanwhile (``[EXPUNGEISSUED]``, RFC 5530)."""


class Locked(Refusal):
    """Another POP3 session has the mailbox (``[IN-USE]``, RFC 2449)."""
