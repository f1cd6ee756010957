"""APPEND and REPLACE: messages come as literals and go to drafts piece by piece, so that their size costs no memory.

Each message is staged as soon as it is complete; all of one command are admitted to the folder together, or none (RFC 3502 section 6.3.11). What
cannot be done is answered at once: a literal that the client waits to send is refused, one that it sends unasked is passed over.
"""

from services.imapd import trouble
from services.imapd.access import TO_INSERT, TO_REMOVE, Place
from services.imapd.commands import catenate
from services.imapd.commands.quota import check_room, note_growth
from services.imapd.grammar.append import AppendReader, Content, EndOfMessage, NewMessage, Replaced, Spelling, Step, Url
from services.imapd.grammar.framing import MAX_COMMAND_BYTES, Block, Command, Offer
from services.imapd.grammar.responses import Reply, bad, no, ok
from services.imapd.grammar.scanner import BadSyntax
from services.imapd.grammar.sequence import SequenceSet, compact
from services.imapd.modes import Mode
from services.imapd.selected import Selected
from services.imapd.session import Session
from services.kernel.mail.mime import textual
from services.kernel.mailbox import acl
from services.kernel.mailbox.acl import Right
from services.kernel.mailbox.arrival import Arrival, Staged
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.trouble import MailboxTrouble, NoRight, NoSuchFolder

PIECE_BYTES = 256 * 1024
"""Pieces are collected to this size before a thread writes them."""

_TOO_LARGE = no("Message is too large", b"TOOBIG")  # RFC 4469 section 4.2
_EMPTY = no("Message is empty", b"CANNOT")
_TOO_MANY = no("Too many messages in one command", b"LIMIT")
_UNKNOWN_ENCODING = no("Message holds NUL where it cannot be encoded", b"UNKNOWN-CTE")
_NOT_SELECTED = bad("No mailbox is selected")
_READ_ONLY = no("Mailbox is open for reading only", b"READ-ONLY")


class _Refused(Exception):
    """The command is refused with this reply."""

    def __init__(self, reply: Reply) -> None:
        super().__init__(reply.text)
        self.reply = reply


async def receive(session: Session, reader: AppendReader, event: Offer | Command) -> Reply:
    """Do the command that ``reader`` has begun, of which ``event`` is what came last. Raises ``TROUBLES``."""
    receiver = _Receiver(session, reader, event)
    try:
        return await receiver.run()
    except _Refused as refused:
        return refused.reply
    except BadSyntax as fault:
        return bad(str(fault))
    finally:
        await receiver.close()


class _Receiver:
    """One command on its way in."""

    def __init__(self, session: Session, reader: AppendReader, event: Offer | Command) -> None:
        self._session = session
        self._store = session.house.store
        self._reader = reader
        self._event: Offer | Command = event
        self._is_answered = False
        self._place: Place | None = None
        self._folder: Folder | None = None
        self._old: int | None = None
        self._message = NewMessage(frozenset(), None)
        self._draft: Draft | None = None
        self._is_binary = False
        self._arrivals: list[Arrival] = []
        self._bytes = 0

    async def close(self) -> None:
        """Refuse a literal that is still on offer, and give back what was not admitted."""
        if isinstance(self._event, Offer) and not self._is_answered:
            self._session.connection.framer.refuse()
        if self._draft is not None:
            self._draft.close()
        if self._folder is not None and self._arrivals:
            await self._session.run(self._folder.discard, [staged for staged, _ in self._arrivals])

    async def run(self) -> Reply:
        self._old = await self._replaced(self._reader.replaced) if self._reader.replaced is not None else None
        try:
            place, folder = await self._session.at(self._reader.mailbox, TO_INSERT, lambda place: (place, place.folder()))
            self._place, self._folder = place, folder
        except NoSuchFolder:
            return trouble.UNKNOWN_TARGET
        for step in self._reader.steps():
            await self._follow(step)
        return await self._admit(folder)

    async def _replaced(self, asked: Replaced) -> int:
        """The UID of the message to replace. Raises ``NoSuchNumber``, ``NoRight``."""
        selected = self._session.selected
        if selected is None:
            raise _Refused(_NOT_SELECTED)
        if not selected.is_writable:
            raise _Refused(_READ_ONLY)
        if Mode.UIDONLY in self._session.modes and not asked.by_uid:
            raise _Refused(trouble.UID_REQUIRED)
        await self._check_removal(selected)
        found = selected.view.resolve(SequenceSet(((asked.number, asked.number),)), by_uid=asked.by_uid)
        if not found or selected.view.is_gone(found[0]):
            raise _Refused(trouble.EXPUNGED)
        return found[0]

    async def _check_removal(self, selected: Selected) -> None:
        await selected.refresh_rights()
        if not TO_REMOVE.are_met(selected.place.rights):
            raise NoRight("no right to remove messages")

    async def _follow(self, step: Step) -> None:
        match step:
            case NewMessage():
                self._message, self._draft, self._is_binary = step, self._store.draft(), False
            case Content(is_binary):
                self._is_binary |= is_binary
                await self._take_content()
            case Spelling():
                await self._take_spelling()
            case Url(url):
                await self._take_part(url)
            case EndOfMessage():
                await self._stage()

    # Content

    async def _take_content(self) -> None:
        offer = self._offer()
        await self._check_size(offer.size)
        self._session.connection.framer.stream()
        await self._answer(offer)
        failure = await self._fill()
        await self._next()
        if failure is not None:
            raise failure

    async def _take_spelling(self) -> None:
        offer = self._offer()
        if not offer.fits:
            raise _Refused(bad("Literal is too large", b"TOOBIG"))
        self._session.connection.framer.accept()
        await self._answer(offer)
        await self._next()

    def _offer(self) -> Offer:
        if not isinstance(self._event, Offer):
            raise BadSyntax("Literal expected")
        if len(self._event.head) > MAX_COMMAND_BYTES:
            raise _Refused(_TOO_MANY)
        return self._event

    async def _answer(self, offer: Offer) -> None:
        self._is_answered = True
        if offer.is_waiting:
            await self._session.ask_for_literal()

    async def _next(self) -> None:
        """Take what follows a literal: the next one, or the end of the command."""
        event = await self._session.connection.next_event(self._session.house.settings.stall_seconds)
        if isinstance(event, Offer):
            self._event, self._is_answered = event, False
            self._reader.grow(event.head)
        elif isinstance(event, Command):
            self._event = event
            self._reader.grow(event.text)
        else:
            raise _Refused(bad("Line is too long"))

    async def _fill(self) -> MailboxTrouble | None:
        """Write the literal to the draft. When that fails the rest is passed over, since it comes anyway, and the failure returned."""
        failure: MailboxTrouble | None = None
        pieces: list[bytes] = []
        size, is_last = 0, False
        while not is_last:
            event = await self._session.connection.next_event(self._session.house.settings.stall_seconds)
            assert isinstance(event, Block)
            pieces.append(event.data)
            size, is_last = size + len(event.data), event.is_last
            if failure is None and (is_last or size >= PIECE_BYTES):
                failure = await self._write(pieces)
            if size >= PIECE_BYTES:
                pieces, size = [], 0
        return failure

    async def _write(self, pieces: list[bytes]) -> MailboxTrouble | None:
        assert self._draft is not None
        try:
            await self._session.run(self._draft.write, b"".join(pieces))
        except MailboxTrouble as failure:
            return failure
        return None

    async def _take_part(self, url: bytes) -> None:
        assert self._draft is not None
        part = await catenate.find(self._session, url)
        if part is None:
            raise _Refused(no("No such message or part", b"BADURL %b" % catenate.shown(url)))
        await self._check_size(part.size)
        await self._session.run(catenate.write, part, self._draft)

    async def _check_size(self, size: int) -> None:
        """Refuse what would be too much, before it comes."""
        assert self._draft is not None
        if self._draft.size + size > self._session.house.message_size_limit:
            raise _Refused(_TOO_LARGE)
        await self._check_room(self._bytes + self._draft.size + size, len(self._arrivals) + 1)

    async def _check_room(self, size: int, messages: int) -> None:
        assert self._place is not None and self._folder is not None
        if self._old is not None and self._folder.is_beside(self._session.folder.folder):
            size -= self._session.folder.view.message(self._old).size
            messages -= 1
        await check_room(self._session, self._place.owner, size, messages)

    # Messages

    async def _stage(self) -> None:
        assert self._draft is not None and self._folder is not None
        if self._draft.size == 0:
            raise _Refused(_EMPTY)
        staged = await self._session.run(self._folder.stage, self._draft, self._message.internaldate)
        self._arrivals.append(Arrival(staged, self._message.flags))
        if self._is_binary:
            self._arrivals[-1] = Arrival(await self._as_text(self._folder, staged), self._message.flags)
        self._bytes += staged.served
        self._draft.close()

    async def _as_text(self, folder: Folder, staged: Staged) -> Staged:
        """Stage a message anew without binary parts: it is served in literals, which hold no NUL (RFC 3516 section 4.4). Raises ``_Refused``."""
        assert self._draft is not None
        self._draft.close()
        self._draft = self._store.draft()
        if not await self._session.run(_write_as_text, folder, staged, self._draft):
            raise _Refused(_UNKNOWN_ENCODING)
        anew = await self._session.run(folder.stage, self._draft, self._message.internaldate)
        await self._session.run(folder.discard, [staged])
        return anew

    async def _admit(self, folder: Folder) -> Reply:
        """APPENDUID (RFC 4315 section 3), to who may read there; for REPLACE it is told before the expunge (RFC 8508 section 3.4).

        A literal may take long to come: what the user may do is asked again.
        """
        try:
            place = await self._session.at(self._reader.mailbox, TO_INSERT, lambda place: place)
        except NoSuchFolder:
            return trouble.UNKNOWN_TARGET
        may_read = Right.READ in place.rights
        # RFC 4314 section 4: flags that he may not set are left out
        arrivals = [Arrival(staged, acl.settable(flags, place.rights)) for staged, flags in self._arrivals]
        if self._old is None:
            uids = await self._session.run(folder.admit, arrivals)
            self._arrivals = []
            await note_growth(self._session, place.owner, self._bytes, len(arrivals))
            return ok("Done", b"APPENDUID %d %b" % (folder.uidvalidity, compact(uids)) if may_read else b"")
        selected = self._session.folder
        await self._check_removal(selected)
        old_bytes, old_messages = (selected.view.message(self._old).size, 1) if folder.is_beside(selected.folder) else (0, 0)
        uid = await self._session.run(folder.replace, arrivals[0], selected.folder, self._old)
        self._arrivals = []
        await note_growth(self._session, place.owner, self._bytes - old_bytes, 1 - old_messages)
        if may_read:
            self._session.write(b"* OK [APPENDUID %d %d] Replaced\r\n" % (folder.uidvalidity, uid))
        return ok("Done")


def _write_as_text(folder: Folder, staged: Staged, draft: Draft) -> bool:
    """Write a staged message to a draft without its binary parts; false when NUL is left. Blocks. Raises ``MailboxTrouble``."""
    content = folder.staged_content(staged)
    for piece in textual.pieces(content):
        if b"\0" in piece:
            return False
        draft.write(piece)
    return True
