"""What SEARCH asks for (RFC 3501 section 6.4.4, RFC 4466 section 2.6), and how it shall be told."""

from collections.abc import Callable, Mapping

from services.imapd.grammar import dates
from services.imapd.grammar.keys import (
    Aged,
    All,
    Both,
    Changed,
    Dated,
    Day,
    Either,
    HasEmailId,
    HasFlag,
    HeaderHas,
    IsRecent,
    Not,
    Numbered,
    Result,
    Returns,
    Search,
    SearchKey,
    Sized,
    TextHas,
    When,
)
from services.imapd.grammar.paging import Page, read_page
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.kernel.mail.decoding import find_charset

MAX_KEYS = 1_000
"""Keys of one SEARCH; clients use a dozen, and each may be asked of every message."""
MAX_DEPTH = 50
"""How deep parentheses, NOT and OR may nest; clients use three or four levels, some nest an OR for each alternative."""


class BadCharset(Exception):
    """The charset of a SEARCH is not known (``[BADCHARSET]``, RFC 3501 section 7.1)."""


def _flag(flag: str) -> tuple[SearchKey, SearchKey]:
    return HasFlag(flag), Not(HasFlag(flag))


_ANSWERED, _UNANSWERED = _flag("\\Answered")
_DELETED, _UNDELETED = _flag("\\Deleted")
_DRAFT, _UNDRAFT = _flag("\\Draft")
_FLAGGED, _UNFLAGGED = _flag("\\Flagged")
_SEEN, _UNSEEN = _flag("\\Seen")

_WORDS: Mapping[bytes, SearchKey] = {
    b"ALL": All(),
    b"ANSWERED": _ANSWERED,
    b"UNANSWERED": _UNANSWERED,
    b"DELETED": _DELETED,
    b"UNDELETED": _UNDELETED,
    b"DRAFT": _DRAFT,
    b"UNDRAFT": _UNDRAFT,
    b"FLAGGED": _FLAGGED,
    b"UNFLAGGED": _UNFLAGGED,
    b"SEEN": _SEEN,
    b"UNSEEN": _UNSEEN,
    b"RECENT": IsRecent(),
    b"OLD": Not(IsRecent()),
    b"NEW": Both((IsRecent(), _UNSEEN)),
    b"SAVEDATESUPPORTED": All(),  # RFC 8514 section 4.3: every message has one
}
_DATES: Mapping[bytes, tuple[When, Day]] = {f"{day}{when}".encode(): (when, day) for day in Day for when in When}


def parse_search(scanner: Scanner, *, by_uid: bool) -> Search:
    """Read the arguments of SEARCH. Raises ``BadSyntax``, ``BadCharset``."""
    returns = parse_returns(scanner)
    reader = _Reader(scanner)
    names_charset = reader.read_charset()
    return Search(reader.keys(0), by_uid, returns, names_charset)


def parse_program(scanner: Scanner) -> SearchKey:
    """Read the charset and the keys of SORT and THREAD, where the charset must be (RFC 5256 section 3). Raises ``BadSyntax``, ``BadCharset``."""
    reader = _Reader(scanner)
    reader.use_charset(scanner.astring())
    scanner.expect(b" ")
    return reader.keys(0)


def parse_returns(scanner: Scanner) -> Returns | None:
    """Read ``RETURN (...)`` and the space after it; ``None`` when there is none. An empty list means ALL (RFC 4731 section 3.1)."""
    if not _is_next(scanner, b"RETURN"):
        return None
    scanner.expect(b" ")
    scanner.expect(b"(")
    results: set[Result] = set()
    page: Page | None = None
    while not scanner.skip(b")"):
        if results or page:
            scanner.expect(b" ")
        word = scanner.word()
        if word == b"PARTIAL":
            if page is not None:
                raise BadSyntax("PARTIAL can be given once")
            scanner.expect(b" ")
            page = read_page(scanner)
        else:
            results.add(_result(word))
    scanner.expect(b" ")
    if page is not None and Result.ALL in results:  # RFC 9394 section 3.1
        raise BadSyntax("Either PARTIAL or ALL can be given")
    return Returns(frozenset(results) if results or page else frozenset({Result.ALL}), page)


def _result(word: bytes) -> Result:
    try:
        return Result(word.decode())
    except ValueError:
        raise BadSyntax("Unknown result option") from None


def _is_next(scanner: Scanner, word: bytes) -> bool:
    """Pass ``word``, in any case, if it comes next."""
    start = scanner.at
    if not scanner.peek(b"(") and not scanner.has_sequence_set() and scanner.word() == word:
        return True
    scanner.at = start
    return False


class _Reader:
    """Reads keys; counts them and knows the charset of their texts."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._charset = "utf-8"
        self._count = 0
        self._by_word: Mapping[bytes, Callable[[], SearchKey]] = {
            **dict.fromkeys((b"BCC", b"CC", b"FROM", b"SUBJECT", b"TO"), self._header_field),
            **dict.fromkeys(_DATES, self._dated),
            b"HEADER": self._header,
            b"KEYWORD": self._keyword,
            b"UID": lambda: Numbered(self._scanner.sequence_set(), by_uid=True),
            b"LARGER": lambda: Sized(is_larger=True, size=self._scanner.number()),
            b"SMALLER": lambda: Sized(is_larger=False, size=self._scanner.number()),
            b"YOUNGER": lambda: Aged(is_younger=True, seconds=self._interval()),
            b"OLDER": lambda: Aged(is_younger=False, seconds=self._interval()),
            b"MODSEQ": self._changed,
            b"EMAILID": lambda: HasEmailId(self._scanner.atom()),
            b"THREADID": self._thread_id,
            b"TEXT": lambda: self._text_key(in_header=True),
            b"BODY": lambda: self._text_key(in_header=False),
            b"UNKEYWORD": lambda: Not(self._keyword()),
        }
        self._word = b""

    def read_charset(self) -> bool:
        """Pass the CHARSET that may stand first, and tell whether it does. Raises ``BadCharset``."""
        if not _is_next(self._scanner, b"CHARSET"):
            return False
        self._scanner.expect(b" ")
        self.use_charset(self._scanner.astring())
        self._scanner.expect(b" ")
        return True

    def use_charset(self, name: bytes) -> None:
        """Take texts to be in this charset."""
        charset = find_charset(name)
        if charset is None:
            raise BadCharset
        self._charset = charset

    def keys(self, depth: int) -> SearchKey:
        """Read keys up to the end or the closing parenthesis."""
        keys = [self._key(depth)]
        while self._scanner.skip(b" "):
            keys.append(self._key(depth))
        return keys[0] if len(keys) == 1 else Both(tuple(keys))

    def _key(self, depth: int) -> SearchKey:
        self._count += 1
        if depth > MAX_DEPTH or self._count > MAX_KEYS:
            raise BadSyntax("Search is too complex")
        scanner = self._scanner
        if scanner.skip(b"("):
            key = self.keys(depth + 1)
            scanner.expect(b")")
            return key
        if scanner.has_sequence_set():
            return Numbered(scanner.sequence_set(), by_uid=False)
        return self._named(scanner.word(), depth)

    def _named(self, word: bytes, depth: int) -> SearchKey:
        if word in _WORDS:
            return _WORDS[word]
        self._scanner.expect(b" ")
        if word == b"NOT":
            return Not(self._key(depth + 1))
        if word == b"OR":
            first = self._key(depth + 1)
            self._scanner.expect(b" ")
            return Either(first, self._key(depth + 1))
        if word not in self._by_word:
            raise BadSyntax("Unknown search key")
        self._word = word
        return self._by_word[word]()

    def _dated(self) -> SearchKey:
        when, of = _DATES[self._word]
        day = dates.parse_date(self._scanner.astring())
        if day is None:
            raise BadSyntax("Invalid date")
        return Dated(when, day, of)

    def _changed(self) -> SearchKey:
        """A modseq, perhaps of one flag only: here each message has one for all of its flags, which RFC 7162 section 3.1.5 allows."""
        if self._scanner.peek(b'"'):
            self._scanner.string()
            self._scanner.expect(b" ")
            if self._scanner.word() not in (b"ALL", b"PRIV", b"SHARED"):
                raise BadSyntax("Invalid type of entry")
            self._scanner.expect(b" ")
        return Changed(self._scanner.modseq())

    def _thread_id(self) -> SearchKey:
        """No message here has a THREADID (RFC 8474 section 5.2)."""
        self._scanner.atom()
        return Not(All())

    def _interval(self) -> int:
        seconds = self._scanner.number()
        if seconds == 0:  # RFC 5032 section 4: nz-number
            raise BadSyntax("Invalid interval")
        return seconds

    def _header_field(self) -> SearchKey:
        return HeaderHas(self._word.lower(), self._text())

    def _header(self) -> SearchKey:
        name = self._scanner.astring()
        self._scanner.expect(b" ")
        return HeaderHas(name.lower(), self._text())

    def _keyword(self) -> SearchKey:
        return HasFlag(self._scanner.flag().decode("ascii"))

    def _text_key(self, *, in_header: bool) -> SearchKey:
        text = self._text()
        return TextHas(text, in_header) if text else All()

    def _text(self) -> str:
        return self._scanner.astring().decode(self._charset, "replace")
