"""The selected folder of a session: the store's folder and the session's view of it, kept together."""

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, ParamSpec, TypeVar

from services.imapd.access import TO_CHANGE, TO_READ, Access, Place
from services.imapd.ending import Ending
from services.imapd.grammar.responses import SYSTEM_FLAGS
from services.imapd.view import View
from services.kernel.mailbox import acl
from services.kernel.mailbox.acl import Right, Rights
from services.kernel.mailbox.columns import Snapshot
from services.kernel.mailbox.flags import KEYWORD_LIMIT
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import Changes
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import NoSuchFolder

LAST_MODSEQ = (1 << 63) - 1
"""The largest there can be (RFC 7162 section 7, ``mod-sequence-value``): after it nothing happened."""

NEVER = 1 << 32
"""As the first UID that is recent: none. What is recent in a folder is for its owner to see."""

P = ParamSpec("P")
T = TypeVar("T")


class Selected:
    """A folder that a session has open. ``is_writable`` is false after EXAMINE, and where no right lets the user change anything."""

    def __init__(self, store: MailStore, opened: "_Opened") -> None:
        self.place = opened.place
        """Whose it is; its rights are those at the last look."""
        self.folder = opened.folder
        self.status = opened.snapshot.status
        self.is_writable = opened.is_writable
        self.vanished = opened.snapshot.vanished
        """What went between the modseq that SELECT named and its answer; ``None`` when that is not known."""
        self.mailbox_id = opened.mailbox_id
        self.view = View(self.status.highestmodseq, opened.snapshot.keywords, opened.snapshot.messages)
        self.view.claim(opened.first_recent)
        self.claims = opened.claims
        """Whether new messages become recent here."""
        self.who = opened.who
        self._store = store

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work on the folder. Raises what it raises; ``Ending`` when the folder is gone, since nothing can be said of it any more."""
        with _ending_when_gone():
            return await self._store.run_for(self.place.owner.address, work, *args, **kwargs)

    def may(self, right: Right) -> bool:
        """Tell whether the user may use a right here, as it was opened."""
        return self.is_writable and right in self.place.rights

    async def refresh_rights(self) -> None:
        """Learn what the user may do here now. Raises ``Ending`` when he may not even read any more."""
        self.place = self.place._replace(rights=await self.run(_rights, self.place, self.who))

    @property
    def moment(self) -> Hashable:
        """What one look at the folder is for: sessions with an equal one are told the same."""
        return str(self.folder.directory), self.folder.uidvalidity, self.view.modseq, self.claims, self.who

    async def look(self) -> None:
        """Take in what happened in the folder, and to the user's rights. Sessions of his that know the same and look at one moment share it."""
        with _ending_when_gone():
            self.take_in(*await self.glance())

    async def glance(self) -> tuple["Look", bool]:
        """Return what happened since the session's moment, and whether this was who looked first. Raises ``NoSuchFolder``, ``MailboxTrouble``."""
        return await self._store.share(self.place.owner.address, self.moment, partial(_look, self, self.view.modseq))

    def take_in(self, found: "Look", is_first: bool) -> None:
        """Have the view know what was found since this moment; messages become recent in the session that looked first."""
        if found.rights != self.place.rights:
            if (found.rights ^ self.place.rights) & acl.OF_FLAGS:
                self.view.flags_are_news()
            self.place = self.place._replace(rights=found.rights)
        self.view.absorb(found.changes, found.present)
        # a message is recent in one session only (RFC 3501 section 2.3.2)
        self.view.mark_recent(found.first_recent if is_first or not self.claims else found.changes.status.uidnext)

    def highestmodseq_line(self) -> bytes:
        """Write the modseq that all told so far leads to (RFC 7162 section 3.1.2.1)."""
        return b"* OK [HIGHESTMODSEQ %d] Highest\r\n" % self.view.told_modseq

    @property
    def has_keyword_room(self) -> bool:
        """Whether another keyword can be made here."""
        return len(self.view.flags) - len(SYSTEM_FLAGS) < KEYWORD_LIMIT

    def spelled(self, flags: Iterable[str]) -> frozenset[str]:
        """Return flags as the folder spells them: keywords are compared without case (RFC 9051 section 2.3.2)."""
        known = {flag.lower(): flag for flag in self.view.flags}
        return frozenset(known.get(flag.lower(), flag) for flag in flags)


@contextmanager
def _ending_when_gone() -> Iterator[None]:
    try:
        yield
    except NoSuchFolder:
        raise Ending("selected folder deleted", "Selected mailbox was deleted") from None


class Look(NamedTuple):
    """What one look at a folder finds. ``first_recent`` is the first UID that is recent for the asker."""

    rights: Rights
    changes: Changes
    present: Sequence[int] | None
    first_recent: int


def _rights(place: Place, who: str) -> Rights:
    """A folder that may not be read any more is as one that is gone (RFC 4314 section 6)."""
    rights = place.owner.rights(place.name, who)
    if not TO_READ.are_met(rights):
        raise NoSuchFolder("the right to read was taken away")
    return rights


def _look(selected: Selected, since: int) -> Look:
    rights, folder = _rights(selected.place, selected.who), selected.folder
    changes = folder.changes(since)
    present = folder.uids() if changes.vanished is None else None
    first_recent = changes.status.recent_from if selected.place.is_own else NEVER
    if selected.claims and any(message.uid >= first_recent for message in changes.changed):
        first_recent = folder.claim_recent()
    return Look(rights, changes, present, first_recent)


class Opening(NamedTuple):
    """How a folder is to be opened. ``claims`` when new messages become recent here; ``since`` is the modseq up to which the client knows it."""

    name: str
    is_writable: bool
    claims: bool
    since: int = LAST_MODSEQ


class _Opened(NamedTuple):
    """What SELECT reads in one go, and for whom."""

    who: str
    place: Place
    folder: Folder
    mailbox_id: bytes
    snapshot: Snapshot
    first_recent: int
    is_writable: bool
    claims: bool


def _open(access: Access, how: Opening) -> _Opened:
    place = access.place(how.name, TO_READ)
    folder = place.folder()
    snapshot = folder.snapshot(how.since)
    claims = how.claims and place.is_own
    first_recent = folder.claim_recent() if claims else snapshot.status.recent_from if place.is_own else NEVER
    is_writable = how.is_writable and TO_CHANGE.are_met(place.rights)
    return _Opened(access.who, place, folder, place.mailbox_id(folder), snapshot, first_recent, is_writable, claims)


async def open_folder(store: MailStore, access: Access, how: Opening) -> Selected:
    """Select a folder; what the view holds is to be told by the reply. Raises ``NoSuchFolder``, ``NoRight``, ``MailboxTrouble``."""
    return Selected(store, await store.run_for(access.who, _open, access, how))
