"""Lists of folders: LIST, plain and extended, LSUB, NAMESPACE."""

from collections.abc import Collection, Iterator
from dataclasses import dataclass, field

from services.imapd.commands.folders import status_line
from services.imapd.grammar.requests import Bare, List, ListReturn, ListSelection, Lsub
from services.imapd.grammar.responses import Reply, mailbox, ok
from services.imapd.matcher import Pattern
from services.imapd.session import Session
from services.kernel.mailbox import names
from services.kernel.mailbox.records import FolderInfo
from services.kernel.mailbox.trouble import NoSuchFolder
from services.kernel.mailbox.user import UserMail

_SEPARATOR = names.SEPARATOR.encode()


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a list. ``children`` is what CHILDINFO tells (RFC 5258 section 3.5)."""

    name: str
    attributes: tuple[str, ...]
    exists: bool = True
    has_subscribed_children: bool = field(default=False)

    def form(self, word: bytes) -> bytes:
        attributes = " ".join(self.attributes).encode()
        more = b' ("CHILDINFO" ("SUBSCRIBED"))' if self.has_subscribed_children else b""
        return b'* %b (%b) "%b" %b%b\r\n' % (word, attributes, _SEPARATOR, mailbox(self.name), more)


async def namespace(session: Session, _request: Bare) -> Reply:
    """NAMESPACE (RFC 2342): one, personal."""
    session.write(b'* NAMESPACE (("" "%b")) NIL NIL\r\n' % _SEPARATOR)
    return ok("Done")


async def list_folders(session: Session, request: List) -> Reply:
    """LIST (RFC 3501 section 6.3.8, RFC 5258)."""
    if request.patterns == ("",) and not request.is_extended:
        session.write(b'* LIST (\\Noselect) "%b" ""\r\n' % _SEPARATOR)  # asks for the separator only
        return ok("Done")
    folders, subscriptions = await session.house.store.run(_read, session.user)
    patterns = [Pattern(request.reference + pattern) for pattern in request.patterns]
    for line in _chosen(request, folders, subscriptions, patterns):
        session.write(line.form(b"LIST"))
        if request.status and line.exists:
            await _write_status(session, request, line.name)
    return ok("Done")


async def _write_status(session: Session, request: List, name: str) -> None:
    """LIST-STATUS (RFC 5819): a folder whose status cannot be had is passed over."""
    try:
        session.write(await status_line(session, name, request.status))
    except NoSuchFolder:
        return
    if session.wants_flush:
        await session.flush()


def _read(user: UserMail) -> tuple[Collection[FolderInfo], frozenset[str]]:
    return user.folders(), user.subscriptions()


def _chosen(request: List, folders: Collection[FolderInfo], subscriptions: frozenset[str], patterns: list[Pattern]) -> Iterator[_Line]:
    by_subscription = ListSelection.SUBSCRIBED in request.selection
    rows = _with_missing(folders, subscriptions) if by_subscription else folders
    for info in rows:
        if not any(pattern.matches(info.name) for pattern in patterns):
            continue
        below = f"{info.name}{names.SEPARATOR}"
        has_subscribed = ListSelection.RECURSIVEMATCH in request.selection and any(name.startswith(below) for name in subscriptions)
        if by_subscription and not info.subscribed and not has_subscribed:
            continue
        if ListSelection.SPECIAL_USE in request.selection and not info.special_use:
            continue
        yield _Line(info.name, tuple(_attributes(info, request)), info.exists, has_subscribed)


def _with_missing(folders: Collection[FolderInfo], subscriptions: frozenset[str]) -> list[FolderInfo]:
    """Add folders that are subscribed to and not there, and those above them (RFC 5258 section 3.1)."""
    parents = {parent for name in subscriptions for parent in names.parents(name)}
    missing = sorted((subscriptions | parents).difference(info.name for info in folders))
    return [*folders, *(FolderInfo(name, False, name in subscriptions, name in parents, "") for name in missing)]


def _attributes(info: FolderInfo, request: List) -> Iterator[str]:
    if not info.exists:
        yield "\\NonExistent" if request.is_extended else "\\Noselect"
    if info.subscribed and (ListReturn.SUBSCRIBED in request.returns or ListSelection.SUBSCRIBED in request.selection):
        yield "\\Subscribed"
    yield "\\HasChildren" if info.has_children else "\\HasNoChildren"
    if info.special_use:
        yield info.special_use


async def list_subscribed(session: Session, request: Lsub) -> Reply:
    """LSUB (RFC 3501 section 6.3.9)."""
    subscriptions = await session.house.store.run(session.user.subscriptions)
    pattern = Pattern(request.reference + request.pattern)
    for line in _subscribed(sorted(subscriptions), pattern, ends_in_level=request.pattern.endswith("%")):
        session.write(line.form(b"LSUB"))
    return ok("Done")


def _subscribed(subscriptions: Collection[str], pattern: Pattern, *, ends_in_level: bool) -> Iterator[_Line]:
    """RFC 3501 section 6.3.9: where ``%`` stops short of a subscribed name, the level above it stands in, as ``\\Noselect``."""
    parents: dict[str, None] = {}
    for name in subscriptions:
        if pattern.matches(name):
            yield _Line(name, ())
        elif ends_in_level:
            parents.update(dict.fromkeys(parent for parent in names.parents(name) if pattern.matches(parent)))
    for parent in parents:
        if parent not in subscriptions:
            yield _Line(parent, ("\\Noselect",))
