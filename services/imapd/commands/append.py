"""APPEND: the message comes as a literal and goes to a draft piece by piece, so that its size costs no memory."""

from services.imapd import trouble
from services.imapd.commands.quota import check_room
from services.imapd.grammar.framing import Block, Command, Offer
from services.imapd.grammar.requests import Append
from services.imapd.grammar.responses import Reply, bad, no, ok
from services.imapd.session import Session
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.records import Origin
from services.kernel.mailbox.trouble import MailboxTrouble, NoSuchFolder

PIECE_BYTES = 256 * 1024
"""Pieces are collected to this size before a thread writes them."""


async def receive(session: Session, request: Append, offer: Offer) -> Reply:
    """Take or refuse the literal on offer and add the message (RFC 3501 section 6.3.11, APPENDUID of RFC 4315)."""
    connection, store = session.connection, session.house.store
    try:
        folder = await _folder_for(session, request, offer.size)
    except trouble.TROUBLES as fault:
        connection.framer.refuse()
        if isinstance(fault, NoSuchFolder):
            return trouble.UNKNOWN_TARGET
        raise
    if isinstance(folder, Reply):
        connection.framer.refuse()
        return folder
    connection.framer.stream()
    if offer.is_waiting:
        await session.ask_for_literal()
    draft = store.draft()
    try:
        failure = await _fill(session, draft)
        if not await _ends(session, offer):
            return bad("Unexpected argument after the message")
        if failure is not None:
            raise failure
        added = await store.run(folder.append, draft, Origin(request.flags, request.internaldate))
    finally:
        draft.close()
    return ok("Done", b"APPENDUID %d %d" % (added.uidvalidity, added.uid))


async def _folder_for(session: Session, request: Append, size: int) -> Folder | Reply:
    """Return the folder, or the refusal of a message that it cannot take whatever is in it."""
    if size > session.house.message_size_limit:
        return no("Message is too large", b"TOOBIG")  # RFC 4469 section 4.2
    if size == 0:
        return no("Message is empty", b"CANNOT")
    folder = await session.house.store.run(session.user.folder, request.mailbox)
    await check_room(session, size)
    return folder


async def _fill(session: Session, draft: Draft) -> MailboxTrouble | None:
    """Write the literal to the draft. When that fails the rest is passed over, since it comes anyway, and the failure returned."""
    failure: MailboxTrouble | None = None
    pieces: list[bytes] = []
    size, is_last = 0, False
    while not is_last:
        event = await session.connection.next_event(session.house.settings.stall_seconds)
        assert isinstance(event, Block)
        pieces.append(event.data)
        size, is_last = size + len(event.data), event.is_last
        if failure is None and (is_last or size >= PIECE_BYTES):
            failure = await _write(session, draft, pieces)
        if size >= PIECE_BYTES:
            pieces, size = [], 0
    return failure


async def _write(session: Session, draft: Draft, pieces: list[bytes]) -> MailboxTrouble | None:
    try:
        await session.house.store.run(draft.write, b"".join(pieces))
    except MailboxTrouble as failure:
        return failure
    return None


async def _ends(session: Session, offer: Offer) -> bool:
    """Take what follows the literal; tell whether it was the end of the command."""
    event = await session.connection.next_event(session.house.settings.stall_seconds)
    if isinstance(event, Offer):
        session.connection.framer.refuse()
    return isinstance(event, Command) and event.text == offer.head
