"""Changing and filing messages: STORE, COPY, MOVE, EXPUNGE."""

from collections.abc import Mapping, Sequence

from services.imapd import trouble
from services.imapd.commands.quota import check_room
from services.imapd.grammar.requests import Bare, Copy, ExpungeUids, Store, StoreWord
from services.imapd.grammar.responses import Reply, no, ok
from services.imapd.grammar.sequence import compact
from services.imapd.session import Session
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import Copied, FlagChange, FlagWord, Stored
from services.kernel.mailbox.trouble import NoSuchFolder

_READ_ONLY = no("Mailbox is open for reading only", b"READ-ONLY")
_WORDS: Mapping[StoreWord, FlagWord] = {
    StoreWord.ADD: FlagWord.ADD,
    StoreWord.REMOVE: FlagWord.REMOVE,
    StoreWord.REPLACE: FlagWord.REPLACE,
}


async def store(session: Session, request: Store) -> Reply:
    """STORE and UID STORE (RFC 3501 section 6.4.6)."""
    selected = session.folder
    if not selected.is_writable:
        return _READ_ONLY
    uids = selected.view.resolve(request.messages, by_uid=request.by_uid)
    change = FlagChange(_WORDS[request.word], selected.spelled(request.flags))
    stored = await selected.run(selected.folder.store_flags, uids, change) if uids else Stored((), ())
    if request.is_silent:
        selected.view.note_silent_store(stored.messages, change)
    else:
        await _tell_stored(session, stored, by_uid=request.by_uid)
    return trouble.EXPUNGED if uids and not stored.messages and not request.by_uid else ok("Done")


async def _tell_stored(session: Session, stored: Stored, *, by_uid: bool) -> None:
    view = session.folder.view
    view.refresh(stored.messages)
    session.announce(view.announce_flags())
    for message in stored.messages:
        form = b"* %d FETCH (UID %d FLAGS %b)\r\n" if by_uid else b"* %d FETCH (FLAGS %b)\r\n"
        numbers = (view.number(message.uid), message.uid) if by_uid else (view.number(message.uid),)
        session.write(form % (*numbers, session.shown_flags(message.uid)))
        if session.wants_flush:
            await session.flush()
    view.mark_told(message.uid for message in stored.messages)


async def copy(session: Session, request: Copy) -> Reply:
    """COPY, MOVE (RFC 6851) and their UID forms; which became which is told by COPYUID (RFC 4315 section 3)."""
    selected = session.folder
    if request.is_move and not selected.is_writable:
        return _READ_ONLY
    uids = selected.view.resolve(request.messages, by_uid=request.by_uid)
    try:
        target = await session.house.store.run(session.user.folder, request.mailbox)
    except NoSuchFolder:
        return trouble.UNKNOWN_TARGET
    if request.is_move:
        return await _move(session, uids, target)
    await check_room(session, sum(selected.view.message(uid).size for uid in uids), len(uids))
    copied = await selected.run(selected.folder.copy, uids, target)
    if copied.uids:
        return ok("Done", _copyuid(copied))
    return trouble.EXPUNGED if uids else ok("No messages to copy")


async def _move(session: Session, uids: Sequence[int], target: Folder) -> Reply:
    """RFC 6851 section 4.3: COPYUID is told before the expunges, so it cannot wait for the tagged reply."""
    selected = session.folder
    moved = await selected.run(selected.folder.move, uids, target)
    if moved.uids:
        session.write(b"* OK [%b] Moved\r\n" % _copyuid(moved))
        return ok("Done")
    return trouble.EXPUNGED if uids else ok("No messages to move")


def _copyuid(copied: Copied) -> bytes:
    before, after = compact(old for old, _ in copied.uids), compact(new for _, new in copied.uids)
    return b"COPYUID %d %b %b" % (copied.uidvalidity, before, after)


async def expunge(session: Session, _request: Bare) -> Reply:
    """EXPUNGE (RFC 3501 section 6.4.3); the look after it tells which are gone."""
    selected = session.folder
    if not selected.is_writable:
        return _READ_ONLY
    await selected.run(selected.folder.expunge)
    return ok("Done")


async def expunge_uids(session: Session, request: ExpungeUids) -> Reply:
    """UID EXPUNGE (RFC 4315 section 2.1)."""
    selected = session.folder
    if not selected.is_writable:
        return _READ_ONLY
    await selected.run(selected.folder.expunge, selected.view.resolve(request.messages, by_uid=True))
    return ok("Done")
