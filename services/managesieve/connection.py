"""One client from greeting to end."""

import asyncio
import base64
import binascii
import ssl
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import assert_never

from services.kernel.directory import DirectoryTrouble
from services.kernel.mailbox.config import SieveSettings
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble
from services.kernel.runtime.lines import LineStream, LineTooLong
from services.kernel.sasl import Challenge, Exchange, Refused, Sasl, SignedIn, Why
from services.kernel.sasl.exchange import Step
from services.kernel.sieve.capabilities import NOTIFY_METHODS
from services.kernel.wire.events import Emitter, Kind
from services.managesieve import responses
from services.managesieve.commands import Authenticate, Bare, Noop, Request, Verb, Work, parse
from services.managesieve.config import ManagesieveSettings
from services.managesieve.desk import Desk
from services.managesieve.grammar import MAX_LINE_BYTES, Assembly, Malformed, Word, literal_of
from services.managesieve.responses import bye, no, ok, string

SPARE_BYTES = 65_536
"""A literal may be this much longer than a script: then it is the storage that says so, by name."""
SKIPPED_BYTES = 64 << 20
"""What is read of a literal that is too long; one still longer ends the connection."""
PIECE_BYTES = 1 << 16

_NEEDS_TLS = no("begin TLS with STARTTLS first", b"ENCRYPT-NEEDED")
_NEEDS_LOGIN = no("sign in first")
_TROUBLE = no("not now, try again later", b"TRYLATER")
_TOO_MANY = no("too many sessions of this user", b"TRYLATER")
_FAILED = no("sign-in failed")
_NOT_UNDERSTOOD = no("not understood")


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all connections of a process share. ``context`` returns the TLS context of now, since certificates are renewed."""

    settings: ManagesieveSettings
    sieve: SieveSettings
    sasl: Sasl
    store: MailStore
    emitter: Emitter
    context: Callable[[], ssl.SSLContext]
    sessions: Counter[str] = field(default_factory=Counter)
    """Of each user who is signed in."""


class _Ending(Exception):
    """The session is over. The first argument is the reason, the second what the client still hears."""


class _GivenUp(Exception):
    """The client sent ``*`` instead of a response."""


class Connection:
    """A session on a connection. ``serve`` is the root of its task: nothing that goes wrong in it leaves it."""

    def __init__(self, stream: LineStream, around: Surroundings) -> None:
        self._stream = stream
        self._around = around
        self._desk: Desk | None = None
        self._login = ""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._errors = 0
        self._failed_logins = 0
        self._is_stopping = False
        self._is_idle = False
        self._task: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Hold the dialogue until one side ends it."""
        self._task = asyncio.current_task()
        reason = "connection lost"
        try:
            await self._converse()
        except _Ending as ending:
            reason = str(ending.args[0])
        except TimeoutError:
            reason = "timed out"
        except OSError as error:
            reason = f"connection lost: {error}"
        except asyncio.CancelledError:
            reason = "service stopped"
        except Exception as defect:  # noqa: BLE001  # root of the task: the session ends, the process and all others go on
            self._tell(Kind.TROUBLE, stage="session", reason=repr(defect))
            reason = "defect"
        finally:
            self._end(reason)

    def stop(self) -> None:
        """End before the next command: at once when the client is silent."""
        self._is_stopping = True
        if self._is_idle and self._task is not None:
            self._task.cancel()

    async def _converse(self) -> None:
        await self._around.sasl.look()
        await self._say(self._capabilities() + ok("ManageSieve ready"))
        while not self._is_stopping:
            try:
                request = await self._next_request()
            except Malformed as fault:
                await self._refuse(no(str(fault), fault.code))
                continue
            await self._carry_out(request)
        raise _Ending("service stopped")

    async def _say(self, data: bytes) -> None:
        await self._stream.write(data, self._around.settings.stall_seconds)

    async def _refuse(self, reply: bytes) -> None:
        self._errors += 1
        if self._errors >= self._around.settings.error_limit:
            await self._hang_up("too many errors", bye("too many errors"))
        await self._say(reply)

    async def _hang_up(self, reason: str, words: bytes) -> None:
        await self._say(words)
        raise _Ending(reason)

    # Reading

    def _patience(self) -> float:
        """Seconds to wait for a command: before the sign-in all waits share one limit."""
        if self._desk is not None:
            return self._around.settings.inactivity_seconds
        return max(0.0, self._began + self._around.settings.login_seconds - self._loop.time())

    async def _next_request(self) -> Request:
        """Read a command to its end; before the sign-in all of it has the time that is left for that. Raises ``Malformed``."""
        async with asyncio.timeout(self._patience()) as limit:
            self._is_idle = True
            try:
                line = await self._line(self._patience())
            finally:
                self._is_idle = False
            if self._desk is not None:
                limit.reschedule(self._loop.time() + self._around.settings.upload_seconds)
            return parse(await self._words(line))

    async def _words(self, line: bytes) -> list[Word]:
        assembly, fault = Assembly(), None
        while True:
            try:
                count = literal_of(line) if fault else assembly.line(line)
            except Malformed as malformed:
                fault, count = malformed, literal_of(line)
            if count is None:
                if fault:
                    raise fault
                return assembly.words
            if fault is None and count <= self._most_bytes():
                assembly.literal(await self._octets(count))
            else:
                fault = fault or Malformed("the string is too long", b"QUOTA/MAXSIZE")
                await self._skip(count)
            line = await self._line(self._around.settings.stall_seconds)

    def _most_bytes(self) -> int:
        """Of a literal: a stranger has no script to send, and his responses to SASL would fit in a line."""
        return MAX_LINE_BYTES if self._desk is None else self._around.sieve.script_bytes + SPARE_BYTES

    async def _line(self, seconds: float) -> bytes:
        try:
            line = await self._stream.line(seconds)
        except LineTooLong:
            raise Malformed("the line is too long") from None
        if line is None:
            raise _Ending("connection closed")
        return line

    async def _octets(self, count: int) -> bytes:
        pieces = list[bytes]()
        for start in range(0, count, PIECE_BYTES):
            piece = await self._stream.octets(min(count - start, PIECE_BYTES), self._around.settings.stall_seconds)
            if piece is None:
                raise _Ending("connection closed")
            pieces.append(piece)
        return b"".join(pieces)

    async def _skip(self, count: int) -> None:
        if count > (SKIPPED_BYTES if self._desk is not None else SPARE_BYTES):
            await self._hang_up("string too long", bye("the string is too long"))
        while count > 0:
            count -= len(await self._octets(min(count, PIECE_BYTES)))

    # Answering

    async def _carry_out(self, request: Request) -> None:
        match request:
            case Bare(verb):
                await self._bare(verb)
            case Noop(tag):
                await self._say(ok("done", b"" if tag is None else b"TAG " + string(tag.encode())))
            case Authenticate():
                await self._authenticate(request)
            case _:
                await self._work(request)

    async def _bare(self, verb: Verb) -> None:
        match verb:
            case Verb.CAPABILITY:
                await self._say(self._capabilities() + ok("these are all"))
            case Verb.STARTTLS:
                await self._start_tls()
            case Verb.LOGOUT:
                await self._hang_up("logout", ok("bye"))
            case Verb.UNAUTHENTICATE:
                await self._unauthenticate()
            case _:
                await self._work(None)

    def _capabilities(self) -> bytes:
        """RFC 5804 section 1.7. Before TLS no way to sign in is named: none would be taken."""
        around = self._around
        has_tls = bool(self._stream.tls)
        lines: list[tuple[str, str | None]] = [
            ("IMPLEMENTATION", "Malleposte"),
            ("SASL", " ".join(around.sasl.mechanisms(self._stream.certificate)) if has_tls else ""),
            ("SIEVE", " ".join(sorted(around.sieve.extensions))),
        ]
        lines += [] if has_tls else [("STARTTLS", None)]
        lines += [("NOTIFY", " ".join(NOTIFY_METHODS)), ("MAXREDIRECTS", str(around.sieve.redirects)), ("UNAUTHENTICATE", None)]
        lines += [("OWNER", self._login)] if self._login else []
        return responses.capabilities([*lines, ("VERSION", "1.0")])

    async def _start_tls(self) -> None:
        """RFC 5804 section 2.2: the capabilities are told anew."""
        if self._stream.tls:
            await self._refuse(no("TLS is on already"))
            return
        await self._say(ok("begin TLS"))
        await self._stream.start_tls(self._around.context(), self._patience())
        await self._say(self._capabilities() + ok("TLS is on"))

    async def _unauthenticate(self) -> None:
        """RFC 5804 section 2.14.1."""
        if self._desk is None:
            await self._refuse(_NEEDS_LOGIN)
            return
        self._tell(Kind.LOGOUT, reason="unauthenticated")
        self._leave()
        self._desk, self._login, self._began = None, "", self._loop.time()
        await self._say(ok("signed out"))

    async def _work(self, work: Work | None) -> None:
        """Do something with scripts; list them for ``None``."""
        desk = self._desk
        if desk is None:
            await self._refuse(_NEEDS_LOGIN)
            return
        try:
            async with asyncio.timeout(self._around.settings.command_seconds):
                reply = await self._around.store.run_for(self._login, partial(desk.answer, work) if work else desk.list_scripts)
        except (MailboxTrouble, TimeoutError) as trouble:
            self._tell(Kind.TROUBLE, stage="scripts", reason=str(trouble) or repr(trouble))
            reply = _TROUBLE
        await self._say(reply)

    # Signing in

    async def _authenticate(self, request: Authenticate) -> None:
        if not self._stream.tls or self._desk is not None:
            await self._refuse(_NEEDS_TLS if self._desk is None else no("signed in already"))
            return
        exchange = self._around.sasl.begin(request.mechanism, self._stream.certificate)
        if exchange is None:
            await self._refuse(no("no such mechanism"))
            return
        try:
            async with asyncio.timeout(self._patience()):
                step = await self._converse_sasl(exchange, request.initial)
        except (binascii.Error, Malformed):
            await self._refuse(_NOT_UNDERSTOOD)
        except _GivenUp:
            await self._say(no("given up"))
        except DirectoryTrouble as trouble:
            self._tell(Kind.TROUBLE, stage="sign-in", reason=str(trouble))
            await self._say(_TROUBLE)
        else:
            await self._conclude(step)

    async def _converse_sasl(self, exchange: Exchange, initial: bytes | None) -> SignedIn | Refused:
        step: Step
        if initial is not None or not exchange.starts_with_client:
            step = await exchange.answer(_decoded(initial or b""))
        else:
            step = await exchange.answer(await self._response(b""))
        while isinstance(step, Challenge):
            step = await exchange.answer(await self._response(step.data))
        return step

    async def _response(self, challenge: bytes) -> bytes:
        """RFC 5804 section 2.1: both are strings in base64."""
        await self._say(string(base64.b64encode(challenge)) + b"\r\n")
        words = await self._words(await self._line(self._patience()))
        if len(words) != 1 or not isinstance(words[0], bytes):
            raise Malformed("a string is expected")
        if words[0] == b"*":
            raise _GivenUp
        return _decoded(words[0])

    async def _conclude(self, step: SignedIn | Refused) -> None:
        match step:
            case SignedIn(account) if self._around.sessions[account.address] >= self._around.settings.sessions_per_user:
                await self._refuse(_TOO_MANY)
            case SignedIn(account):
                self._login = account.address
                self._around.sessions[self._login] += 1
                self._desk = Desk(self._around.store.scripts(account.address, self._around.sieve.script_limits), self._around.sieve)
                self._tell(Kind.LOGIN, tls=self._stream.tls)
                await self._say(ok("signed in"))
            case Refused(Why.MALFORMED):
                await self._refuse(_NOT_UNDERSTOOD)
            case Refused(_, login):
                await self._reject(login)
            case _:
                assert_never(step)

    async def _reject(self, login: str) -> None:
        self._failed_logins += 1
        self._around.emitter.emit(Kind.AUTH_FAILED, login=login[:255], client=self._stream.client, tls=self._stream.tls)
        await asyncio.sleep(self._around.settings.failure_delay_seconds)
        if self._failed_logins >= self._around.settings.failed_login_limit:
            await self._hang_up("too many wrong passwords", bye("too many wrong passwords"))
        await self._say(_FAILED)

    def _tell(self, kind: Kind, **facts: str) -> None:
        self._around.emitter.emit(kind, login=self._login, client=self._stream.client, **facts)

    def _leave(self) -> None:
        """Count the user's session out."""
        self._around.sessions[self._login] -= 1
        if not self._around.sessions[self._login]:
            del self._around.sessions[self._login]

    def _end(self, reason: str) -> None:
        if self._login:
            self._leave()
            self._around.emitter.emit(
                Kind.LOGOUT, login=self._login, client=self._stream.client, reason=reason, seconds=self._loop.time() - self._began
            )
        if reason == "timed out":
            self._stream.abort()
        else:
            self._stream.close()


def _decoded(text: bytes) -> bytes:
    return base64.b64decode(text, validate=True)
