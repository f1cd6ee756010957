"""The life of a session: greeting, commands in the order they come, farewell."""

import time
import traceback
from collections.abc import Awaitable
from contextlib import nullcontext

from services.imapd import trouble
from services.imapd.commands import append
from services.imapd.commands.notify import tell_new, tell_selected
from services.imapd.commands.table import Entry, Telling, entry_for, may_take_long, uses_numbers
from services.imapd.connection import Connection
from services.imapd.ending import Ending
from services.imapd.extensions import capabilities
from services.imapd.grammar import append as append_grammar
from services.imapd.grammar import parser
from services.imapd.grammar.append import AppendReader
from services.imapd.grammar.framing import Block, Command, Event, Offer, Overflow
from services.imapd.grammar.parser import BadCommand, Tagged
from services.imapd.grammar.responses import Condition, Reply, bad, printable
from services.imapd.modes import Mode
from services.imapd.progress import Ticker
from services.imapd.session import House, Session, State
from services.kernel.wire.events import Kind

UNAUTHENTICATED_BYTES = 8_192
"""Of a command with literals before a login: a name and a password are short."""
LINGER_SECONDS = 5.0
"""How long a closing connection may take to send what is left."""
_REPORT_CHARACTERS = 4_000
"""Of a defect's traceback; its end tells where it happened."""


class Dialogue:
    """One client's session from its first byte to its last."""

    def __init__(self, house: House, connection: Connection) -> None:
        self._house = house
        self._connection = connection
        self._session = Session(house, connection)
        self._started = time.monotonic()
        self._bad_commands = 0
        self._last_command = self._started

    async def run(self) -> None:
        """Serve the client until it leaves. Never raises."""
        is_admitted = self._house.admission.enter()
        reason = "logout"
        try:
            if not is_admitted:
                self._turn_away()
            await self._converse()
        except Ending as end:
            reason = end.reason
            self._say_farewell(end)
        except Exception as defect:  # noqa: BLE001  # the root of this task: no session may end the process
            reason = "defect"
            self._report(defect)
            self._say_farewell(Ending(reason, "[SERVERBUG] Internal error; try again later"))
        finally:
            if is_admitted:
                self._house.admission.leave()
            self._leave(reason)
            await self._connection.finish(LINGER_SECONDS)

    def _leave(self, reason: str) -> None:
        if self._session.notices is not None:
            self._session.notices.close()
        if self._session.address:
            self._house.admission.sign_out(self._session.address)
            self._tell_logout(reason)

    async def _converse(self) -> None:
        session = self._session
        await self._house.sasl.look()
        greeting = f"* OK [CAPABILITY {capabilities(session)}] {self._house.hostname} ready\r\n"
        session.write(greeting.encode("ascii", "replace"))
        await session.flush()
        while session.state is not State.OVER:
            event = await self._next_event()
            match event:
                case None | Command(b""):
                    pass  # some clients send one line end too many after a literal
                case Command(text):
                    await self._answer(text)
                case Offer():
                    await self._take_offer(event)
                case Overflow(head):
                    await self._end(parser.tag_of(head), bad("Line is too long"))
                case Block():
                    raise AssertionError("a block comes only to who asked for it")

    async def _next_event(self) -> Event | None:
        """Wait for the client, and meanwhile tell what it asked to hear by NOTIFY; ``None`` then."""
        notices = self._session.notices
        if notices is None:
            return await self._connection.next_event(self._patience())
        if notices.has_rung:
            try:
                await notices.tell()
            except trouble.TROUBLES as fault:  # the next bell brings it
                self._tell(Kind.TROUBLE, reason=f"{type(fault).__name__}: {fault}")
        spent = time.monotonic() - self._last_command
        return await self._connection.next_event_or_bell(max(self._patience() - spent, 0.0))

    def _patience(self) -> float:
        """Seconds until autologout. A client has so long to sign in, whatever it says meanwhile."""
        settings = self._house.settings
        if self._session.state is State.NOT_AUTHENTICATED:
            return settings.login_seconds - (time.monotonic() - self._started)
        return settings.idle_seconds

    async def _take_offer(self, offer: Offer) -> None:
        session, framer, tag = self._session, self._connection.framer, parser.tag_of(offer.head)
        is_known = session.state is not State.NOT_AUTHENTICATED
        if is_known and (reader := self._begin_append(offer.head)) is not None:
            # no defect is caught here: in the middle of a literal there is no way to go on
            await self._end(tag, await self._refusing(self._append(tag, reader, offer)))
        elif offer.fits and (is_known or len(offer.head) + offer.size <= UNAUTHENTICATED_BYTES):
            framer.accept()
            if offer.is_waiting:
                await session.ask_for_literal()
        else:
            framer.refuse()
            await self._end(tag, bad("Literal is too large", b"TOOBIG"))

    def _begin_append(self, text: bytes) -> AppendReader | None:
        """A command that takes messages, up to where its first literal, or its end, has come."""
        return append_grammar.begin(text, has_utf8=self._session.has_utf8)

    async def _append(self, tag: bytes, reader: AppendReader, event: Offer | Command) -> Reply:
        reply = await append.receive(self._session, reader, event)
        await self._tell_rest(Telling.AFTER, tag, reply)
        return reply

    async def _answer(self, text: bytes) -> None:
        if self._session.state is not State.NOT_AUTHENTICATED and (reader := self._begin_append(text)) is not None:
            tag = parser.tag_of(text)
            await self._end(tag, await self._guarded(self._append(tag, reader, Command(text))))
            return
        try:
            tagged = parser.parse(text, has_utf8=self._session.has_utf8)
        except BadCommand as fault:
            await self._end(fault.tag, fault.reply)
            return
        self._session.tag = tagged.tag
        entry = entry_for(tagged.request)
        if self._session.state not in entry.states:
            await self._end(tagged.tag, bad("Not in this state"))
        elif Mode.UIDONLY in self._session.modes and uses_numbers(tagged.request):
            await self._end(tagged.tag, trouble.UID_REQUIRED)
        else:
            with Ticker(self._session, tagged.tag) if may_take_long(tagged.request) else nullcontext():
                reply = await self._guarded(self._perform(tagged, entry))
            await self._end(tagged.tag, reply)
        if self._session.wants_tls:
            self._session.wants_tls = False
            await self._connection.start_tls(self._house.tls())
        if self._session.wants_compression:
            self._session.wants_compression = False
            self._connection.compress()

    async def _perform(self, tagged: Tagged, entry: Entry) -> Reply:
        session, telling = self._session, entry.telling_after(tagged.request)
        if session.selected is not None and telling in (Telling.NUMBERS_STAND, Telling.BEFORE):
            await session.selected.look()
            await tell_new(session)
        reply = await entry.perform(session, tagged.request)
        await self._tell_rest(telling, tagged.tag, reply)
        is_due = telling is Telling.NUMBERS_STAND and session.selected is not None and session.selected.view.has_gone
        return trouble.with_expunges_due(reply) if is_due else reply

    async def _tell_rest(self, telling: Telling, tag: bytes, reply: Reply) -> None:
        """Tell what else happened in the selected folder. The command is done: ``reply`` holds, whatever fails now."""
        try:
            await self._tell_happened(telling)
        except Ending:
            self._session.write(reply.line(tag))
            self._session.send()
            raise
        except trouble.TROUBLES as fault:  # the next command finds it again
            self._tell(Kind.TROUBLE, reason=f"{type(fault).__name__}: {fault}")

    async def _tell_happened(self, telling: Telling) -> None:
        selected = self._session.selected
        if selected is None or telling is Telling.NOTHING:
            return
        if telling is Telling.AFTER:
            await selected.look()
        await tell_selected(self._session, may_expunge=telling is not Telling.NUMBERS_STAND)

    async def _guarded(self, work: Awaitable[Reply]) -> Reply:
        """Do a command. A defect is the end of the command, not of the session, which may have a message that is to blame among thousands."""
        try:
            return await self._refusing(work)
        except Ending:
            raise
        except Exception as defect:  # noqa: BLE001  # the root of a command
            self._report(defect)
            return trouble.DEFECT

    async def _refusing(self, work: Awaitable[Reply]) -> Reply:
        try:
            return await work
        except trouble.TROUBLES as fault:
            if trouble.is_ours(fault):
                self._tell(Kind.TROUBLE, reason=f"{type(fault).__name__}: {fault}")
            return trouble.reply_for(fault)

    async def _end(self, tag: bytes, reply: Reply) -> None:
        """Send what was said and the reply that ends it."""
        self._last_command = time.monotonic()
        self._bad_commands = self._bad_commands + 1 if reply.condition is Condition.BAD else 0
        is_over_limit = self._bad_commands >= self._house.settings.bad_commands
        if is_over_limit and self._session.state is not State.NOT_AUTHENTICATED:
            await self._connection.pause(self._house.settings.failure_delay_seconds)
        self._session.write(reply.line(tag))
        await self._session.flush()
        if is_over_limit and self._session.state is State.NOT_AUTHENTICATED:
            raise Ending("too many bad commands", "Too many bad commands")

    def _turn_away(self) -> None:
        self._tell(Kind.REJECTED, reason="too many sessions")
        raise Ending("too many sessions", "[UNAVAILABLE] Too many sessions; try again later")

    def _say_farewell(self, end: Ending) -> None:
        if end.farewell:
            self._connection.write(b"* BYE %b\r\n" % printable(end.farewell))

    def _report(self, defect: Exception) -> None:
        self._tell(Kind.TROUBLE, reason="".join(traceback.format_exception(defect))[-_REPORT_CHARACTERS:])

    def _tell_logout(self, reason: str) -> None:
        seconds = round(time.monotonic() - self._started, 3)
        self._tell(Kind.LOGOUT, reason=reason, seconds=seconds, bytes=self._connection.bytes_out)

    def _tell(self, kind: Kind, **facts: str | float) -> None:
        session = self._session
        self._house.emitter.emit(kind, client=self._connection.client, login=session.address, **facts)
