"""One client from greeting to end: carries out the session's actions on the socket, the directory and the store."""

import asyncio
import base64
import binascii
import ssl
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from functools import partial
from typing import Protocol, assert_never

from services.kernel.directory import Account, DirectoryTrouble, MailboxFormat
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import Locked, MailboxTrouble, Refusal, TooSoon
from services.kernel.runtime.lines import LineStream, LineTooLong
from services.kernel.sasl import Challenge, Exchange, Refused, Sasl, SignedIn, Why, mechanisms
from services.kernel.sasl.exchange import Accounts as SaslAccounts
from services.kernel.sasl.exchange import Step
from services.kernel.wire.events import Emitter, Kind
from services.pop3d.config import Pop3dSettings
from services.pop3d.mailbox import Mailbox, Message, open_mailbox
from services.pop3d.session import Action, Authenticate, Close, Deliver, Finish, Offer, Refuse, Say, Session, SignIn, StartTls, ok

_TROUBLE = b"-ERR [SYS/TEMP] not now, try again later\r\n"
_WRONG_PASSWORD = b"-ERR [AUTH] sign-in failed\r\n"
_IS_MBOX = b"-ERR [SYS/PERM] this mailbox is an mbox file, which is not shown by POP3: open it with a local program\r\n"
_NOT_UNDERSTOOD = b"-ERR [AUTH] not understood\r\n"
_CANCELLED = b"-ERR cancelled\r\n"
_TOO_SOON = b"-ERR [LOGIN-DELAY] the last sign-in was too short a time ago\r\n"
_IN_USE = b"-ERR [IN-USE] another POP3 session has this mailbox\r\n"
_NOT_ALL_REMOVED = b"-ERR [SYS/TEMP] some deleted messages were not removed\r\n"


class Accounts(SaslAccounts, Protocol):
    """Who may sign in: the directory, or a test's own list."""

    def close(self) -> None: ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What all connections of a process share. ``context`` returns the TLS context of now, since certificates are renewed."""

    hostname: str
    settings: Pop3dSettings
    accounts: Accounts
    sasl: Sasl
    store: MailStore
    emitter: Emitter
    context: Callable[[], ssl.SSLContext]


class _GivenUp(Exception):
    """The client sent ``*`` in the middle of AUTH."""


async def _already(step: Step) -> Step:
    return step


class Connection:
    """A session on a socket. ``serve`` is the root of its task: nothing that goes wrong in it leaves it."""

    def __init__(self, stream: LineStream, around: Surroundings, *, is_tls: bool) -> None:
        self._stream = stream
        self._around = around
        self._session = Session(Offer(around.hostname, self._mechanisms, around.settings.login_delay_seconds), is_tls=is_tls)
        self._mailbox: Mailbox | None = None
        self._login = ""
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._errors = 0
        self._failed_logins = 0
        self._ending = ""
        self._is_idle = False
        self._task: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        """Hold the dialogue until one side ends it."""
        self._task = asyncio.current_task()
        reason = "connection lost"
        try:
            await self._converse()
            reason = self._ending or reason
        except TimeoutError:
            reason = "timed out"
        except OSError as error:
            reason = f"connection lost: {error}"
        except asyncio.CancelledError:
            reason = "service stopped"
        except Exception as defect:  # noqa: BLE001  # root of the task: the session ends, the process and all others go on
            self._around.emitter.emit(Kind.TROUBLE, stage="session", login=self._login, client=self._stream.client, reason=repr(defect))
            reason = "defect"
        finally:
            self._end(reason)

    def _mechanisms(self) -> tuple[str, ...]:
        return self._around.sasl.mechanisms(self._stream.certificate)

    def stop(self) -> None:
        """End before the next command: at once when the client is silent. What was marked for deletion stays."""
        self._ending = self._ending or "service stopped"
        if self._is_idle and self._task is not None:
            self._task.cancel()

    async def _converse(self) -> None:
        await self._around.sasl.look()
        await self._say(self._session.greeting())
        while not self._ending:
            action = await self._next_action()
            if action is None:
                return
            await self._carry_out(action)

    async def _next_action(self) -> Action | None:
        self._is_idle = True
        try:
            line = await self._stream.line(self._patience())
        except LineTooLong:
            return Refuse(b"-ERR line too long\r\n")
        finally:
            self._is_idle = False
        return None if line is None else self._session.line(line)

    def _patience(self) -> float:
        """Seconds to wait for the client: before the sign-in all waits share one limit."""
        if self._mailbox is not None:
            return self._around.settings.inactivity_seconds
        return max(0.0, self._began + self._around.settings.login_seconds - self._loop.time())

    async def _say(self, text: bytes) -> None:
        await self._stream.write(text, self._around.settings.inactivity_seconds)

    async def _carry_out(self, action: Action) -> None:
        match action:
            case Say(text):
                await self._say(text)
            case Refuse(text):
                await self._refuse(text)
            case StartTls(text):
                await self._start_tls(text)
            case SignIn(login, password):
                await self._sign_in(login, partial(mechanisms.check, self._around.accounts, login, password))
            case Authenticate(mechanism, initial):
                await self._authenticate(mechanism, initial)
            case Deliver():
                await self._deliver(action)
            case Finish():
                await self._finish()
            case Close(text):
                await self._say(text)
                self._ending = "quit"
            case _:
                assert_never(action)

    async def _refuse(self, text: bytes) -> None:
        self._errors += 1
        await self._say(text)
        if self._errors >= self._around.settings.error_limit:
            self._ending = self._ending or "too many errors"

    async def _start_tls(self, text: bytes) -> None:
        await self._say(text)
        await self._stream.start_tls(self._around.context(), self._patience())
        self._session.encrypted()

    # Signing in

    async def _authenticate(self, mechanism: str, initial: str | None) -> None:
        """The dialogue of AUTH (RFC 5034 section 4); ``=`` is an empty initial response."""
        exchange = self._around.sasl.begin(mechanism, self._stream.certificate)
        if exchange is None:
            await self._refuse(b"-ERR no such mechanism\r\n")
            return
        try:
            step = await self._first_step(exchange, initial)
            while isinstance(step, Challenge):
                step = await exchange.answer(await self._response(step.data))
        except binascii.Error:
            await self._refuse(_NOT_UNDERSTOOD)
        except _GivenUp:
            await self._say(_CANCELLED)
        except (DirectoryTrouble, TimeoutError) as trouble:
            await self._trouble("sign-in", "", trouble)
        else:
            await self._sign_in("", partial(_already, step))

    async def _first_step(self, exchange: Exchange, initial: str | None) -> Step:
        if initial is not None:
            return await exchange.answer(base64.b64decode("" if initial == "=" else initial, validate=True))
        return await exchange.answer(await self._response(b"") if exchange.starts_with_client else b"")

    async def _response(self, challenge: bytes) -> bytes:
        """Send a challenge and return the answer to it. Raises ``_GivenUp``, ``binascii.Error``."""
        await self._say(b"+ " + base64.b64encode(challenge) + b"\r\n")
        try:
            line = await self._stream.line(self._patience())
        except LineTooLong:
            raise binascii.Error from None
        if line is None:
            raise ConnectionResetError("the client is gone")
        if line == b"*":
            raise _GivenUp
        return base64.b64decode(line, validate=True)

    async def _sign_in(self, login: str, check: Callable[[], Awaitable[Step]]) -> None:
        """Open the mailbox of who is let in; the password has its check in the same time limit."""
        try:
            async with asyncio.timeout(self._around.settings.command_seconds):
                step = await check()
                if isinstance(step, SignedIn) and step.account.mailbox_format is MailboxFormat.MAILDIR:
                    self._mailbox = await open_mailbox(self._around.store, step.account.address, self._around.settings)
        except Locked:
            await self._say(_IN_USE)
        except TooSoon:
            await self._say(_TOO_SOON)
        except (DirectoryTrouble, MailboxTrouble, Refusal, TimeoutError) as trouble:
            await self._trouble("sign-in", login, trouble)
        else:
            await self._answer_login(step)

    async def _answer_login(self, step: Step) -> None:
        match step:
            case SignedIn(account) if account.mailbox_format is MailboxFormat.MAILDIR:
                await self._admit(account)
            case SignedIn(account):
                self._around.emitter.emit(
                    Kind.REJECTED, stage="LOGIN", login=account.address, client=self._stream.client, reason="the mailbox is an mbox file"
                )
                await self._say(_IS_MBOX)
            case Refused(Why.MALFORMED):
                await self._refuse(_NOT_UNDERSTOOD)
            case Refused(_, login):
                await self._reject(login)

    async def _admit(self, account: Account) -> None:
        assert self._mailbox is not None
        self._login = account.address
        self._began = self._loop.time()
        self._around.emitter.emit(Kind.LOGIN, login=self._login, client=self._stream.client, tls=self._stream.tls)
        await self._say(self._session.opened(self._mailbox.maildrop))

    async def _reject(self, login: str) -> None:
        self._failed_logins += 1
        self._around.emitter.emit(Kind.AUTH_FAILED, login=login, client=self._stream.client, tls=self._stream.tls)
        await asyncio.sleep(self._around.settings.failure_delay_seconds)
        await self._say(_WRONG_PASSWORD)
        if self._failed_logins >= self._around.settings.failed_login_limit:
            self._ending = self._ending or "too many wrong passwords"

    async def _trouble(self, stage: str, login: str, trouble: Exception) -> None:
        self._around.emitter.emit(Kind.TROUBLE, stage=stage, login=login, client=self._stream.client, reason=str(trouble) or repr(trouble))
        await self._say(_TROUBLE)

    # In the mailbox

    async def _deliver(self, delivery: Deliver) -> None:
        assert self._mailbox is not None
        try:
            message = await self._mailbox.message(delivery.entry.uid, delivery.lines)
        except Refusal:
            await self._say(b"-ERR the message is gone\r\n")
        except MailboxTrouble as trouble:
            await self._trouble("retrieve", self._login, trouble)
        else:
            await self._send(message)
            self._session.delivered(delivery)

    async def _send(self, message: Message) -> None:
        try:
            head = ok(f"{message.size_bytes} octets")
            while piece := await message.piece():
                await self._say(head + piece)
                head = b""
        finally:
            message.close()

    async def _finish(self) -> None:
        """The UPDATE state. It goes on to its end even when the client is gone or the service stops: the whole QUIT has come."""
        assert self._mailbox is not None
        self._ending = "quit"
        try:
            await asyncio.shield(self._mailbox.update())
        except (MailboxTrouble, Refusal) as trouble:
            self._around.emitter.emit(Kind.TROUBLE, stage="update", login=self._login, client=self._stream.client, reason=str(trouble))
            await self._say(_NOT_ALL_REMOVED)
        else:
            await self._say(ok("bye"))

    def _end(self, reason: str) -> None:
        if self._mailbox is None:
            self._close(reason)
            return
        drop = self._mailbox.maildrop
        self._mailbox.release()
        told = f"{reason}; {len(drop.retrieved)} retrieved, {len(drop.deleted)} marked for deletion"
        seconds = self._loop.time() - self._began
        client, sent = self._stream.client, self._stream.sent_bytes
        self._around.emitter.emit(Kind.LOGOUT, login=self._login, client=client, bytes=sent, seconds=seconds, reason=told)
        self._close(reason)

    def _close(self, reason: str) -> None:
        """A client that takes nothing, or has gone, is not waited for."""
        if reason == "timed out":
            self._stream.abort()
        else:
            self._stream.close()
