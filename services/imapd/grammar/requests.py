"""What a client can ask for, one frozen class a kind of request."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from services.imapd.grammar.keys import Search, Sort, Thread
from services.imapd.grammar.paging import Page
from services.imapd.grammar.rights import DeleteAcl, GetAcl, ListRights, MyRights, SetAcl
from services.imapd.grammar.sequence import SequenceSet
from services.imapd.grammar.wishes import Notify


class Verb(StrEnum):
    """Commands without arguments."""

    CAPABILITY = "CAPABILITY"
    NOOP = "NOOP"
    LOGOUT = "LOGOUT"
    STARTTLS = "STARTTLS"
    NAMESPACE = "NAMESPACE"
    CHECK = "CHECK"
    CLOSE = "CLOSE"
    UNSELECT = "UNSELECT"
    EXPUNGE = "EXPUNGE"
    IDLE = "IDLE"


@dataclass(frozen=True, slots=True)
class Bare:
    """A command that is only its name."""

    verb: Verb


@dataclass(frozen=True, slots=True)
class Login:
    """LOGIN. The password is as sent, in UTF-8 for want of anything better."""

    user: bytes
    password: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authenticate:
    """AUTHENTICATE, with the initial response of SASL-IR (RFC 4959), still in base64."""

    mechanism: str
    initial: bytes | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class Identify:
    """ID (RFC 2971): what a client says of itself."""

    fields: tuple[tuple[bytes, bytes], ...]


@dataclass(frozen=True, slots=True)
class Compress:
    """COMPRESS (RFC 4978): a mechanism in upper case."""

    mechanism: bytes


@dataclass(frozen=True, slots=True)
class Enable:
    """ENABLE (RFC 5161): names of capabilities in upper case."""

    names: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Resync:
    """What a client says it knows (RFC 7162 section 3.2.5): ``known`` UIDs, and ``pairs`` of numbers and UIDs of the same length."""

    uidvalidity: int
    modseq: int
    known: SequenceSet | None = None
    pairs: tuple[SequenceSet, SequenceSet] | None = None


@dataclass(frozen=True, slots=True)
class Select:
    """SELECT, or EXAMINE when ``is_writable`` is false. ``wants_modseqs`` for CONDSTORE, ``resync`` for QRESYNC (RFC 7162)."""

    mailbox: str
    is_writable: bool
    wants_modseqs: bool = False
    resync: Resync | None = None


class FolderVerb(StrEnum):
    """Commands with one folder as argument."""

    CREATE = "CREATE"
    DELETE = "DELETE"
    SUBSCRIBE = "SUBSCRIBE"
    UNSUBSCRIBE = "UNSUBSCRIBE"


@dataclass(frozen=True, slots=True)
class ChangeFolder:
    """CREATE, DELETE, SUBSCRIBE or UNSUBSCRIBE. ``uses`` are what CREATE makes it for (RFC 6154)."""

    verb: FolderVerb
    mailbox: str
    uses: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rename:
    """RENAME."""

    old: str
    new: str


class StatusItem(StrEnum):
    """What STATUS can tell (RFC 3501 section 6.3.10)."""

    MESSAGES = "MESSAGES"
    RECENT = "RECENT"
    UIDNEXT = "UIDNEXT"
    UIDVALIDITY = "UIDVALIDITY"
    UNSEEN = "UNSEEN"
    SIZE = "SIZE"
    HIGHESTMODSEQ = "HIGHESTMODSEQ"
    APPENDLIMIT = "APPENDLIMIT"
    MAILBOXID = "MAILBOXID"
    DELETED = "DELETED"
    DELETED_STORAGE = "DELETED-STORAGE"


@dataclass(frozen=True, slots=True)
class Status:
    """STATUS."""

    mailbox: str
    items: tuple[StatusItem, ...]


class ListSelection(StrEnum):
    """Which folders an extended LIST is about (RFC 5258 section 3.1, RFC 6154 section 2)."""

    SUBSCRIBED = "SUBSCRIBED"
    REMOTE = "REMOTE"
    RECURSIVEMATCH = "RECURSIVEMATCH"
    SPECIAL_USE = "SPECIAL-USE"


class ListReturn(StrEnum):
    """What an extended LIST tells of each (RFC 5258 section 3.2, RFC 6154 section 2, RFC 8440)."""

    SUBSCRIBED = "SUBSCRIBED"
    CHILDREN = "CHILDREN"
    SPECIAL_USE = "SPECIAL-USE"
    MYRIGHTS = "MYRIGHTS"


@dataclass(frozen=True, slots=True)
class List:
    """LIST, plain or extended. ``status`` is what LIST-STATUS (RFC 5819) asks for, ``metadata`` what LIST-METADATA (RFC 9590) does."""

    reference: str
    patterns: tuple[str, ...]
    selection: frozenset[ListSelection] = frozenset()
    returns: frozenset[ListReturn] = frozenset()
    status: tuple[StatusItem, ...] = ()
    metadata: tuple[str, ...] = ()
    is_extended: bool = False


@dataclass(frozen=True, slots=True)
class GetQuota:
    """GETQUOTA (RFC 9208)."""

    root: bytes


@dataclass(frozen=True, slots=True)
class GetQuotaRoot:
    """GETQUOTAROOT."""

    mailbox: str


@dataclass(frozen=True, slots=True)
class SetQuota:
    """SETQUOTA: limits by resource."""

    root: bytes
    limits: Mapping[bytes, int]


class Depth(StrEnum):
    """How far below an entry GETMETADATA looks (RFC 5464 section 4.2.2)."""

    ITSELF = "0"
    CHILDREN = "1"
    ALL = "INFINITY"


@dataclass(frozen=True, slots=True)
class GetMetadata:
    """GETMETADATA (RFC 5464); entries in lower case. An empty mailbox is the server."""

    mailbox: str
    entries: tuple[str, ...]
    depth: Depth = Depth.ITSELF
    max_size: int | None = None


@dataclass(frozen=True, slots=True)
class SetMetadata:
    """SETMETADATA: values by entry, ``None`` for those to take away."""

    mailbox: str
    values: Mapping[str, bytes | None]


@dataclass(frozen=True, slots=True)
class Lsub:
    """LSUB."""

    reference: str
    pattern: str


class SectionWord(StrEnum):
    """The part of a part that ``BODY[...]`` names; empty for the body, or the whole message."""

    WHOLE = ""
    HEADER = "HEADER"
    HEADER_FIELDS = "HEADER.FIELDS"
    HEADER_FIELDS_NOT = "HEADER.FIELDS.NOT"
    TEXT = "TEXT"
    MIME = "MIME"


@dataclass(frozen=True, slots=True)
class Section:
    """``1.2.HEADER.FIELDS (SUBJECT)``: ``path`` is ``1.2``, ``fields`` are names in lower case."""

    path: str = ""
    word: SectionWord = SectionWord.WHOLE
    fields: frozenset[bytes] = frozenset()


@dataclass(frozen=True, slots=True)
class BodyItem:
    """Bytes of a message to fetch. ``label`` is what the reply calls them; ``partial`` is first octet and count."""

    label: bytes
    section: Section
    is_peek: bool
    partial: tuple[int, int] | None = None


@dataclass(frozen=True, slots=True)
class BinaryItem:
    """Bytes of a part with their transfer encoding undone, or only how many when ``is_size`` (RFC 3516 section 4.2)."""

    label: bytes
    section: Section
    is_peek: bool
    partial: tuple[int, int] | None = None
    is_size: bool = False


class Fact(StrEnum):
    """What FETCH can tell of a message besides its bytes."""

    UID = "UID"
    FLAGS = "FLAGS"
    INTERNALDATE = "INTERNALDATE"
    SIZE = "RFC822.SIZE"
    ENVELOPE = "ENVELOPE"
    BODY = "BODY"
    BODYSTRUCTURE = "BODYSTRUCTURE"
    MODSEQ = "MODSEQ"
    SAVEDATE = "SAVEDATE"
    PREVIEW = "PREVIEW"
    EMAILID = "EMAILID"
    THREADID = "THREADID"


FetchItem = Fact | BodyItem | BinaryItem


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH and UID FETCH; only messages changed since a modseq, and with those that vanished since (RFC 7162 sections 3.1.4.1, 3.2.6). ``page`` is
    which of them (RFC 9394 section 3.4)."""

    messages: SequenceSet
    items: tuple[FetchItem, ...]
    by_uid: bool
    changed_since: int | None = None
    wants_vanished: bool = False
    page: Page | None = None


class StoreWord(StrEnum):
    """``FLAGS``, ``+FLAGS`` and ``-FLAGS``."""

    REPLACE = ""
    ADD = "+"
    REMOVE = "-"


@dataclass(frozen=True, slots=True)
class Store:
    """STORE and UID STORE; only where nothing changed since a modseq (RFC 7162 section 3.1.3)."""

    messages: SequenceSet
    word: StoreWord
    flags: frozenset[str]
    is_silent: bool
    by_uid: bool
    unchanged_since: int | None = None


@dataclass(frozen=True, slots=True)
class Copy:
    """COPY, and MOVE (RFC 6851) when ``is_move``."""

    messages: SequenceSet
    mailbox: str
    by_uid: bool
    is_move: bool


@dataclass(frozen=True, slots=True)
class ExpungeUids:
    """UID EXPUNGE (RFC 4315)."""

    messages: SequenceSet


Request = (
    Bare
    | Login
    | Authenticate
    | Identify
    | Compress
    | Enable
    | Notify
    | Select
    | ChangeFolder
    | Rename
    | Status
    | List
    | Lsub
    | GetQuota
    | GetQuotaRoot
    | SetQuota
    | GetMetadata
    | SetMetadata
    | GetAcl
    | SetAcl
    | DeleteAcl
    | ListRights
    | MyRights
    | Fetch
    | Store
    | Copy
    | ExpungeUids
    | Search
    | Sort
    | Thread
)
