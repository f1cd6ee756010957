"""What SORT and THREAD ask for (RFC 5256 section 5)."""

from services.imapd.grammar.keys import Search, Sort, SortKey, SortOrder, Thread, ThreadAlgorithm
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.imapd.grammar.search import parse_program, parse_returns

MAX_CRITERIA = 20
"""Twice as many as there are."""


def parse_sort(scanner: Scanner, *, by_uid: bool) -> Sort:
    """Read the arguments of SORT. Raises ``BadSyntax``, ``BadCharset``."""
    returns = parse_returns(scanner)
    scanner.expect(b"(")
    order = [_criterion(scanner)]
    while scanner.skip(b" "):
        order.append(_criterion(scanner))
    scanner.expect(b")")
    if len(order) > MAX_CRITERIA:
        raise BadSyntax("Too many criteria")
    scanner.expect(b" ")
    return Sort(tuple(order), Search(parse_program(scanner), by_uid, returns))


def _criterion(scanner: Scanner) -> SortOrder:
    word = scanner.word()
    is_reverse = word == b"REVERSE"
    if is_reverse:
        scanner.expect(b" ")
        word = scanner.word()
    try:
        return SortOrder(SortKey(word.decode()), is_reverse)
    except ValueError:
        raise BadSyntax("Unknown sort criterion") from None


def parse_thread(scanner: Scanner, *, by_uid: bool) -> Thread:
    """Read the arguments of THREAD. Raises ``BadSyntax``, ``BadCharset``."""
    try:
        algorithm = ThreadAlgorithm(scanner.word().decode())
    except ValueError:
        raise BadSyntax("Unknown threading algorithm") from None
    scanner.expect(b" ")
    return Thread(algorithm, parse_program(scanner), by_uid)
