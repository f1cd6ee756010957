"""APPEND and REPLACE, read piece by piece as their literals come in (RFC 3501 section 6.3.11 with RFC 3502, 3516, 4469, 6855 and 8508).

::

    append  = "APPEND" SP mailbox 1*(SP message)                      REPLACE = ["UID" SP] "REPLACE" SP number SP mailbox SP message
    message = [flag-list SP] [date-time SP] data
    data    = literal / literal8 / "CATENATE" SP "(" part *(SP part) ")" / "UTF8" SP "(" literal8 ")"
    part    = "TEXT" SP literal / "TEXT" SP literal8 / "URL" SP astring

A literal that is content never comes into the text of the command, which goes on behind its announcement; one that spells a URL does.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.imapd.grammar import dates
from services.imapd.grammar.flags import flag_list
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.imapd.grammar.sequence import STAR
from services.imapd.grammar.words import BadMailbox, mailbox

URL_BYTES = 4_096
"""Of one URL: a mailbox name of 240 bytes with each written as three, twice over."""

_ANNOUNCED = re.compile(rb"(~?)\{[0-9]{1,20}\+?\}\r\n")


@dataclass(frozen=True, slots=True)
class NewMessage:
    """A message begins. ``internaldate`` is seconds since the epoch."""

    flags: frozenset[str]
    internaldate: int | None


@dataclass(frozen=True, slots=True)
class Content:
    """The literal on offer goes on with the message. ``is_binary`` when it may hold NUL (``literal8``)."""

    is_binary: bool


@dataclass(frozen=True, slots=True)
class Spelling:
    """The literal on offer is a word of the command: it is to be taken into its text."""


@dataclass(frozen=True, slots=True)
class Url:
    """The message goes on with what this names."""

    url: bytes


@dataclass(frozen=True, slots=True)
class EndOfMessage:
    """The message is complete."""


Step = NewMessage | Content | Spelling | Url | EndOfMessage


@dataclass(frozen=True, slots=True)
class Replaced:
    """The message that REPLACE replaces: a number, or a UID; ``STAR`` is the last."""

    number: int
    by_uid: bool


class AppendReader:
    """The command so far. Made by ``begin``; ``steps`` is to be followed, and given more text by ``grow`` after each ``Content`` and ``Spelling``."""

    def __init__(self, scanner: Scanner, target: str, replaced: Replaced | None) -> None:
        self.mailbox = target
        self.replaced = replaced
        self._scanner = scanner

    def grow(self, text: bytes) -> None:
        """Take the text of the command as far as it has come by now."""
        self._scanner.grow(text)

    def steps(self) -> Iterator[Step]:
        """What is to be done. Raises ``BadSyntax``."""
        yield from self._message()
        while self.replaced is None and not self._is_over():
            self._scanner.expect(b" ")
            yield from self._message()
        self._scanner.end()

    def _is_over(self) -> bool:
        """Spaces at the end are forgiven, as everywhere."""
        return not self._scanner.rest().strip(b" ")

    def _message(self) -> Iterator[Step]:
        scanner = self._scanner
        flags: frozenset[str] = frozenset()
        date: int | None = None
        if scanner.peek(b"("):
            flags = flag_list(scanner)
            scanner.expect(b" ")
        if scanner.peek(b'"'):
            date = dates.parse_date_time(scanner.string())
            if date is None:
                raise BadSyntax("Invalid date-time")
            scanner.expect(b" ")
        yield NewMessage(flags, date)
        if scanner.peek(b"{") or scanner.peek(b"~"):
            yield self._content()
        else:
            yield from self._composed()
        yield EndOfMessage()

    def _content(self) -> Content:
        """Pass the announcement of a literal, which must be the last that has come."""
        found = _ANNOUNCED.fullmatch(self._scanner.rest())
        if found is None:
            raise BadSyntax("Message literal expected")
        self._scanner.at += found.end()
        return Content(bool(found[1]))

    def _composed(self) -> Iterator[Step]:
        scanner = self._scanner
        word = scanner.word()
        scanner.expect(b" ")
        scanner.expect(b"(")
        if word == b"UTF8":
            yield self._content()
        elif word == b"CATENATE":
            yield from self._part()
            while scanner.skip(b" "):
                yield from self._part()
        else:
            raise BadSyntax("Flags, date-time or message literal expected")
        scanner.expect(b")")

    def _part(self) -> Iterator[Step]:
        word = self._scanner.word()
        self._scanner.expect(b" ")
        if word == b"TEXT":
            yield self._content()
        elif word == b"URL":
            if _ANNOUNCED.fullmatch(self._scanner.rest()):
                yield Spelling()
            url = self._scanner.astring()
            if len(url) > URL_BYTES:
                raise BadSyntax("URL is too long")
            yield Url(url)
        else:
            raise BadSyntax("TEXT or URL expected")


def begin(text: bytes, *, has_utf8: bool) -> AppendReader | None:
    """Return the reader of an APPEND or REPLACE of which the mailbox has come; ``None`` for anything else."""
    scanner = Scanner(text, has_utf8=has_utf8)
    try:
        scanner.tag()
        scanner.expect(b" ")
        replaced = _command(scanner)
        scanner.expect(b" ")
        target = mailbox(scanner)
        scanner.expect(b" ")
    except (BadSyntax, BadMailbox):
        return None
    return AppendReader(scanner, target, replaced)


def _command(scanner: Scanner) -> Replaced | None:
    word = scanner.word()
    if word == b"APPEND":
        return None
    by_uid = word == b"UID"
    if by_uid:
        scanner.expect(b" ")
        word = scanner.word()
    if word != b"REPLACE":
        raise BadSyntax("Not one of these")
    scanner.expect(b" ")
    number = STAR if scanner.skip(b"*") else scanner.number()
    if number == 0:
        raise BadSyntax("Invalid message number")
    return Replaced(number, by_uid)
