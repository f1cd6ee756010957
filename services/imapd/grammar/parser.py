"""From the text of a command to a request."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from services.imapd.grammar import acl
from services.imapd.grammar.fetch import parse_fetch
from services.imapd.grammar.flags import flags
from services.imapd.grammar.listing import list_pattern, parse_list
from services.imapd.grammar.metadata import parse_get, parse_set
from services.imapd.grammar.notify import BadEvent, parse_notify
from services.imapd.grammar.ordering import parse_sort, parse_thread
from services.imapd.grammar.requests import (
    Authenticate,
    Bare,
    ChangeFolder,
    Compress,
    Copy,
    Enable,
    ExpungeUids,
    FolderVerb,
    GetQuota,
    GetQuotaRoot,
    Identify,
    Login,
    Lsub,
    Rename,
    Request,
    SetQuota,
    Status,
    Store,
    StoreWord,
    Verb,
)
from services.imapd.grammar.responses import Reply, bad, no
from services.imapd.grammar.rights import GetAcl, MyRights
from services.imapd.grammar.scanner import BadSyntax, Scanner
from services.imapd.grammar.search import BadCharset, parse_search
from services.imapd.grammar.select import parse_select
from services.imapd.grammar.wishes import Occasion
from services.imapd.grammar.words import BadMailbox, mailbox, status_items

MAX_ID_FIELDS = 30
"""RFC 2971 section 3.3."""
MAX_USES = 10
"""Uses of one folder; six exist."""
MAX_ENABLED = 50
"""Names of one ENABLE; a dozen exist."""


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


def parse(text: bytes, *, has_utf8: bool = False) -> Tagged:
    """Read a whole command; ``has_utf8`` when the client writes mailbox names in UTF-8. Raises ``BadCommand``."""
    scanner = Scanner(text, has_utf8=has_utf8)
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
    except BadEvent:
        raise BadCommand(tag, no("Unknown event", b"BADEVENT (%b)" % " ".join(Occasion).encode())) from None
    except BadMailbox as fault:
        raise BadCommand(tag, no(str(fault), b"CANNOT")) from None
    return Tagged(tag, request)


def tag_of(text: bytes) -> bytes:
    """Return the tag of a command that cannot be read otherwise; ``*`` for none."""
    try:
        return Scanner(text).tag()
    except BadSyntax:
        return b"*"


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


def _enable(scanner: Scanner, _by_uid: bool) -> Request:
    names = [scanner.word()]
    while scanner.skip(b" ") and not scanner.is_done:
        names.append(scanner.word())
        if len(names) > MAX_ENABLED:
            raise BadSyntax("Too many capabilities")
    return Enable(tuple(names))


def _select(scanner: Scanner, _by_uid: bool) -> Request:
    return parse_select(scanner, is_writable=True)


def _examine(scanner: Scanner, _by_uid: bool) -> Request:
    return parse_select(scanner, is_writable=False)


def _change_folder(verb: FolderVerb) -> Callable[[Scanner, bool], Request]:
    return lambda scanner, _by_uid: ChangeFolder(verb, mailbox(scanner))


def _create(scanner: Scanner, _by_uid: bool) -> Request:
    """CREATE, with the uses of RFC 6154 section 3 in the parameters of RFC 4466."""
    name = mailbox(scanner)
    if not scanner.skip(b" ") or scanner.is_done:
        return ChangeFolder(FolderVerb.CREATE, name)
    scanner.expect(b"(")
    if scanner.word() != b"USE":
        raise BadSyntax("USE expected")
    scanner.expect(b" ")
    scanner.expect(b"(")
    uses: list[str] = []
    while not scanner.skip(b")"):
        if uses:
            scanner.expect(b" ")
        uses.append(scanner.flag().decode("ascii").removeprefix("\\"))
        if len(uses) > MAX_USES:
            raise BadSyntax("Too many uses")
    scanner.expect(b")")
    return ChangeFolder(FolderVerb.CREATE, name, tuple(f"\\{use.capitalize()}" for use in uses))


def _rename(scanner: Scanner, _by_uid: bool) -> Request:
    old = mailbox(scanner)
    scanner.expect(b" ")
    return Rename(old, mailbox(scanner))


def _status(scanner: Scanner, _by_uid: bool) -> Request:
    name = mailbox(scanner)
    scanner.expect(b" ")
    return Status(name, status_items(scanner))


def _set_quota(scanner: Scanner, _by_uid: bool) -> Request:
    root = scanner.astring()
    scanner.expect(b" ")
    scanner.expect(b"(")
    limits: dict[bytes, int] = {}
    while not scanner.skip(b")"):
        if limits:
            scanner.expect(b" ")
        name = scanner.word()
        scanner.expect(b" ")
        limits[name] = scanner.number()
    return SetQuota(root, limits)


def _lsub(scanner: Scanner, _by_uid: bool) -> Request:
    reference = mailbox(scanner)
    scanner.expect(b" ")
    return Lsub(reference, list_pattern(scanner))


def _misread(scanner: Scanner, _by_uid: bool) -> Request:
    """APPEND and REPLACE as they should be are met by ``append.begin`` and never get here."""
    if scanner.has_sequence_set():
        scanner.sequence_set()
        scanner.expect(b" ")
    mailbox(scanner)
    raise BadSyntax("Flags, date-time or message literal expected")


def _fetch(scanner: Scanner, by_uid: bool) -> Request:
    return parse_fetch(scanner, by_uid=by_uid)


def _store(scanner: Scanner, by_uid: bool) -> Request:
    messages = scanner.sequence_set()
    scanner.expect(b" ")
    unchanged_since = None
    if scanner.peek(b"("):
        unchanged_since = _unchanged_since(scanner)
        scanner.expect(b" ")
    word = StoreWord.ADD if scanner.skip(b"+") else StoreWord.REMOVE if scanner.skip(b"-") else StoreWord.REPLACE
    name = scanner.word()
    if name not in (b"FLAGS", b"FLAGS.SILENT"):
        raise BadSyntax("FLAGS expected")
    scanner.expect(b" ")
    wanted = flags(scanner)
    if unchanged_since is None and scanner.peek(b" ("):  # ImapFlow says it last
        scanner.expect(b" ")
        unchanged_since = _unchanged_since(scanner)
    return Store(messages, word, wanted, name == b"FLAGS.SILENT", by_uid, unchanged_since)


def _unchanged_since(scanner: Scanner) -> int:
    scanner.expect(b"(")
    if scanner.word() != b"UNCHANGEDSINCE":
        raise BadSyntax("Unknown modifier")
    scanner.expect(b" ")
    modseq = scanner.modseq()
    scanner.expect(b")")
    return modseq


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


_COMMANDS: Mapping[bytes, Callable[[Scanner, bool], Request]] = {
    b"LOGIN": _login,
    b"AUTHENTICATE": _authenticate,
    b"ID": _identify,
    b"COMPRESS": lambda scanner, _by_uid: Compress(scanner.word()),
    b"ENABLE": _enable,
    b"NOTIFY": lambda scanner, _by_uid: parse_notify(scanner),
    b"SELECT": _select,
    b"EXAMINE": _examine,
    **{verb.encode(): _change_folder(verb) for verb in FolderVerb},
    b"CREATE": _create,
    b"RENAME": _rename,
    b"STATUS": _status,
    b"LIST": lambda scanner, _by_uid: parse_list(scanner),
    b"LSUB": _lsub,
    b"GETQUOTA": lambda scanner, _by_uid: GetQuota(scanner.astring()),
    b"GETQUOTAROOT": lambda scanner, _by_uid: GetQuotaRoot(mailbox(scanner)),
    b"SETQUOTA": _set_quota,
    b"GETMETADATA": lambda scanner, _by_uid: parse_get(scanner),
    b"SETMETADATA": lambda scanner, _by_uid: parse_set(scanner),
    b"GETACL": lambda scanner, _by_uid: GetAcl(mailbox(scanner)),
    b"SETACL": lambda scanner, _by_uid: acl.parse_set(scanner),
    b"DELETEACL": lambda scanner, _by_uid: acl.parse_delete(scanner),
    b"LISTRIGHTS": lambda scanner, _by_uid: acl.parse_list_rights(scanner),
    b"MYRIGHTS": lambda scanner, _by_uid: MyRights(mailbox(scanner)),
    b"APPEND": _misread,
    b"REPLACE": _misread,
    b"FETCH": _fetch,
    b"STORE": _store,
    b"COPY": _copy,
    b"MOVE": _move,
    b"SEARCH": _search,
    b"SORT": lambda scanner, by_uid: parse_sort(scanner, by_uid=by_uid),
    b"THREAD": lambda scanner, by_uid: parse_thread(scanner, by_uid=by_uid),
}
_WITH_UID: Mapping[bytes, Callable[[Scanner, bool], Request]] = {
    b"FETCH": _fetch,
    b"STORE": _store,
    b"COPY": _copy,
    b"MOVE": _move,
    b"SEARCH": _search,
    b"SORT": lambda scanner, by_uid: parse_sort(scanner, by_uid=by_uid),
    b"THREAD": lambda scanner, by_uid: parse_thread(scanner, by_uid=by_uid),
    b"EXPUNGE": _expunge_uids,
    b"REPLACE": _misread,
}
