"""The selected folder of a session: the store's folder and the session's view of it, kept together."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import NamedTuple, ParamSpec, TypeVar

from services.imapd.ending import Ending
from services.imapd.grammar.responses import SYSTEM_FLAGS
from services.imapd.view import View
from services.kernel.mailbox.columns import Snapshot
from services.kernel.mailbox.flags import KEYWORD_LIMIT
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import Changes
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import NoSuchFolder
from services.kernel.mailbox.user import UserMail

LAST_MODSEQ = (1 << 63) - 1
"""The largest there can be (RFC 7162 section 7, ``mod-sequence-value``): after it nothing happened."""

P = ParamSpec("P")
T = TypeVar("T")


class Selected:
    """A folder that a session has open. ``is_writable`` is false after EXAMINE."""

    def __init__(self, store: MailStore, opened: "_Opened") -> None:
        self.folder = opened.folder
        self.status = opened.snapshot.status
        self.is_writable = opened.is_writable
        self.vanished = opened.snapshot.vanished
        """What went between the modseq that SELECT named and its answer; ``None`` when that is not known."""
        self.mailbox_id = opened.mailbox_id
        self.view = View(self.status.highestmodseq, opened.snapshot.keywords, opened.snapshot.messages)
        self.view.claim(opened.first_recent)
        self._claims = opened.claims
        self._store = store

    async def run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Do blocking work on the folder. Raises what it raises; ``Ending`` when the folder is gone, since nothing can be said of it any more."""
        with _ending_when_gone():
            return await self._store.run(work, *args, **kwargs)

    async def look(self) -> None:
        """Take in what happened in the folder. Sessions that know the same of it, and look at the same moment, share one look."""
        since = self.view.modseq
        key = (self.folder.directory, self.folder.uidvalidity, since, self._claims)
        with _ending_when_gone():
            found, is_first = await self._store.share(key, partial(_look, self.folder, since, self._claims))
        self.view.absorb(found.changes, found.present)
        # a message is recent in one session only (RFC 3501 section 2.3.2)
        self.view.mark_recent(found.first_recent if is_first or not self._claims else found.changes.status.uidnext)

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


class _Look(NamedTuple):
    """What one look at a folder finds. ``first_recent`` is the first UID that is recent for the asker."""

    changes: Changes
    present: Sequence[int] | None
    first_recent: int


def _look(folder: Folder, since: int, claims: bool) -> _Look:
    changes = folder.changes(since)
    present = folder.uids() if changes.vanished is None else None
    first_recent = changes.status.recent_from
    if claims and any(message.uid >= first_recent for message in changes.changed):
        first_recent = folder.claim_recent()
    return _Look(changes, present, first_recent)


class Opening(NamedTuple):
    """How a folder is to be opened. ``claims`` when new messages become recent here; ``since`` is the modseq up to which the client knows it."""

    name: str
    is_writable: bool
    claims: bool
    since: int = LAST_MODSEQ


class _Opened(NamedTuple):
    """What SELECT reads in one go."""

    folder: Folder
    mailbox_id: str
    snapshot: Snapshot
    first_recent: int
    is_writable: bool
    claims: bool


def _open(user: UserMail, how: Opening) -> _Opened:
    folder = user.folder(how.name)
    snapshot = folder.snapshot(how.since)
    first_recent = folder.claim_recent() if how.claims else snapshot.status.recent_from
    return _Opened(folder, folder.mailbox_id(), snapshot, first_recent, how.is_writable, how.claims)


async def open_folder(store: MailStore, user: UserMail, how: Opening) -> Selected:
    """Select a folder; what the view holds is to be told by the reply. Raises ``NoSuchFolder``, ``MailboxTrouble``."""
    return Selected(store, await store.run(_open, user, how))
