"""What SEARCH, SORT and THREAD ask for, one frozen class a kind of key."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from services.imapd.grammar.paging import Page
from services.imapd.grammar.sequence import SequenceSet


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


class Day(StrEnum):
    """Which of a message's dates is meant: INTERNALDATE, that of its Date field, or when it came into this folder (RFC 8514)."""

    RECEIVED = ""
    SENT = "SENT"
    SAVED = "SAVED"


@dataclass(frozen=True, slots=True)
class Dated:
    """Messages by one of their dates."""

    when: When
    day: date
    of: Day


@dataclass(frozen=True, slots=True)
class Aged:
    """Messages whose INTERNALDATE lies within the last so many seconds, or not (RFC 5032)."""

    is_younger: bool
    seconds: int


@dataclass(frozen=True, slots=True)
class Sized:
    """Messages larger, or smaller, than a size in octets."""

    is_larger: bool
    size: int


@dataclass(frozen=True, slots=True)
class Changed:
    """Messages whose modseq is at least this (RFC 7162 section 3.1.5)."""

    modseq: int


@dataclass(frozen=True, slots=True)
class HasEmailId:
    """The messages with this EMAILID (RFC 8474 section 5.3)."""

    email_id: bytes


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


SearchKey = All | HasFlag | IsRecent | Numbered | Dated | Aged | Sized | Changed | HasEmailId | HeaderHas | TextHas | Not | Either | Both


def leaves(key: SearchKey) -> Iterator[SearchKey]:
    """The keys that hold no other."""
    match key:
        case Not():
            yield from leaves(key.key)
        case Either():
            yield from leaves(key.first)
            yield from leaves(key.second)
        case Both():
            for one in key.keys:
                yield from leaves(one)
        case _:
            yield key


class Result(StrEnum):
    """What is told of a search, or done with it (RFC 4731 section 3.1, RFC 5182 section 2)."""

    MIN = "MIN"
    MAX = "MAX"
    ALL = "ALL"
    COUNT = "COUNT"
    SAVE = "SAVE"


@dataclass(frozen=True, slots=True)
class Returns:
    """The RETURN options of a search."""

    results: frozenset[Result]
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class Search:
    """SEARCH and UID SEARCH; ``returns`` when the reply shall be ESEARCH, ``names_charset`` when CHARSET was said."""

    key: SearchKey
    by_uid: bool
    returns: Returns | None = None
    names_charset: bool = False


class SortKey(StrEnum):
    """What messages are put in order by (RFC 5256 section 3, RFC 5957 section 3)."""

    ARRIVAL = "ARRIVAL"
    CC = "CC"
    DATE = "DATE"
    FROM = "FROM"
    SIZE = "SIZE"
    SUBJECT = "SUBJECT"
    TO = "TO"
    DISPLAYFROM = "DISPLAYFROM"
    DISPLAYTO = "DISPLAYTO"


@dataclass(frozen=True, slots=True)
class SortOrder:
    """One criterion."""

    key: SortKey
    is_reverse: bool = False


@dataclass(frozen=True, slots=True)
class Sort:
    """SORT and UID SORT: a search whose results come in an order, the first criterion before the others."""

    order: tuple[SortOrder, ...]
    search: Search

    @property
    def key(self) -> SearchKey:
        """What is searched for."""
        return self.search.key

    @property
    def by_uid(self) -> bool:
        """Whether UIDs are asked for."""
        return self.search.by_uid


class ThreadAlgorithm(StrEnum):
    """How messages become threads (RFC 5256 section 3)."""

    ORDEREDSUBJECT = "ORDEREDSUBJECT"
    REFERENCES = "REFERENCES"


@dataclass(frozen=True, slots=True)
class Thread:
    """THREAD and UID THREAD."""

    algorithm: ThreadAlgorithm
    key: SearchKey
    by_uid: bool
