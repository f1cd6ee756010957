"""Opening and closing a folder: SELECT, EXAMINE, CLOSE, UNSELECT."""

from services.imapd.grammar.requests import Bare, Select
from services.imapd.grammar.responses import Reply, flag_list, ok
from services.imapd.selected import Selected, open_folder
from services.imapd.session import Session, permanent_flags


async def select(session: Session, request: Select) -> Reply:
    """SELECT and EXAMINE (RFC 3501 section 6.3.1). When the folder cannot be opened none is selected any more."""
    if session.selected is not None:
        session.selected = None
        session.write(b"* OK [CLOSED] Previous mailbox closed\r\n")  # RFC 7162 section 3.2.11
    selected = await open_folder(session.house.store, session.user, request.mailbox, is_writable=request.is_writable)
    session.selected = selected
    session.write(_introduction(selected))
    return ok("Done", b"READ-WRITE" if request.is_writable else b"READ-ONLY")


def _introduction(selected: Selected) -> bytes:
    view, status = selected.view, selected.status
    uidnext = max(status.uidnext, view.uids[-1] + 1) if view.uids else status.uidnext
    unseen = view.first_unseen()
    lines = [
        b"* FLAGS %b\r\n" % flag_list(view.flags),
        permanent_flags(selected),
        b"* %d EXISTS\r\n* %d RECENT\r\n" % (view.count, view.recent),
        b"* OK [UNSEEN %d] First unseen\r\n" % unseen if unseen is not None else b"",
        b"* OK [UIDVALIDITY %d] UIDs valid\r\n" % status.uidvalidity,
        b"* OK [UIDNEXT %d] Predicted next UID\r\n" % uidnext,
    ]
    return b"".join(lines)


async def close(session: Session, _request: Bare) -> Reply:
    """CLOSE (RFC 3501 section 6.4.2): expunges without telling, unless the folder was examined."""
    selected = session.folder
    if selected.is_writable:
        await selected.run(selected.folder.expunge)
    session.selected = None
    return ok("Done")


async def unselect(session: Session, _request: Bare) -> Reply:
    """UNSELECT (RFC 3691): closes and expunges nothing."""
    session.selected = None
    return ok("Done")
