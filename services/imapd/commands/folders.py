"""Making and changing folders: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, and STATUS."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

from services.imapd import namespace, naming
from services.imapd.access import TO_READ, Access, Place
from services.imapd.grammar.requests import ChangeFolder, FolderVerb, Rename, Status, StatusItem
from services.imapd.grammar.responses import Reply, ok
from services.imapd.modes import Mode
from services.imapd.session import Session
from services.kernel.mailbox import names

_WORK: Mapping[FolderVerb, Callable[[Access, ChangeFolder], object]] = {
    # RFC 3501 section 6.3.3: a separator at the end only says that folders below will follow
    FolderVerb.CREATE: lambda access, request: _create(access, request.mailbox.removesuffix(namespace.separator(request.mailbox)), request.uses),
    FolderVerb.DELETE: lambda access, request: access.delete(request.mailbox),
    FolderVerb.SUBSCRIBE: lambda access, request: access.subscribe(request.mailbox),
    FolderVerb.UNSUBSCRIBE: lambda access, request: access.unsubscribe(namespace.normalize(request.mailbox)),
}


def _create(access: Access, mailbox: str, uses: tuple[str, ...]) -> bytes:
    place = access.create(mailbox, uses)
    return place.mailbox_id(place.folder())


async def change(session: Session, request: ChangeFolder) -> Reply:
    """CREATE, DELETE, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 sections 6.3.3 to 6.3.7)."""
    if request.verb is not FolderVerb.UNSUBSCRIBE:
        await session.know_owner(request.mailbox)
    result = await session.run(_WORK[request.verb], session.access, request)
    if request.verb is FolderVerb.DELETE:
        _leave(session, namespace.normalize(request.mailbox))
    if not isinstance(result, bytes):
        return ok("Done")
    session.write(naming.told_if_other(session, request.mailbox))
    return ok("Done", b"MAILBOXID (%b)" % result)  # RFC 8474 section 4.1


async def rename(session: Session, request: Rename) -> Reply:
    """RENAME (RFC 3501 section 6.3.5)."""
    await session.know_owner(request.old)
    new = request.new.removesuffix(namespace.separator(request.new))
    before, after = await session.run(session.access.rename, request.old, new)
    if before != names.INBOX:
        _leave(session, before, with_those_below=True)
        if session.is_rev2:
            session.write(naming.told(session, after, before))
    return ok("Done")


def _leave(session: Session, name: str, *, with_those_below: bool = False) -> None:
    """A session that takes its own selected folder away has none selected then."""
    if session.selected is None:
        return
    selected = session.selected.place.told
    if selected == name or (with_those_below and namespace.is_below(selected, name)):
        session.selected = None


async def status(session: Session, request: Status) -> Reply:
    """STATUS (RFC 3501 section 6.3.10)."""
    if StatusItem.HIGHESTMODSEQ in request.items:
        session.enable(Mode.CONDSTORE)  # RFC 7162 section 3.1
    session.write(await status_line(session, request.mailbox, request.items))
    return ok("Done")


async def status_line(session: Session, name: str, items: Sequence[StatusItem]) -> bytes:
    """Return the STATUS reply of a folder. Raises ``NoSuchFolder``, ``NoRight``, ``MailboxTrouble``."""
    figures = await session.at(name, TO_READ, lambda place: _figures(place, items))
    figures[StatusItem.APPENDLIMIT] = b"%d" % session.house.message_size_limit
    told = b" ".join(b"%b %b" % (item.encode(), figures[item]) for item in items)
    return b"* STATUS %b (%b)\r\n" % (session.mailbox_form(name), told)


def _figures(place: Place, items: Sequence[StatusItem]) -> dict[StatusItem, bytes]:
    folder = place.folder()
    found = folder.status()
    figures = {
        StatusItem.MESSAGES: found.messages,
        StatusItem.UIDNEXT: found.uidnext,
        StatusItem.UIDVALIDITY: found.uidvalidity,
        StatusItem.UNSEEN: found.unseen,
        StatusItem.SIZE: found.size_bytes,
        StatusItem.HIGHESTMODSEQ: found.highestmodseq,
    }
    if StatusItem.RECENT in items:
        unclaimed = folder.uids() if place.is_own and found.recent_from < found.uidnext else ()
        figures[StatusItem.RECENT] = len(unclaimed) - bisect_left(unclaimed, found.recent_from)
    if not {StatusItem.DELETED, StatusItem.DELETED_STORAGE}.isdisjoint(items):
        deleted = folder.deleted()
        figures |= {StatusItem.DELETED: deleted.messages, StatusItem.DELETED_STORAGE: deleted.size_bytes}
    told = {item: b"%d" % figure for item, figure in figures.items()}
    return told | {StatusItem.MAILBOXID: b"(%b)" % place.mailbox_id(folder)} if StatusItem.MAILBOXID in items else told
