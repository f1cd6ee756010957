"""The mailbox hop: admin reads mailboxes and moves mail in through mda, which has the disk they lie on.

What comes in is staged first, as the files of a Maildir, in as many requests as it takes (``Stage``), and becomes messages at once (``MoveIn``); what
is staged and not moved in is forgotten after 36 hours. mda answers ``Failed`` with words for the operator.
"""

import msgspec

PAGE_MESSAGES = 5_000
"""Messages of one ``MessageList``: some 600 KB."""
BLOCK_BYTES = 4 * 1024 * 1024
"""Content in one request or answer at most, a quarter of the frame limit."""


class Folders(msgspec.Struct, frozen=True, tag="folders"):
    """List the folders of a mailbox."""

    address: str


class FolderEntry(msgspec.Struct, frozen=True):
    """One folder."""

    name: str
    uidvalidity: int
    uidnext: int
    messages: int
    unseen: int
    size_bytes: int
    keywords: list[str]


class FolderList(msgspec.Struct, frozen=True, tag="folder-list"):
    """INBOX first. ``subscribed`` are names, which need not exist."""

    folders: list[FolderEntry]
    subscribed: list[str]


class Messages(msgspec.Struct, frozen=True, tag="messages"):
    """List messages of a folder with UIDs above ``after``."""

    address: str
    folder: str
    after: int = 0


class Annotations(msgspec.Struct, frozen=True, tag="annotations"):
    """List what is attached to a folder, or with an empty name to the mailbox as a whole."""

    address: str
    folder: str


class AnnotationList(msgspec.Struct, frozen=True, tag="annotation-list"):
    """See ``kernel.mailbox.attributes``; a mebibyte at most."""

    values: dict[str, bytes]


class Acl(msgspec.Struct, frozen=True, tag="acl"):
    """List who may do what in a folder."""

    address: str
    folder: str


class AclEntries(msgspec.Struct, frozen=True, tag="acl-entries"):
    """Letters by identifier, as in ``dovecot-acl`` (``kernel.mailbox.acl``); ``trouble`` is why that cannot be read."""

    entries: dict[str, str]
    trouble: str = ""


class SetAcl(msgspec.Struct, frozen=True, tag="set-acl"):
    """Give an identifier rights in a folder; no letters take its line away."""

    address: str
    folder: str
    identifier: str
    letters: str


class Scripts(msgspec.Struct, frozen=True, tag="scripts"):
    """List the Sieve scripts of a mailbox."""

    address: str


class ScriptList(msgspec.Struct, frozen=True, tag="script-list"):
    """Scripts by name; ``active`` is empty when none is."""

    scripts: dict[str, bytes]
    active: str


class MessageEntry(msgspec.Struct, frozen=True, array_like=True):
    """One message. ``unique`` is the part of its file's name that never changes, ``size_bytes`` the size as served."""

    uid: int
    unique: str
    flags: list[str]
    internaldate: int
    size_bytes: int


class MessageList(msgspec.Struct, frozen=True, tag="message-list"):
    """A page by UID; an empty one is the end."""

    messages: list[MessageEntry]


class Read(msgspec.Struct, frozen=True, tag="read"):
    """Read a message from ``offset``."""

    address: str
    folder: str
    uid: int
    offset: int = 0


class Block(msgspec.Struct, frozen=True, tag="block"):
    """At most ``BLOCK_BYTES`` as served; empty at the end, ``is_gone`` when the message was expunged meanwhile."""

    data: bytes
    is_gone: bool = False


class File(msgspec.Struct, frozen=True):
    """A file, or more of it: ``path`` is relative to the tree, ``is_more`` adds to what was staged under it before. ``mtime`` 0 is now."""

    path: str
    data: bytes
    mtime: int = 0
    is_more: bool = False


class Stage(msgspec.Struct, frozen=True, tag="stage"):
    """Put files into the tree ``batch`` (small letters and digits) beside a mailbox."""

    address: str
    batch: str
    files: list[File]


class MoveIn(msgspec.Struct, frozen=True, tag="move-in"):
    """Make messages of the tree, and drop it."""

    address: str
    batch: str


class MovedFolder(msgspec.Struct, frozen=True):
    """See ``kernel.mailbox.moving``."""

    folder: str
    uidvalidity: int
    taken: int
    known: int
    keeps_uids: bool
    lost_keywords: list[str]
    lost_acl: str = ""
    renumbered: int = 0


class MovedIn(msgspec.Struct, frozen=True, tag="moved-in"):
    """``passed_over`` are directories that cannot be folders, ``refused_scripts`` scripts that cannot be here, each with why."""

    folders: list[MovedFolder]
    passed_over: list[str]
    refused_scripts: list[str] = []


class Check(msgspec.Struct, frozen=True, tag="check"):
    """Make the index of a mailbox anew and compare."""

    address: str


class CheckedFolder(msgspec.Struct, frozen=True):
    """See ``kernel.mailbox.checking``."""

    folder: str
    uidvalidity: int
    messages: int
    found: int
    lost: int
    changed: int
    renumbered: int


class Checked(msgspec.Struct, frozen=True, tag="checked"):
    """``trouble`` is what kept the old index from being read."""

    folders: list[CheckedFolder]
    trouble: str


class Done(msgspec.Struct, frozen=True, tag="done"):
    """Done."""


class Failed(msgspec.Struct, frozen=True, tag="failed"):
    """It could not be done; ``reason`` is for the operator."""

    reason: str


Request = Folders | Annotations | Acl | SetAcl | Scripts | Messages | Read | Stage | MoveIn | Check
Response = FolderList | AnnotationList | AclEntries | ScriptList | MessageList | Block | Done | MovedIn | Checked | Failed
