"""What SEARCH asks for (RFC 3501 section 6.4.4)."""

from collections.abc import Callable, Mapping

from services.imapd.grammar import dates
from services.imapd.grammar.charset import find as find_charset
from services.imapd.grammar.requests import (
    All,
    Both,
    Dated,
    Either,
    HasFlag,
    HeaderHas,
    IsRecent,
    Not,
    Numbered,
    Search,
    SearchKey,
    Sized,
    TextHas,
    When,
)
from services.imapd.grammar.scanner import BadSyntax, Scanner

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
}


def parse_search(scanner: Scanner, *, by_uid: bool) -> Search:
    """Read the arguments of SEARCH. Raises ``BadSyntax``, ``BadCharset``."""
    reader = _Reader(scanner)
    start = scanner.at
    if not scanner.peek(b"(") and not scanner.has_sequence_set() and scanner.word() == b"CHARSET":
        scanner.expect(b" ")
        reader.use_charset(scanner.astring())
        scanner.expect(b" ")
    else:
        scanner.at = start
    return Search(reader.keys(0), by_uid)


class _Reader:
    """Reads keys; counts them and knows the charset of their texts."""

    def __init__(self, scanner: Scanner) -> None:
        self._scanner = scanner
        self._charset = "utf-8"
        self._count = 0
        self._by_word: Mapping[bytes, Callable[[], SearchKey]] = {
            **dict.fromkeys((b"BCC", b"CC", b"FROM", b"SUBJECT", b"TO"), self._header_field),
            b"HEADER": self._header,
            b"KEYWORD": self._keyword,
            b"UID": lambda: Numbered(self._scanner.sequence_set(), by_uid=True),
            b"LARGER": lambda: Sized(is_larger=True, size=self._scanner.number()),
            b"SMALLER": lambda: Sized(is_larger=False, size=self._scanner.number()),
            b"TEXT": lambda: TextHas(self._text(), in_header=True),
            b"BODY": lambda: TextHas(self._text(), in_header=False),
            b"UNKEYWORD": lambda: Not(self._keyword()),
        }
        self._word = b""

    def use_charset(self, name: bytes) -> None:
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
        self._word = word
        return self._by_word.get(word, self._dated)()

    def _dated(self) -> SearchKey:
        word = self._word.removeprefix(b"SENT").decode("ascii", "replace")
        try:
            when = When(word)
        except ValueError:
            raise BadSyntax("Unknown search key") from None
        day = dates.parse_date(self._scanner.astring())
        if day is None:
            raise BadSyntax("Invalid date")
        return Dated(when, day, is_sent=self._word.startswith(b"SENT"))

    def _header_field(self) -> SearchKey:
        return HeaderHas(self._word.lower(), self._text())

    def _header(self) -> SearchKey:
        name = self._scanner.astring()
        self._scanner.expect(b" ")
        return HeaderHas(name.lower(), self._text())

    def _keyword(self) -> SearchKey:
        return HasFlag(self._scanner.flag().decode("ascii"))

    def _text(self) -> str:
        return self._scanner.astring().decode(self._charset, "replace")
