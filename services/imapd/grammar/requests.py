"""What a client can ask for, one frozen class a kind of request."""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum

from services.imapd.grammar.sequence import SequenceSet


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
class Select:
    """SELECT, or EXAMINE when ``is_writable`` is false."""

    mailbox: str
    is_writable: bool


class FolderVerb(StrEnum):
    """Commands with one folder as argument."""

    CREATE = "CREATE"
    DELETE = "DELETE"
    SUBSCRIBE = "SUBSCRIBE"
    UNSUBSCRIBE = "UNSUBSCRIBE"


@dataclass(frozen=True, slots=True)
class ChangeFolder:
    """CREATE, DELETE, SUBSCRIBE or UNSUBSCRIBE."""

    verb: FolderVerb
    mailbox: str


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
    """What an extended LIST tells of each (RFC 5258 section 3.2, RFC 6154 section 2)."""

    SUBSCRIBED = "SUBSCRIBED"
    CHILDREN = "CHILDREN"
    SPECIAL_USE = "SPECIAL-USE"


@dataclass(frozen=True, slots=True)
class List:
    """LIST, plain or extended. ``status`` is what LIST-STATUS (RFC 5819) asks for."""

    reference: str
    patterns: tuple[str, ...]
    selection: frozenset[ListSelection] = frozenset()
    returns: frozenset[ListReturn] = frozenset()
    status: tuple[StatusItem, ...] = ()
    is_extended: bool = False


@dataclass(frozen=True, slots=True)
class Lsub:
    """LSUB."""

    reference: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Append:
    """APPEND, without the message. ``internaldate`` is seconds since the epoch."""

    mailbox: str
    flags: frozenset[str] = frozenset()
    internaldate: int | None = None


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


class Fact(StrEnum):
    """What FETCH can tell of a message besides its bytes."""

    UID = "UID"
    FLAGS = "FLAGS"
    INTERNALDATE = "INTERNALDATE"
    SIZE = "RFC822.SIZE"
    ENVELOPE = "ENVELOPE"
    BODY = "BODY"
    BODYSTRUCTURE = "BODYSTRUCTURE"


FetchItem = Fact | BodyItem


@dataclass(frozen=True, slots=True)
class Fetch:
    """FETCH and UID FETCH."""

    messages: SequenceSet
    items: tuple[FetchItem, ...]
    by_uid: bool


class StoreWord(StrEnum):
    """``FLAGS``, ``+FLAGS`` and ``-FLAGS``."""

    REPLACE = ""
    ADD = "+"
    REMOVE = "-"


@dataclass(frozen=True, slots=True)
class Store:
    """STORE and UID STORE."""

    messages: SequenceSet
    word: StoreWord
    flags: frozenset[str]
    is_silent: bool
    by_uid: bool


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


@dataclass(frozen=True, slots=True)
class All:
    """Every message."""


@dataclass(frozen=True, slots=True)
class HasFlag:
    """Messages with this flag or keyword."""

    flag: str


@dataclass(frozen=True, slots=True)
class IsRecent:
    """Messages that are recent in this session."""


@dataclass(frozen=True, slots=True)
class Numbered:
    """Messages with these numbers or UIDs."""

    messages: SequenceSet
    by_uid: bool


class When(StrEnum):
    """How a date is compared, regardless of time and zone (RFC 3501 section 6.4.4)."""

    BEFORE = "BEFORE"
    ON = "ON"
    SINCE = "SINCE"


@dataclass(frozen=True, slots=True)
class Dated:
    """Messages by INTERNALDATE, or by their Date field when ``is_sent``."""

    when: When
    day: date
    is_sent: bool


@dataclass(frozen=True, slots=True)
class Sized:
    """Messages larger, or smaller, than a size in octets."""

    is_larger: bool
    size: int


@dataclass(frozen=True, slots=True)
class HeaderHas:
    """Messages with a field of this name (in lower case) that holds ``text``; an empty text asks only for the field."""

    name: bytes
    text: str


@dataclass(frozen=True, slots=True)
class TextHas:
    """Messages that hold ``text`` in the body, or in header or body when ``in_header``."""

    text: str
    in_header: bool


@dataclass(frozen=True, slots=True)
class Not:
    """Messages that the key does not fit."""

    key: "SearchKey"


@dataclass(frozen=True, slots=True)
class Either:
    """Messages that one key or the other fits."""

    first: "SearchKey"
    second: "SearchKey"


@dataclass(frozen=True, slots=True)
class Both:
    """Messages that all keys fit."""

    keys: "tuple[SearchKey, ...]"


SearchKey = All | HasFlag | IsRecent | Numbered | Dated | Sized | HeaderHas | TextHas | Not | Either | Both


@dataclass(frozen=True, slots=True)
class Search:
    """SEARCH and UID SEARCH."""

    key: SearchKey
    by_uid: bool


Request = (
    Bare
    | Login
    | Authenticate
    | Identify
    | Select
    | ChangeFolder
    | Rename
    | Status
    | List
    | Lsub
    | Append
    | Fetch
    | Store
    | Copy
    | ExpungeUids
    | Search
)
