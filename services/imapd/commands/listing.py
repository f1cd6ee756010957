"""Lists of folders: LIST, plain and extended, LSUB, NAMESPACE, over the user's own folders and those that others share with him."""

import asyncio
from collections.abc import AsyncIterator, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import NamedTuple

from services.imapd.access import Access
from services.imapd.commands.acl import my_rights_line
from services.imapd.commands.folders import status_line
from services.imapd.commands.metadata import metadata_line
from services.imapd.grammar.requests import Bare, List, ListReturn, ListSelection, Lsub, StatusItem
from services.imapd.grammar.responses import Reply, ok
from services.imapd.matcher import Pattern
from services.imapd.modes import Mode
from services.imapd.namespace import parents, separator
from services.imapd.session import Session
from services.kernel.mailbox import names, others
from services.kernel.mailbox.records import FolderInfo
from services.kernel.mailbox.trouble import NoRight, NoSuchFolder

TURN_FOLDERS = 100
"""Compared with the patterns in one go, some milliseconds."""


@dataclass(frozen=True, slots=True)
class _Line:
    """One line of a list. ``below`` is what CHILDINFO tells: by which criteria a folder below is chosen (RFC 5258 section 3.5)."""

    name: str
    attributes: tuple[str, ...]
    exists: bool = True
    below: tuple[str, ...] = ()

    def form(self, session: Session, word: bytes) -> bytes:
        attributes = " ".join(self.attributes).encode()
        more = b' ("CHILDINFO" (%b))' % " ".join(f'"{word}"' for word in self.below).encode() if self.below else b""
        return b'* %b (%b) "%b" %b%b\r\n' % (word, attributes, separator(self.name).encode(), session.mailbox_form(self.name), more)


async def namespace(session: Session, _request: Bare) -> Reply:
    """NAMESPACE (RFC 2342): the user's own folders, and those of others."""
    parts = (names.SEPARATOR.encode(), others.ROOT.encode(), others.SEPARATOR.encode())
    session.write(b'* NAMESPACE (("" "%b")) (("%b" "%b")) NIL\r\n' % parts)
    return ok("Done")


async def list_folders(session: Session, request: List) -> Reply:
    """LIST (RFC 3501 section 6.3.8, RFC 5258)."""
    if request.patterns == ("",) and not request.is_extended:
        root = others.ROOT if others.is_other(request.reference) else ""
        session.write(b'* LIST (\\Noselect) "%b" "%b"\r\n' % (separator(root).encode(), root.encode()))  # asks for the separator only
        return ok("Done")
    if StatusItem.HIGHESTMODSEQ in request.status:
        session.enable(Mode.CONDSTORE)  # RFC 7162 section 3.1
    patterns = [Pattern(request.reference + pattern) for pattern in request.patterns]
    found = await session.run(_read, session.access, any(pattern.reaches_others for pattern in patterns))
    shared = {owner: folders for owner, folders in found.shared.items() if await session.has_account(owner)}
    choice = _Choice(request, found.subscriptions, patterns, session.is_rev2)
    async for line in choice.lines([*found.own, *_rows(shared, found)]):
        session.write(line.form(session, b"LIST"))
        if line.exists:
            await _write_more(session, request, line.name)
        if session.wants_flush:
            await session.flush()
    return ok("Done")


async def _write_more(session: Session, request: List, name: str) -> None:
    """LIST-STATUS (RFC 5819), LIST-METADATA (RFC 9590), LIST-MYRIGHTS (RFC 8440): a folder of which they cannot be had is passed over."""
    if request.status:
        with suppress(NoSuchFolder, NoRight):
            session.write(await status_line(session, name, request.status))
    if request.metadata:
        with suppress(NoSuchFolder, NoRight):
            session.write(await metadata_line(session, name, request.metadata))
    if ListReturn.MYRIGHTS in request.returns:
        with suppress(NoSuchFolder, NoRight):
            session.write(await my_rights_line(session, name))


class _Read(NamedTuple):
    """What there is to list: own folders, names subscribed to, and folders of others by owner, as he calls them."""

    own: Collection[FolderInfo]
    subscriptions: frozenset[str]
    shared: Mapping[str, Sequence[str]]


def _read(access: Access, with_others: bool) -> _Read:
    return _Read(access.user.folders(), access.user.subscriptions(), access.shared() if with_others else {})


def _rows(shared: Mapping[str, Sequence[str]], found: _Read) -> Iterator[FolderInfo]:
    """Folders of others, and the levels above them that are none; the highest is left out where the user has a folder of that name."""
    present = {others.join(owner, folder) for owner, folders in shared.items() for folder in folders}
    above = {parent for name in present for parent in others.parents(name)}
    if any(info.name == others.TOP for info in found.own):
        above.discard(others.ROOT)
    for name in sorted(present | above):
        yield FolderInfo(name, name in present, name in found.subscriptions, name in above, "")


class _Choice:
    """What a LIST asks for. Several criteria are met by a folder only all together (RFC 5258 section 3)."""

    def __init__(self, request: List, subscriptions: frozenset[str], patterns: list[Pattern], is_rev2: bool) -> None:
        self._request = request
        self._subscriptions = subscriptions
        self._patterns = patterns
        self._criteria = [word for word in (ListSelection.SUBSCRIBED, ListSelection.SPECIAL_USE) if word in request.selection]
        self._is_recursive = ListSelection.RECURSIVEMATCH in request.selection
        self._missing = "\\NonExistent" if request.is_extended or is_rev2 else "\\Noselect"

    async def lines(self, folders: Collection[FolderInfo]) -> AsyncIterator[_Line]:
        """A folder above a chosen one stands for it where the patterns do not fit that one (RFC 5258 section 3.5); so does one that is missing."""
        rows = self._with_missing(folders) if ListSelection.SUBSCRIBED in self._criteria else folders
        fits = {info.name: any(pattern.matches(info.name) for pattern in self._patterns) async for info in _in_turns(rows)}
        above = {parent for info in rows if self._is_met(info) and not fits[info.name] for parent in parents(info.name)}
        async for info in _in_turns(rows):
            has_below = info.name in above
            is_chosen = self._is_met(info) or (has_below and (self._is_recursive or not (info.exists or self._criteria)))
            if is_chosen and fits[info.name]:
                below = tuple(word.value for word in self._criteria) if has_below and self._is_recursive else ()
                yield _Line(info.name, tuple(self._attributes(info)), info.exists, below)

    def _is_met(self, info: FolderInfo) -> bool:
        """Whether a folder is chosen for its own sake, its name aside."""
        if not info.exists and ListSelection.SUBSCRIBED not in self._criteria:
            return False
        has = {ListSelection.SUBSCRIBED: info.subscribed, ListSelection.SPECIAL_USE: bool(info.special_use)}
        return all(has[word] for word in self._criteria)

    def _with_missing(self, folders: Collection[FolderInfo]) -> list[FolderInfo]:
        """Add folders that are subscribed to and not there, and those above them (RFC 5258 section 3.1)."""
        above = {parent for name in self._subscriptions for parent in parents(name)}
        missing = sorted((self._subscriptions | above).difference(info.name for info in folders))
        return [*folders, *(FolderInfo(name, False, name in self._subscriptions, name in above, "") for name in missing)]

    def _attributes(self, info: FolderInfo) -> Iterator[str]:
        if not info.exists:
            yield self._missing
        if info.subscribed and (ListReturn.SUBSCRIBED in self._request.returns or ListSelection.SUBSCRIBED in self._criteria):
            yield "\\Subscribed"
        yield "\\HasChildren" if info.has_children else "\\HasNoChildren"
        if info.special_use:
            yield info.special_use


async def _in_turns(rows: Iterable[FolderInfo]) -> AsyncIterator[FolderInfo]:
    """Folders may be many, others' too: other sessions have their turns meanwhile."""
    for count, info in enumerate(rows, 1):
        yield info
        if count % TURN_FOLDERS == 0:
            await asyncio.sleep(0)


async def list_subscribed(session: Session, request: Lsub) -> Reply:
    """LSUB (RFC 3501 section 6.3.9)."""
    subscriptions = await session.run(session.user.subscriptions)
    pattern = Pattern(request.reference + request.pattern)
    for line in _subscribed(sorted(subscriptions), pattern, ends_in_level=request.pattern.endswith("%")):
        session.write(line.form(session, b"LSUB"))
    return ok("Done")


def _subscribed(subscriptions: Collection[str], pattern: Pattern, *, ends_in_level: bool) -> Iterator[_Line]:
    """RFC 3501 section 6.3.9: where ``%`` stops short of a subscribed name, the level above it stands in, as ``\\Noselect``."""
    above: dict[str, None] = {}
    for name in subscriptions:
        if pattern.matches(name):
            yield _Line(name, ())
        elif ends_in_level:
            above.update(dict.fromkeys(parent for parent in parents(name) if pattern.matches(parent)))
    for parent in above:
        if parent not in subscriptions:
            yield _Line(parent, ("\\Noselect",))
