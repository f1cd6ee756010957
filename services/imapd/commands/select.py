"""Opening and closing a folder: SELECT, EXAMINE, CLOSE, UNSELECT."""

from services.imapd import announcing, naming, resync
from services.imapd.announcing import permanent_flags
from services.imapd.grammar.requests import Bare, Resync, Select
from services.imapd.grammar.responses import Reply, bad, flag_list, ok
from services.imapd.modes import Mode
from services.imapd.selected import LAST_MODSEQ, Opening, Selected, open_folder
from services.imapd.session import Session
from services.kernel.mailbox.acl import Right


async def select(session: Session, request: Select) -> Reply:
    """SELECT and EXAMINE (RFC 3501 section 6.3.1, RFC 7162). When the folder cannot be opened none is selected any more."""
    known = request.resync
    if known is not None and Mode.QRESYNC not in session.modes:
        return bad("ENABLE QRESYNC first")  # RFC 7162 section 3.2.5
    if session.selected is not None:
        session.selected = None
        session.write(b"* OK [CLOSED] Previous mailbox closed\r\n")  # RFC 7162 section 3.2.11
    if request.wants_modseqs:
        session.enable(Mode.CONDSTORE)
    how = Opening(
        request.mailbox,
        request.is_writable,
        claims=request.is_writable and not session.is_rev2,  # RFC 9051 has no recent messages
        since=known.modseq if known is not None else LAST_MODSEQ,
    )
    await session.know_owner(request.mailbox)
    selected = await open_folder(session.house.store, session.access, how)
    session.open(selected)
    session.house.filler.wish(selected.place.owner, selected.folder)
    session.write(_introduction(session, selected, request))
    if known is not None and known.uidvalidity == selected.status.uidvalidity:
        await _catch_up(session, selected, known)
    return ok("Done", b"READ-WRITE" if selected.is_writable else b"READ-ONLY")


def _introduction(session: Session, selected: Selected, request: Select) -> bytes:
    view, status = selected.view, selected.status
    uidnext = max(status.uidnext, view.uids[-1] + 1) if view.uids else status.uidnext
    unseen = view.first_unseen() if not session.modes & {Mode.IMAP4REV2, Mode.UIDONLY} else None
    lines = [
        b"* FLAGS %b\r\n" % flag_list(view.flags),
        permanent_flags(selected),
        b"* %d EXISTS\r\n" % view.count,
        b"* %d RECENT\r\n" % view.recent if not session.is_rev2 else b"",
        b"* OK [UNSEEN %d] First unseen\r\n" % unseen if unseen is not None else b"",
        b"* OK [UIDVALIDITY %d] UIDs valid\r\n" % status.uidvalidity,
        b"* OK [UIDNEXT %d] Predicted next UID\r\n" % uidnext,
        selected.highestmodseq_line(),
        b"* OK [MAILBOXID (%b)] Ok\r\n" % selected.mailbox_id,  # RFC 8474 section 4.2
        naming.told(session, selected.place.told, request.mailbox) if session.is_rev2 else b"",  # RFC 9051 section 6.3.2
    ]
    return b"".join(lines)


async def _catch_up(session: Session, selected: Selected, known: Resync) -> None:
    """Tell what vanished and changed since the client was here (RFC 7162 section 3.2.5.1)."""
    columns, uidnext = selected.view.columns, selected.status.uidnext
    gone = resync.vanished(selected.vanished, columns.uids, resync.known_spans(known, columns.uids, uidnext))
    if gone:
        session.write(b"* VANISHED (EARLIER) %b\r\n" % resync.form(gone))
    spans = known.known.spans(uidnext - 1) if known.known is not None else [(1, uidnext - 1)]
    for uid in resync.within(columns.uids, spans):
        if columns.modseqs[selected.view.number(uid) - 1] > known.modseq:
            session.write(announcing.flags_lines(selected, session.modes, (uid,)))
            if session.wants_flush:
                await session.flush()


async def close(session: Session, _request: Bare) -> Reply:
    """CLOSE (RFC 3501 section 6.4.2): expunges without telling, unless the folder was examined or there is no right to."""
    selected = session.folder
    await selected.refresh_rights()
    if selected.may(Right.EXPUNGE):
        await selected.run(selected.folder.expunge)
    session.selected = None
    return ok("Done")


async def unselect(session: Session, _request: Bare) -> Reply:
    """UNSELECT (RFC 3691): closes and expunges nothing."""
    session.selected = None
    return ok("Done")
