"""GETMETADATA and SETMETADATA (RFC 5464 section 5)."""

import re

from services.imapd.grammar.requests import Depth, GetMetadata, SetMetadata
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.imapd.grammar.words import mailbox

MAX_ENTRIES = 100
"""Of one command; as many as a mailbox has room for."""
MAX_NAME_BYTES = 255
"""Of an entry's name; registered ones have some twenty."""

_ENTRY = re.compile(r"/(?:private|shared)(?:/[^\x00-\x1f\x7f-\U0010ffff*%/]+)*")


def parse_get(scanner: Scanner) -> GetMetadata:
    """Read the arguments of GETMETADATA. The options may stand before the mailbox, as the grammar says, or behind it, as the examples do."""
    options = _Options()
    options.read(scanner)
    name = mailbox(scanner)
    scanner.expect(b" ")
    options.read(scanner)
    return GetMetadata(name, entries(scanner), options.depth, options.max_size)


class _Options:
    """RFC 5464 section 4.2."""

    def __init__(self) -> None:
        self.depth = Depth.ITSELF
        self.max_size: int | None = None

    def read(self, scanner: Scanner) -> None:
        if not scanner.peek(b"(") or scanner.peek(b"(/") or scanner.peek(b'("/'):
            return
        scanner.expect(b"(")
        self._option(scanner)
        while scanner.skip(b" "):
            self._option(scanner)
        scanner.expect(b")")
        scanner.expect(b" ")

    def _option(self, scanner: Scanner) -> None:
        word = scanner.word()
        scanner.expect(b" ")
        if word == b"MAXSIZE":
            self.max_size = scanner.number()
        elif word == b"DEPTH":
            self.depth = _depth(scanner.word())
        else:
            raise BadSyntax("Unknown option")


def _depth(word: bytes) -> Depth:
    try:
        return Depth(word.decode())
    except ValueError:
        raise BadSyntax("DEPTH is 0, 1 or infinity") from None


def parse_set(scanner: Scanner) -> SetMetadata:
    """Read the arguments of SETMETADATA."""
    name = mailbox(scanner)
    scanner.expect(b" ")
    scanner.expect(b"(")
    values: dict[str, bytes | None] = {}
    while not scanner.skip(b")"):
        if values:
            scanner.expect(b" ")
        key = _entry(scanner)
        if key.count("/") < 2:
            raise BadSyntax("Entry name expected, below /private or /shared")
        scanner.expect(b" ")
        values[key] = scanner.nstring8()
        if len(values) > MAX_ENTRIES:
            raise BadSyntax("Too many entries")
    if not values:
        raise BadSyntax("Entry expected")
    return SetMetadata(name, values)


def entries(scanner: Scanner) -> tuple[str, ...]:
    """Read the names of entries, one or a list."""
    if not scanner.skip(b"("):
        return (_entry(scanner),)
    found = [_entry(scanner)]
    while scanner.skip(b" "):
        found.append(_entry(scanner))
        if len(found) > MAX_ENTRIES:
            raise BadSyntax("Too many entries")
    scanner.expect(b")")
    return tuple(dict.fromkeys(found))


def _entry(scanner: Scanner) -> str:
    """Names are ASCII and compared without case (RFC 5464 section 3.2)."""
    name = scanner.astring().decode("latin-1").lower()
    if not _ENTRY.fullmatch(name) or len(name) > MAX_NAME_BYTES:
        raise BadSyntax("Entry name expected, below /private or /shared")
    return name
