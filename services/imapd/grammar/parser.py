"""From the text of a command to a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.imapd.grammar import dates
from services.imapd.grammar.fetch import parse_items
from services.imapd.grammar.listing import list_pattern, parse_list
from services.imapd.grammar.requests import (
    Append,
    Authenticate,
    Bare,
    ChangeFolder,
    Copy,
    ExpungeUids,
    Fetch,
    FolderVerb,
    Identify,
    Login,
    Lsub,
    Rename,
    Request,
    Select,
    Status,
    Store,
    StoreWord,
    Verb,
)
from services.imapd.grammar.responses import SYSTEM_FLAGS, Reply, bad, no
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.imapd.grammar.search import BadCharset, parse_search
from services.imapd.grammar.words import BadMailbox, mailbox, status_items

MAX_FLAGS = 100
"""Flags of one command; a folder has room for five and 26 keywords."""
MAX_KEYWORD_BYTES = 50
"""Dovecot's ``mail_max_keyword_length``."""
MAX_ID_FIELDS = 30
"""RFC 2971 section 3.3."""

_BY_LOWER_CASE = {flag.lower(): flag for flag in SYSTEM_FLAGS}


@dataclass(frozen=True, slots=True)
class Tagged:
    """A request with the tag to answer it by."""

    tag: bytes
    request: Request


class BadCommand(Exception):
    """A command that cannot be read, and the reply to it. ``tag`` is ``*`` when not even that could be read."""

    def __init__(self, tag: bytes, reply: Reply) -> None:
        super().__init__(reply.text)
        self.tag = tag
        self.reply = reply


def parse(text: bytes) -> Tagged:
    """Read a whole command. Raises ``BadCommand``."""
    scanner = Scanner(text)
    tag = b"*"
    try:
        tag = scanner.tag()
        scanner.expect(b" ")
        request = _request(scanner)
        scanner.end()
    except BadSyntax as fault:
        raise BadCommand(tag, bad(str(fault))) from None
    except BadCharset:
        raise BadCommand(tag, no("Unknown charset", b"BADCHARSET (US-ASCII UTF-8)")) from None
    except BadMailbox as fault:
        raise BadCommand(tag, no(str(fault), b"CANNOT")) from None
    return Tagged(tag, request)


def tag_of(text: bytes) -> bytes:
    """Return the tag of a command that cannot be read otherwise; ``*`` for none."""
    try:
        return Scanner(text).tag()
    except BadSyntax:
        return b"*"


def parse_append(head: bytes) -> Append | None:
    """Return what an APPEND says before the literal that is the message; ``None`` when ``head`` is no APPEND up to there.

    ``head`` ends in the ``{n}`` of the literal on offer.
    """
    scanner = Scanner(head[: head.rindex(b"{")])
    try:
        scanner.tag()
        scanner.expect(b" ")
        if scanner.word() != b"APPEND":
            return None
        scanner.expect(b" ")
        return _append(scanner)
    except (BadSyntax, BadMailbox):
        return None


def _append(scanner: Scanner) -> Append | None:
    name = mailbox(scanner)
    scanner.expect(b" ")
    flags: frozenset[str] = frozenset()
    date: int | None = None
    if scanner.peek(b"("):
        flags = _flag_list(scanner)
        scanner.expect(b" ")
    if scanner.peek(b'"'):
        date = dates.parse_date_time(scanner.string())
        if date is None:
            raise BadSyntax("Invalid date-time")
        scanner.expect(b" ")
    return Append(name, flags, date) if scanner.is_done else None


def _request(scanner: Scanner) -> Request:
    word = scanner.word()
    by_uid = word == b"UID"
    if by_uid:
        scanner.expect(b" ")
        word = scanner.word()
    parse_arguments = (_WITH_UID if by_uid else _COMMANDS).get(word)
    if parse_arguments is not None:
        scanner.expect(b" ")
        return parse_arguments(scanner, by_uid)
    if by_uid:
        raise BadSyntax("Unknown command")
    try:
        return Bare(Verb(word.decode()))
    except ValueError:
        raise BadSyntax("Unknown command") from None


def _login(scanner: Scanner, _by_uid: bool) -> Request:
    user = scanner.astring()
    scanner.expect(b" ")
    return Login(user, scanner.astring())


def _authenticate(scanner: Scanner, _by_uid: bool) -> Request:
    mechanism = scanner.word().decode()
    if not scanner.skip(b" "):
        return Authenticate(mechanism)
    initial = scanner.rest()
    scanner.at += len(initial)
    return Authenticate(mechanism, initial)


def _identify(scanner: Scanner, _by_uid: bool) -> Request:
    if scanner.skip_nil():
        return Identify(())
    scanner.expect(b"(")
    fields: list[tuple[bytes, bytes]] = []
    while not scanner.skip(b")"):
        if fields:
            scanner.expect(b" ")
        name = scanner.string()
        scanner.expect(b" ")
        fields.append((name, scanner.nstring() or b""))
        if len(fields) > MAX_ID_FIELDS:
            raise BadSyntax("Too many fields")
    return Identify(tuple(fields))


def _select(scanner: Scanner, _by_uid: bool) -> Request:
    return Select(mailbox(scanner), is_writable=True)


def _examine(scanner: Scanner, _by_uid: bool) -> Request:
    return Select(mailbox(scanner), is_writable=False)


def _change_folder(verb: FolderVerb) -> Callable[[Scanner, bool], Request]:
    return lambda scanner, _by_uid: ChangeFolder(verb, mailbox(scanner))


def _rename(scanner: Scanner, _by_uid: bool) -> Request:
    old = mailbox(scanner)
    scanner.expect(b" ")
    return Rename(old, mailbox(scanner))


def _status(scanner: Scanner, _by_uid: bool) -> Request:
    name = mailbox(scanner)
    scanner.expect(b" ")
    return Status(name, status_items(scanner))


def _lsub(scanner: Scanner, _by_uid: bool) -> Request:
    reference = mailbox(scanner)
    scanner.expect(b" ")
    return Lsub(reference, list_pattern(scanner))


def _misread_append(scanner: Scanner, _by_uid: bool) -> Request:
    """An APPEND as it should be is met by ``parse_append`` and never gets here."""
    mailbox(scanner)
    raise BadSyntax("Flags, date-time or message literal expected")


def _fetch(scanner: Scanner, by_uid: bool) -> Request:
    messages = scanner.sequence_set()
    scanner.expect(b" ")
    return Fetch(messages, parse_items(scanner), by_uid)


def _store(scanner: Scanner, by_uid: bool) -> Request:
    messages = scanner.sequence_set()
    scanner.expect(b" ")
    word = StoreWord.ADD if scanner.skip(b"+") else StoreWord.REMOVE if scanner.skip(b"-") else StoreWord.REPLACE
    name = scanner.word()
    if name not in (b"FLAGS", b"FLAGS.SILENT"):
        raise BadSyntax("FLAGS expected")
    scanner.expect(b" ")
    return Store(messages, word, _flags(scanner), name == b"FLAGS.SILENT", by_uid)


def _copy(scanner: Scanner, by_uid: bool) -> Request:
    return _copy_or_move(scanner, by_uid, is_move=False)


def _move(scanner: Scanner, by_uid: bool) -> Request:
    return _copy_or_move(scanner, by_uid, is_move=True)


def _copy_or_move(scanner: Scanner, by_uid: bool, *, is_move: bool) -> Request:
    messages = scanner.sequence_set()
    scanner.expect(b" ")
    return Copy(messages, mailbox(scanner), by_uid, is_move)


def _expunge_uids(scanner: Scanner, _by_uid: bool) -> Request:
    return ExpungeUids(scanner.sequence_set())


def _search(scanner: Scanner, by_uid: bool) -> Request:
    return parse_search(scanner, by_uid=by_uid)


def _flags(scanner: Scanner) -> frozenset[str]:
    """Read a list of flags, or flags without the parentheses (``store-att-flags``)."""
    if scanner.peek(b"("):
        return _flag_list(scanner)
    flags = [_flag(scanner)]
    while scanner.skip(b" ") and not scanner.is_done:
        flags.append(_flag(scanner))
    return _limited(flags)


def _flag_list(scanner: Scanner) -> frozenset[str]:
    scanner.expect(b"(")
    flags: list[str] = []
    while not scanner.skip(b")"):
        if flags:
            scanner.expect(b" ")
        flags.append(_flag(scanner))
    return _limited(flags)


def _limited(flags: list[str]) -> frozenset[str]:
    if len(flags) > MAX_FLAGS:
        raise BadSyntax("Too many flags")
    return frozenset(flags)


def _flag(scanner: Scanner) -> str:
    """Read a flag that a client may set: ``\\Recent`` is not its to give (RFC 3501 section 2.3.2), nor are unknown system flags."""
    flag = scanner.flag().decode("ascii")
    if flag.startswith("\\"):
        if flag.lower() not in _BY_LOWER_CASE:
            raise BadSyntax("Unknown system flag")
        return _BY_LOWER_CASE[flag.lower()]
    if len(flag) > MAX_KEYWORD_BYTES:
        raise BadSyntax("Keyword is too long")
    return flag


_COMMANDS: Mapping[bytes, Callable[[Scanner, bool], Request]] = {
    b"LOGIN": _login,
    b"AUTHENTICATE": _authenticate,
    b"ID": _identify,
    b"SELECT": _select,
    b"EXAMINE": _examine,
    **{verb.encode(): _change_folder(verb) for verb in FolderVerb},
    b"RENAME": _rename,
    b"STATUS": _status,
    b"LIST": lambda scanner, _by_uid: parse_list(scanner),
    b"LSUB": _lsub,
    b"APPEND": _misread_append,
    b"FETCH": _fetch,
    b"STORE": _store,
    b"COPY": _copy,
    b"MOVE": _move,
    b"SEARCH": _search,
}
_WITH_UID: Mapping[bytes, Callable[[Scanner, bool], Request]] = {
    b"FETCH": _fetch,
    b"STORE": _store,
    b"COPY": _copy,
    b"MOVE": _move,
    b"SEARCH": _search,
    b"EXPUNGE": _expunge_uids,
}
