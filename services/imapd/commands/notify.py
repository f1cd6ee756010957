"""NOTIFY (RFC 5465): the client says what it wants to hear of which folders, and hears it as it happens, with or without IDLE.

Also what is told of the selected folder in any session, since NOTIFY has a say in it.
"""

from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from hashlib import blake2b
from itertools import islice
from pathlib import Path

from services.imapd import naming
from services.imapd.access import TO_ANNOTATE, TO_LIST, TO_READ, Access
from services.imapd.commands import fetch
from services.imapd.commands.metadata import annotations
from services.imapd.grammar.requests import Fetch
from services.imapd.grammar.responses import Reply, astring, ok
from services.imapd.grammar.sequence import SequenceSet
from services.imapd.grammar.wishes import Notify, Occasion
from services.imapd.interest import Annotated, Changed, Interest, Moved, News, Removed, Subscribed, Survey, has_figures, without_figures
from services.imapd.modes import Mode
from services.imapd.session import Session
from services.imapd.view import Announcement
from services.kernel.mailbox import others
from services.kernel.mailbox.records import Figures
from services.kernel.mailbox.trouble import NoRight, NoSuchFolder

DIGEST_BYTES = 16
"""Kept of the value of each annotation, to see whether it changes; values themselves would be megabytes a session."""

MOST_OWNERS = 50
"""Other users whose folders a client is told of: each has an index that is asked at each change."""


async def notify(session: Session, request: Notify) -> Reply:
    """NOTIFY. What was asked before is forgotten."""
    await tell_selected(session, may_expunge=True)  # RFC 5465 section 3.1: what was due is told before the new wishes count
    notices = Notices(session, Interest(request))
    try:
        await notices.begin(wants_status=request.wants_status)
    except BaseException:
        notices.close()
        raise
    if session.notices is not None:
        session.notices.close()
    session.notices = notices
    if session.selected is not None:
        session.selected.view.take_new()  # what is known by now is not new
    return ok("Done")


class Notices:
    """The wishes in force, what the client knows of its other folders, and the bell that the store rings."""

    def __init__(self, session: Session, interest: Interest) -> None:
        self.interest = interest
        self.has_rung = False
        self._session = session
        self._known = Survey({}, frozenset())
        self._surveyed: Mapping[str, Path] = {}
        self._watched: dict[str, Callable[[], None]] = {}

    async def begin(self, *, wants_status: bool) -> None:
        """Start to listen, and tell the state of now if that is wanted."""
        session = self._session
        self.watch()
        self._known = await self._survey()
        if not wants_status:
            return
        selected = session.selected.place.told if session.selected is not None else None
        for name, figures in self._known.folders.items():
            if name != selected and has_figures(figures) and self.interest.wants(Occasion.MESSAGE_NEW, name, self._known):
                has_flags = self.interest.wants(Occasion.FLAG_CHANGE, name, self._known)
                session.write(_status(session, name, figures, with_modseq=has_flags))

    def close(self) -> None:
        """Listen no more."""
        for unsubscribe in self._watched.values():
            unsubscribe()
        self._watched.clear()

    def watch(self) -> None:
        """Listen to the mailboxes that matter now: the user's, that of the selected folder, and those of others."""
        session = self._session
        wanted = {**self._surveyed, session.address: session.user.notify_path}
        if session.selected is not None:
            owner = session.selected.place.owner
            wanted[owner.address] = owner.notify_path
        for address in self._watched.keys() - wanted.keys():
            self._watched.pop(address)()
        for address in wanted.keys() - self._watched.keys():
            self._watched[address] = session.house.watcher.subscribe(wanted[address], self._ring)

    def _ring(self) -> None:
        self.has_rung = True
        self._session.connection.wake()

    async def tell(self, *, in_idle: bool = False) -> None:
        """Tell what happened since the last time, between commands or in IDLE."""
        self.has_rung = False
        session = self._session
        if session.selected is not None and self.interest.of_selected.occasions:
            await session.selected.look()
            await tell_selected(session, may_expunge=in_idle or not self.interest.is_delayed)
        if self.interest.is_wide:
            before, self._known = self._known, await self._survey()
            selected = session.selected.place.told if session.selected is not None else None
            for item in self.interest.news(before, self._known, selected):
                session.write(self._line(item))
        await session.flush()

    async def _survey(self) -> Survey:
        """What there is now. Others whose folders are part of it are listened to from before it is read."""
        session = self._session
        run = session.run
        found = await run(_owners, session.access, self.interest)
        self._surveyed = {address: path for address, path in found.items() if await session.has_account(address)}
        self.watch()
        return await run(_survey, session.access, list(self._surveyed), self.interest)

    def _line(self, item: News) -> bytes:
        session = self._session
        match item:
            case Moved(name, old):
                return naming.told(session, name, old or name)
            case Removed(name):
                return naming.told(session, name, name, b"\\NonExistent")
            case Subscribed(name, is_subscribed):
                return naming.told(session, name, name, b"\\Subscribed" if is_subscribed else b"")
            case Annotated(name, entries):
                mailbox = session.mailbox_form(name) if name else b'""'
                return b"* METADATA %b %b\r\n" % (mailbox, b" ".join(astring(entry.encode()) for entry in entries))
            case Changed(name, figures, occasion):
                has_modseq = occasion is Occasion.FLAG_CHANGE or Mode.CONDSTORE in session.modes
                return _status(session, name, figures, with_modseq=has_modseq, with_unseen=occasion is not Occasion.MESSAGE_EXPUNGE)


def _owners(access: Access, interest: Interest) -> Mapping[str, Path]:
    """The addresses of those who share a folder that matters, with their ``notify_path``. Blocks.

    No mailbox is held: what a session keeps is open besides those that the store counts (``mailbox.open_mailboxes``).
    """
    subscribed = access.user.subscriptions()
    if not interest.reaches_others(subscribed):
        return {}
    shared = access.shared()
    concerned = [owner for owner, folders in shared.items() if any(interest.concerns(others.join(owner, folder), subscribed) for folder in folders)]
    return dict(islice(((owner.address, owner.notify_path) for owner in map(access.known_owner, concerned) if owner is not None), MOST_OWNERS))


def _survey(access: Access, owners: Iterable[str], interest: Interest) -> Survey:
    """One owner's mailbox is in hand at a time."""
    subscribed = access.user.subscriptions()
    folders = access.user.survey()
    for address in owners:
        owner = access.known_owner(address)
        if owner is None:
            continue
        for name, (figures, rights) in owner.survey_for(access.who).items():
            told = others.join(owner.address, name)
            if TO_LIST.are_met(rights) and interest.concerns(told, subscribed):
                # who may only know of a folder is told its name, and no figures
                folders[told] = figures if TO_READ.are_met(rights) else without_figures(figures)
    kept: dict[str, Mapping[str, bytes]] = {}
    if interest.has_annotations:
        kept[""] = _digests(access.user.annotations())
        for name in folders:
            with suppress(NoSuchFolder, NoRight):
                kept[name] = _digests(annotations(access.place(name, TO_ANNOTATE), access.who))
    return Survey(folders, subscribed, kept)


def _digests(values: Mapping[str, bytes]) -> Mapping[str, bytes]:
    return {entry: blake2b(value, digest_size=DIGEST_BYTES).digest() for entry, value in values.items()}


def _status(session: Session, name: str, figures: Figures, *, with_modseq: bool, with_unseen: bool = False) -> bytes:
    """RFC 5465 sections 4 and 5.1 to 5.3: what a client needs to see whether it must look; modseqs where flags matter, whatever was enabled."""
    told = b"MESSAGES %d UIDNEXT %d UIDVALIDITY %d" % (figures.messages, figures.uidnext, figures.uidvalidity)
    if with_unseen:
        told += b" UNSEEN %d" % figures.unseen
    if with_modseq:
        told += b" HIGHESTMODSEQ %d" % figures.highestmodseq
    return b"* STATUS %b (%b)\r\n" % (session.mailbox_form(name), told)


async def tell_selected(session: Session, *, may_expunge: bool) -> None:
    """Tell what is known to have happened in the selected folder, as far as the client wants to hear it."""
    selected = session.selected
    if selected is None or _hears_nothing(session):
        return
    await _tell(session, selected.view.announce(may_expunge=may_expunge, tells_flags=session.tells_flags))


async def tell_new(session: Session) -> None:
    """Tell of new messages only."""
    if session.selected is not None and not _hears_nothing(session):
        await _tell(session, session.selected.view.announce_new())


def _hears_nothing(session: Session) -> bool:
    return session.notices is not None and not session.notices.interest.of_selected.occasions


async def _tell(session: Session, announcements: Iterable[Announcement]) -> None:
    if session.notices is None:
        session.announce(announcements)
        return
    view, group = session.folder.view, session.notices.interest.of_selected
    session.announce(announcements)
    fresh = view.take_new() if group.items else []
    if fresh:  # RFC 5465 section 5.2: they are fetched at once
        await fetch.fetch(session, Fetch(SequenceSet(((fresh[0], fresh[-1]),)), group.items, by_uid=True))
