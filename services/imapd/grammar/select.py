"""What SELECT and EXAMINE ask for (RFC 3501 section 6.3.1, parameters of RFC 4466 and RFC 7162)."""

from services.imapd.grammar.requests import Resync, Select
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.imapd.grammar.sequence import STAR, SequenceSet
from services.imapd.grammar.words import mailbox


def parse_select(scanner: Scanner, *, is_writable: bool) -> Select:
    """Read the arguments of SELECT. Raises ``BadSyntax``, ``BadMailbox``."""
    name = mailbox(scanner)
    wants_modseqs, resync = False, None
    if scanner.skip(b" ") and not scanner.is_done:
        scanner.expect(b"(")
        while True:
            word = scanner.word()
            if word == b"CONDSTORE" and not wants_modseqs:
                wants_modseqs = True
            elif word == b"QRESYNC" and resync is None:
                scanner.expect(b" ")
                resync = _resync(scanner)
            else:
                raise BadSyntax("Unknown parameter")
            if not scanner.skip(b" "):
                break
        scanner.expect(b")")
    return Select(name, is_writable, wants_modseqs, resync)


def _resync(scanner: Scanner) -> Resync:
    """RFC 7162 section 7, ``select-param`` of QRESYNC."""
    scanner.expect(b"(")
    uidvalidity = scanner.number()
    scanner.expect(b" ")
    modseq = scanner.modseq()
    known, pairs = None, None
    if scanner.skip(b" ") and not scanner.peek(b"("):
        known = scanner.sequence_set()
        if known.is_saved or any(STAR in pair for pair in known.ranges):
            raise BadSyntax("Known UIDs must be numbers")
        scanner.skip(b" ")
    if scanner.peek(b"("):
        pairs = _pairs(scanner)
    scanner.expect(b")")
    return Resync(uidvalidity, modseq, known, pairs)


def _pairs(scanner: Scanner) -> tuple[SequenceSet, SequenceSet]:
    scanner.expect(b"(")
    numbers = scanner.sequence_set()
    scanner.expect(b" ")
    uids = scanner.sequence_set()
    scanner.expect(b")")
    if not numbers.is_ordered or not uids.is_ordered or numbers.length != uids.length:
        raise BadSyntax("Numbers and UIDs do not match")
    return numbers, uids
