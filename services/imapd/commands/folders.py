"""Making and changing folders: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, and STATUS."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

from services.imapd import naming
from services.imapd.grammar.requests import ChangeFolder, FolderVerb, Rename, Status, StatusItem
from services.imapd.grammar.responses import Reply, ok
from services.imapd.modes import Mode
from services.imapd.session import Session
from services.kernel.mailbox import names
from services.kernel.mailbox.trouble import NoSuchFolder
from services.kernel.mailbox.user import UserMail


def _subscribe(user: UserMail, name: str) -> None:
    """What is not there cannot be subscribed to (RFC 9051 section 6.3.7 leaves it open; clients expect it of Dovecot and Cyrus)."""
    if not any(info.name == name for info in user.folders()):
        raise NoSuchFolder(f"there is no folder {name}")
    user.subscribe(name)


_WORK: Mapping[FolderVerb, Callable[[UserMail, ChangeFolder], object]] = {
    # RFC 3501 section 6.3.3: a separator at the end only says that folders below will follow
    FolderVerb.CREATE: lambda user, request: user.create(request.mailbox.removesuffix(names.SEPARATOR), request.uses).mailbox_id(),
    FolderVerb.DELETE: lambda user, request: user.delete(request.mailbox),
    FolderVerb.SUBSCRIBE: lambda user, request: _subscribe(user, names.normalize(request.mailbox)),
    FolderVerb.UNSUBSCRIBE: lambda user, request: user.unsubscribe(request.mailbox),
}


async def change(session: Session, request: ChangeFolder) -> Reply:
    """CREATE, DELETE, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 sections 6.3.3 to 6.3.7)."""
    result = await session.house.store.run(_WORK[request.verb], session.user, request)
    if request.verb is FolderVerb.DELETE:
        _leave(session, request.mailbox)
    if request.verb is not FolderVerb.CREATE or not isinstance(result, str):
        return ok("Done")
    session.write(naming.told_if_other(session, request.mailbox))
    return ok("Done", b"MAILBOXID (%b)" % result.encode())  # RFC 8474 section 4.1


async def rename(session: Session, request: Rename) -> Reply:
    """RENAME (RFC 3501 section 6.3.5)."""
    old, new = names.normalize(request.old), names.normalize(request.new.removesuffix(names.SEPARATOR))
    await session.house.store.run(session.user.rename, old, new)
    if old != names.INBOX:
        _leave(session, old, with_those_below=True)
        if session.is_rev2:
            session.write(naming.told(session, new, old))
    return ok("Done")


def _leave(session: Session, name: str, *, with_those_below: bool = False) -> None:
    """A session that takes its own selected folder away has none selected then."""
    if session.selected is None:
        return
    selected, name = session.selected.folder.name, names.normalize(name)
    if selected == name or (with_those_below and selected.startswith(name + names.SEPARATOR)):
        session.selected = None


async def status(session: Session, request: Status) -> Reply:
    """STATUS (RFC 3501 section 6.3.10)."""
    if StatusItem.HIGHESTMODSEQ in request.items:
        session.enable(Mode.CONDSTORE)  # RFC 7162 section 3.1
    session.write(await status_line(session, request.mailbox, request.items))
    return ok("Done")


async def status_line(session: Session, name: str, items: Sequence[StatusItem]) -> bytes:
    """Return the STATUS reply of a folder. Raises ``NoSuchFolder``, ``MailboxTrouble``."""
    figures = await session.house.store.run(_figures, session.user, name, items)
    figures[StatusItem.APPENDLIMIT] = b"%d" % session.house.message_size_limit
    told = b" ".join(b"%b %b" % (item.encode(), figures[item]) for item in items)
    return b"* STATUS %b (%b)\r\n" % (session.mailbox_form(name), told)


def _figures(user: UserMail, name: str, items: Sequence[StatusItem]) -> dict[StatusItem, bytes]:
    folder = user.folder(name)
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
        unclaimed = folder.uids() if found.recent_from < found.uidnext else ()
        figures[StatusItem.RECENT] = len(unclaimed) - bisect_left(unclaimed, found.recent_from)
    if not {StatusItem.DELETED, StatusItem.DELETED_STORAGE}.isdisjoint(items):
        deleted = folder.deleted()
        figures |= {StatusItem.DELETED: deleted.messages, StatusItem.DELETED_STORAGE: deleted.size_bytes}
    told = {item: b"%d" % figure for item, figure in figures.items()}
    return told | {StatusItem.MAILBOXID: b"(%b)" % folder.mailbox_id().encode()} if StatusItem.MAILBOXID in items else told
