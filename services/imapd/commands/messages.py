"""Changing and filing messages: STORE, COPY, MOVE, EXPUNGE."""

from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from typing import NamedTuple

from services.imapd import announcing, trouble
from services.imapd.access import TO_INSERT, TO_REMOVE, Place
from services.imapd.commands.quota import check_room, note_growth
from services.imapd.ending import Ending
from services.imapd.grammar.requests import Bare, Copy, ExpungeUids, Store, StoreWord
from services.imapd.grammar.responses import Reply, no, ok
from services.imapd.grammar.sequence import compact
from services.imapd.modes import Mode
from services.imapd.session import Session
from services.kernel.mailbox import acl
from services.kernel.mailbox.acl import Right
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import Copied, FlagChange, FlagWord, Stored
from services.kernel.mailbox.trouble import NoRight, NoSuchFolder

_READ_ONLY = no("Mailbox is open for reading only", b"READ-ONLY")
_WORDS: Mapping[StoreWord, FlagWord] = {
    StoreWord.ADD: FlagWord.ADD,
    StoreWord.REMOVE: FlagWord.REMOVE,
    StoreWord.REPLACE: FlagWord.REPLACE,
}


STORE_MESSAGES = 2_000
"""Messages changed in one transaction, some 100 ms, so that others have their turn with the index."""


async def store(session: Session, request: Store) -> Reply:
    """STORE and UID STORE (RFC 3501 section 6.4.6), with UNCHANGEDSINCE (RFC 7162 section 3.1.3)."""
    selected = session.folder
    if not selected.is_writable:
        return _READ_ONLY
    if request.unchanged_since is not None:
        session.enable(Mode.CONDSTORE)
    uids = selected.view.resolve(request.messages, by_uid=request.by_uid)
    change = _change(session, request)
    modified: list[int] = []
    missing = 0
    for start in range(0, len(uids), STORE_MESSAGES):
        some = uids[start : start + STORE_MESSAGES]
        stored = await selected.run(selected.folder.store_flags, some, change)
        modified += stored.modified
        missing += len(some) - len(stored.messages) - len(stored.modified)
        await _tell_stored(session, request, stored, change)
    if modified:
        return ok("Some were changed meanwhile", b"MODIFIED " + _named(session, modified, by_uid=request.by_uid))
    # a client that reckons the flags itself is content with what could be stored
    is_amiss = missing == len(uids) > 0 if request.is_silent else missing > 0
    return trouble.EXPUNGED if is_amiss and not request.by_uid else ok("Done")


def _change(session: Session, request: Store) -> FlagChange:
    """What the user's rights leave of a STORE. Raises ``NoRight`` when that is nothing (RFC 4314 section 4)."""
    selected, rights = session.folder, session.folder.place.rights
    flags = selected.spelled(request.flags)
    allowed = acl.settable(flags, rights)
    is_any_allowed = bool(allowed) or not flags if request.word is not StoreWord.REPLACE else bool(rights & acl.OF_FLAGS)
    if not is_any_allowed:
        raise NoRight("no right to these flags")
    return FlagChange(_WORDS[request.word], allowed, request.unchanged_since, rights)


def _named(session: Session, uids: Sequence[int], *, by_uid: bool) -> bytes:
    return compact(uids if by_uid else [session.folder.view.number(uid) for uid in uids])


async def _tell_stored(session: Session, request: Store, stored: Stored, change: FlagChange) -> None:
    view, by_uid = session.folder.view, request.by_uid
    if request.is_silent:
        reckoned = view.note_silent_store(stored.messages, change)
        await _tell_modseqs(session, reckoned if Mode.CONDSTORE in session.modes else (), by_uid=by_uid)
        return
    view.refresh(stored.messages)
    session.announce(view.announce_flags())
    uids = [message.uid for message in stored.messages]
    session.write(announcing.flags_lines(session.folder, session.modes, uids, with_uid=by_uid))
    if session.wants_flush:
        await session.flush()
    view.mark_told(uids)


async def _tell_modseqs(session: Session, uids: Iterable[int], *, by_uid: bool) -> None:
    """A client that keeps modseqs hears the new ones even after a silent STORE (RFC 7162 section 3.1.3)."""
    session.write(announcing.flags_lines(session.folder, session.modes, uids, with_uid=by_uid, with_flags=False))
    if session.wants_flush:
        await session.flush()


async def copy(session: Session, request: Copy) -> Reply:
    """COPY, MOVE (RFC 6851) and their UID forms; which became which is told by COPYUID (RFC 4315 section 3)."""
    selected = session.folder
    if request.is_move and not selected.is_writable:
        return _READ_ONLY
    uids = selected.view.resolve(request.messages, by_uid=request.by_uid)
    try:
        target = await session.at(request.mailbox, TO_INSERT, _target)
    except NoSuchFolder:
        return trouble.UNKNOWN_TARGET
    await selected.refresh_rights()
    if request.is_move and not TO_REMOVE.are_met(selected.place.rights):
        raise NoRight("no right to remove messages")
    sizes = {uid: selected.view.message(uid).size for uid in uids}
    grows = not (request.is_move and selected.folder.is_beside(target.folder))
    if grows:
        await check_room(session, target.place.owner, sum(sizes.values()), len(uids))
    copied = await selected.run(selected.folder.move if request.is_move else selected.folder.copy, uids, target.folder, target.place.rights)
    if not copied.uids:
        return trouble.EXPUNGED if uids else ok("No messages to copy")
    if grows:
        await note_growth(session, target.place.owner, sum(sizes[old] for old, _ in copied.uids), len(copied.uids))
    if not request.is_move:
        return ok("Done", _copyuid(copied, target))
    if code := _copyuid(copied, target):
        session.write(b"* OK [%b] Moved\r\n" % code)  # RFC 6851 section 4.3: before the expunges, so it cannot wait for the tagged reply
    return await _tell_removed(session)


class _Target(NamedTuple):
    """Where messages go."""

    place: Place
    folder: Folder


def _target(place: Place) -> _Target:
    return _Target(place, place.folder())


def _copyuid(copied: Copied, target: _Target) -> bytes:
    """Nothing for who may not read there: the UIDs would tell him what is (RFC 4315 section 3)."""
    if Right.READ not in target.place.rights:
        return b""
    before, after = compact(old for old, _ in copied.uids), compact(new for _, new in copied.uids)
    return b"COPYUID %d %b %b" % (copied.uidvalidity, before, after)


async def expunge(session: Session, _request: Bare) -> Reply:
    """EXPUNGE (RFC 3501 section 6.4.3)."""
    return await _expunge(session, None)


async def expunge_uids(session: Session, request: ExpungeUids) -> Reply:
    """UID EXPUNGE (RFC 4315 section 2.1)."""
    return await _expunge(session, session.folder.view.resolve(request.messages, by_uid=True))


async def _expunge(session: Session, uids: Sequence[int] | None) -> Reply:
    selected = session.folder
    if not selected.is_writable:
        return _READ_ONLY
    await selected.refresh_rights()
    if not selected.may(Right.EXPUNGE):
        raise NoRight("no right to expunge")
    removed = await selected.run(selected.folder.expunge, uids)
    return await _tell_removed(session) if removed else ok("Done")


async def _tell_removed(session: Session) -> Reply:
    """Tell which are gone, so that the reply can name the modseq that this leads to (RFC 7162 section 3.2.7).

    When the look at the folder fails they are gone all the same. The next one tells it, or the end of the session: the one that follows each command.
    """
    selected = session.folder
    with suppress(Ending, *trouble.TROUBLES):
        await selected.look()
        session.announce(selected.view.announce(may_expunge=True, tells_flags=session.tells_flags))
        return ok("Done", b"HIGHESTMODSEQ %d" % selected.view.told_modseq if Mode.QRESYNC in session.modes else b"")
    return ok("Done")
