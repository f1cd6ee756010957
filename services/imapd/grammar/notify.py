"""What NOTIFY asks for (RFC 5465 section 8)."""

from services.imapd.grammar.fetch import parse_items
from services.imapd.grammar.requests import FetchItem
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.imapd.grammar.wishes import OF_MESSAGES, Group, Notify, Occasion, Which
from services.imapd.grammar.words import mailbox

MAX_GROUPS = 50
"""Groups of one NOTIFY; clients use two or three."""
MAX_NAMES = 1_000
"""Names of one group, as many as a user may have folders."""


class BadEvent(Exception):
    """An event is not known here (``[BADEVENT]``, RFC 5465 section 5)."""


_BY_WORD = {occasion.upper().encode(): occasion for occasion in Occasion}


def parse_notify(scanner: Scanner) -> Notify:
    """Read the arguments of NOTIFY. Raises ``BadSyntax``, ``BadEvent``, ``BadMailbox``."""
    word = scanner.word()
    if word == b"NONE":
        return Notify(())
    if word != b"SET":
        raise BadSyntax("SET or NONE expected")
    scanner.expect(b" ")
    wants_status = not scanner.peek(b"(")
    if wants_status:
        if scanner.word() != b"STATUS":
            raise BadSyntax("STATUS or group expected")
        scanner.expect(b" ")
    groups = [_group(scanner)]
    while scanner.skip(b" ") and not scanner.is_done:
        groups.append(_group(scanner))
        if len(groups) > MAX_GROUPS:
            raise BadSyntax("Too many groups")
    if sum(group.which.is_selected for group in groups) > 1:  # RFC 5465 section 6.1
        raise BadSyntax("SELECTED can be given once")
    return Notify(tuple(groups), wants_status)


def _group(scanner: Scanner) -> Group:
    scanner.expect(b"(")
    try:
        which = Which(scanner.word().decode())
    except ValueError:
        raise BadSyntax("Unknown kind of folders") from None
    scanner.expect(b" ")
    names: tuple[str, ...] = ()
    if which in (Which.SUBTREE, Which.MAILBOXES):
        names = _names(scanner)
        scanner.expect(b" ")
    occasions, items = _occasions(scanner)
    scanner.expect(b")")
    if which.is_selected and not occasions <= OF_MESSAGES:  # RFC 5465 section 6.1
        raise BadSyntax("Only messages are watched in the selected folder")
    return Group(which, names, occasions, items)


def _names(scanner: Scanner) -> tuple[str, ...]:
    if not scanner.skip(b"("):
        return (mailbox(scanner),)
    names = [mailbox(scanner)]
    while scanner.skip(b" "):
        names.append(mailbox(scanner))
        if len(names) > MAX_NAMES:
            raise BadSyntax("Too many names")
    scanner.expect(b")")
    return tuple(names)


def _occasions(scanner: Scanner) -> tuple[frozenset[Occasion], tuple[FetchItem, ...]]:
    if not scanner.skip(b"("):
        if scanner.word() != b"NONE":
            raise BadSyntax("List of events or NONE expected")
        return frozenset(), ()
    found: set[Occasion] = set()
    items: tuple[FetchItem, ...] = ()
    while True:
        word = scanner.word()
        if word not in _BY_WORD:
            raise BadEvent
        found.add(_BY_WORD[word])
        is_more = scanner.skip(b" ")
        if is_more and word == b"MESSAGENEW" and scanner.peek(b"("):
            items = parse_items(scanner)
            is_more = scanner.skip(b" ")
        if not is_more:
            break
    scanner.expect(b")")
    has_new = Occasion.MESSAGE_NEW in found
    if has_new != (Occasion.MESSAGE_EXPUNGE in found) or (Occasion.FLAG_CHANGE in found and not has_new):  # RFC 5465 section 5
        raise BadSyntax("MessageNew and MessageExpunge go together, and FlagChange needs both")
    return frozenset(found), items
