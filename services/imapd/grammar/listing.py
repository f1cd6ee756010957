"""LIST with its selection and return options (RFC 3501 section 6.3.8, RFC 5258)."""

from services.imapd.grammar.metadata import entries
from services.imapd.grammar.requests import List, ListReturn, ListSelection, StatusItem
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.imapd.grammar.words import mailbox, mailbox_name, status_items

MAX_PATTERNS = 50
"""Patterns of one LIST; clients send one or two."""
MAX_PATTERN_BYTES = 1_000
"""A name has at most 255 bytes, as a file's; the cost of a pattern grows with its length."""


def parse_list(scanner: Scanner) -> List:
    """Read the arguments of LIST. Raises ``BadSyntax``, ``BadMailbox``."""
    selection: frozenset[ListSelection] | None = None
    if scanner.peek(b"("):
        selection = _selection(scanner)
        scanner.expect(b" ")
    reference = mailbox(scanner)
    scanner.expect(b" ")
    has_many = scanner.peek(b"(")
    patterns = _patterns(scanner) if has_many else (list_pattern(scanner),)
    wish = _Returns()
    has_returns = scanner.skip(b" ") and not scanner.is_done
    if has_returns:
        wish.read(scanner)
    is_extended = has_many or selection is not None or has_returns
    return List(reference, patterns, selection or frozenset(), frozenset(wish.words), wish.status, wish.metadata, is_extended)


def list_pattern(scanner: Scanner) -> str:
    """Read a mailbox name with wildcards. Raises ``BadMailbox``."""
    text = scanner.list_mailbox()
    if len(text) > MAX_PATTERN_BYTES:
        raise BadSyntax("Pattern is too long")
    return mailbox_name(text, has_utf8=scanner.has_utf8)


def _patterns(scanner: Scanner) -> tuple[str, ...]:
    scanner.expect(b"(")
    patterns = [list_pattern(scanner)]
    while scanner.skip(b" "):
        patterns.append(list_pattern(scanner))
        if len(patterns) > MAX_PATTERNS:
            raise BadSyntax("Too many patterns")
    scanner.expect(b")")
    return tuple(patterns)


def _selection(scanner: Scanner) -> frozenset[ListSelection]:
    scanner.expect(b"(")
    found: set[ListSelection] = set()
    while not scanner.skip(b")"):
        if found:
            scanner.expect(b" ")
        try:
            found.add(ListSelection(scanner.word().decode()))
        except ValueError:
            raise BadSyntax("Unknown selection option") from None
    # RFC 5258 section 3.1: REMOTE does not count, since it chooses nothing
    if ListSelection.RECURSIVEMATCH in found and not found & {ListSelection.SUBSCRIBED, ListSelection.SPECIAL_USE}:
        raise BadSyntax("RECURSIVEMATCH needs SUBSCRIBED or SPECIAL-USE")
    return frozenset(found)


class _Returns:
    """The return options of a LIST."""

    def __init__(self) -> None:
        self.words: set[ListReturn] = set()
        self.status: tuple[StatusItem, ...] = ()
        self.metadata: tuple[str, ...] = ()

    def read(self, scanner: Scanner) -> None:
        if scanner.word() != b"RETURN":
            raise BadSyntax("RETURN expected")
        scanner.expect(b" ")
        scanner.expect(b"(")
        is_first = True
        while not scanner.skip(b")"):
            if not is_first:
                scanner.expect(b" ")
            is_first = False
            self._option(scanner)

    def _option(self, scanner: Scanner) -> None:
        word = scanner.word()
        if word in (b"STATUS", b"METADATA"):
            scanner.expect(b" ")
        if word == b"STATUS":  # RFC 5819 section 2
            self.status = status_items(scanner)
        elif word == b"METADATA":  # RFC 9590 section 3
            self.metadata = entries(scanner)
        else:
            self._word(word)

    def _word(self, word: bytes) -> None:
        try:
            self.words.add(ListReturn(word.decode()))
        except ValueError:
            raise BadSyntax("Unknown return option") from None
