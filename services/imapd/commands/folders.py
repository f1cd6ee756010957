"""Making and changing folders: CREATE, DELETE, RENAME, SUBSCRIBE, UNSUBSCRIBE, and STATUS."""

from bisect import bisect_left
from collections.abc import Callable, Mapping, Sequence

from services.imapd.grammar.requests import ChangeFolder, FolderVerb, Rename, Status, StatusItem
from services.imapd.grammar.responses import Reply, mailbox, ok
from services.imapd.session import Session
from services.kernel.mailbox import names
from services.kernel.mailbox.user import UserMail

_WORK: Mapping[FolderVerb, Callable[[UserMail, str], object]] = {
    # RFC 3501 section 6.3.3: a separator at the end only says that folders below will follow
    FolderVerb.CREATE: lambda user, name: user.create(name.removesuffix(names.SEPARATOR)),
    FolderVerb.DELETE: lambda user, name: user.delete(name),
    FolderVerb.SUBSCRIBE: lambda user, name: user.subscribe(name),
    FolderVerb.UNSUBSCRIBE: lambda user, name: user.unsubscribe(name),
}


async def change(session: Session, request: ChangeFolder) -> Reply:
    """CREATE, DELETE, SUBSCRIBE, UNSUBSCRIBE (RFC 3501 sections 6.3.3 to 6.3.7)."""
    if request.verb is FolderVerb.DELETE:
        _leave(session, request.mailbox)
    await session.house.store.run(_WORK[request.verb], session.user, request.mailbox)
    return ok("Done")


async def rename(session: Session, request: Rename) -> Reply:
    """RENAME (RFC 3501 section 6.3.5)."""
    if names.normalize(request.old) != names.INBOX:
        _leave(session, request.old)
    await session.house.store.run(session.user.rename, request.old, request.new.removesuffix(names.SEPARATOR))
    return ok("Done")


def _leave(session: Session, name: str) -> None:
    """A session that takes its own selected folder away has none selected then."""
    if session.selected is not None and session.selected.folder.name == names.normalize(name):
        session.selected = None


async def status(session: Session, request: Status) -> Reply:
    """STATUS (RFC 3501 section 6.3.10)."""
    session.write(await status_line(session, request.mailbox, request.items))
    return ok("Done")


async def status_line(session: Session, name: str, items: Sequence[StatusItem]) -> bytes:
    """Return the STATUS reply of a folder. Raises ``NoSuchFolder``, ``MailboxTrouble``."""
    figures = await session.house.store.run(_figures, session.user, name)
    told = b" ".join(b"%b %d" % (item.encode(), figures[item]) for item in items)
    return b"* STATUS %b (%b)\r\n" % (mailbox(name), told)


def _figures(user: UserMail, name: str) -> dict[StatusItem, int]:
    folder = user.folder(name)
    found = folder.status()
    unclaimed = folder.uids() if found.recent_from < found.uidnext else ()
    return {
        StatusItem.MESSAGES: found.messages,
        StatusItem.RECENT: len(unclaimed) - bisect_left(unclaimed, found.recent_from),
        StatusItem.UIDNEXT: found.uidnext,
        StatusItem.UIDVALIDITY: found.uidvalidity,
        StatusItem.UNSEEN: found.unseen,
    }
