"""The protocol without I/O: each line from the client becomes one ``Action`` for the connection to carry out."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from services.pop3d.commands import Command, Verb, parse
from services.pop3d.maildrop import Entry, Maildrop


class State(StrEnum):
    """RFC 1939 section 3."""

    AUTHORIZATION = "authorization"
    TRANSACTION = "transaction"
    UPDATE = "update"


@dataclass(frozen=True, slots=True)
class Say:
    """Send this and go on."""

    text: bytes


@dataclass(frozen=True, slots=True)
class Refuse:
    """Send this; the client did something wrong, which counts."""

    text: bytes


@dataclass(frozen=True, slots=True)
class StartTls:
    """Send this, throw away what came behind the command, and begin TLS."""

    text: bytes


@dataclass(frozen=True, slots=True)
class SignIn:
    """Check a password and open the mailbox; then call ``Session.opened``."""

    login: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Authenticate:
    """Go through a SASL mechanism on offer, with the client's initial response if it sent one, in base64; then as after ``SignIn``."""

    mechanism: str
    initial: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class Deliver:
    """Send a message: all of it, or the header and ``lines`` lines of the body."""

    entry: Entry
    lines: int | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """Carry out the marks of the maildrop, answer, and close."""

    maildrop: Maildrop


@dataclass(frozen=True, slots=True)
class Close:
    """Send this and close."""

    text: bytes


Action = Say | Refuse | StartTls | SignIn | Authenticate | Deliver | Finish | Close

BEFORE = frozenset({State.AUTHORIZATION})
WITHIN = frozenset({State.TRANSACTION})
STATES: dict[Verb, frozenset[State]] = {
    Verb.APOP: BEFORE,
    Verb.AUTH: BEFORE,
    Verb.CAPA: BEFORE | WITHIN,
    Verb.DELE: WITHIN,
    Verb.LANG: BEFORE | WITHIN,
    Verb.LIST: WITHIN,
    Verb.NOOP: WITHIN,
    Verb.PASS: BEFORE,
    Verb.QUIT: BEFORE | WITHIN,
    Verb.RETR: WITHIN,
    Verb.RSET: WITHIN,
    Verb.STAT: WITHIN,
    Verb.STLS: BEFORE,
    Verb.TOP: WITHIN,
    Verb.UIDL: WITHIN,
    Verb.USER: BEFORE,
    Verb.UTF8: BEFORE,
}
"""In which states a command is answered (RFC 1939 sections 4 to 6, RFC 2449 section 5, RFC 2595 section 4, RFC 6856 sections 2 and 3)."""

_NEEDS_TLS = b"-ERR a password is not taken in clear text: begin TLS with STLS first\r\n"
_NO_SUCH_MESSAGE = b"-ERR no such message\r\n"
_BAD_ARGUMENT = b"-ERR bad argument\r\n"


_LANGUAGES = {"i-default": "English", "en": "English"}
"""RFC 6856 section 3: ``i-default`` is what a server speaks to everyone (RFC 2277 section 4.5)."""


@dataclass(frozen=True, slots=True)
class Offer:
    """What the site offers: ``mechanisms`` under TLS, the strongest first, and the time between two sign-ins."""

    hostname: str
    mechanisms: Callable[[], tuple[str, ...]]
    login_delay_seconds: int = 0


def ok(text: str) -> bytes:
    """Write a positive answer."""
    return f"+OK {text}\r\n".encode()


def _listing(title: str, lines: Iterable[str]) -> bytes:
    return "\r\n".join((f"+OK {title}", *lines, ".", "")).encode()


class Session:
    """One dialogue. ``is_tls`` says whether the line is encrypted now."""

    def __init__(self, offer: Offer, *, is_tls: bool) -> None:
        self.state = State.AUTHORIZATION
        self.is_tls = is_tls
        self._offer = offer
        self._login = ""
        self._maildrop = Maildrop(())
        self._answers: dict[Verb, Callable[[Command], Action]] = {
            Verb.APOP: self._apop,
            Verb.AUTH: self._auth,
            Verb.CAPA: self._capa,
            Verb.DELE: self._dele,
            Verb.LANG: self._lang,
            Verb.LIST: self._list,
            Verb.NOOP: self._noop,
            Verb.PASS: self._pass,
            Verb.QUIT: self._quit,
            Verb.RETR: self._retr,
            Verb.RSET: self._rset,
            Verb.STAT: self._stat,
            Verb.STLS: self._stls,
            Verb.TOP: self._top,
            Verb.UIDL: self._uidl,
            Verb.USER: self._user,
            Verb.UTF8: self._utf8,
        }

    def greeting(self) -> bytes:
        """What the server says first. Without a timestamp: APOP is not offered, since it wants passwords kept in clear."""
        return ok(f"{self._offer.hostname} POP3 ready")

    def line(self, line: bytes) -> Action:
        """Answer one line, given without its end."""
        command = parse(line)
        if command is None:
            return Refuse(b"-ERR no such command\r\n")
        if self.state not in STATES[command.verb]:
            return Refuse(b"-ERR not in this state\r\n")
        return self._answers[command.verb](command)

    def opened(self, maildrop: Maildrop) -> bytes:
        """Enter the TRANSACTION state and return the answer to the sign-in."""
        self.state = State.TRANSACTION
        self._maildrop = maildrop
        count, octets = maildrop.totals()
        return ok(f"{count} messages ({octets} octets)")

    def encrypted(self) -> None:
        """TLS has begun: what was said in clear text is forgotten (RFC 2595 section 4)."""
        self.is_tls = True
        self._login = ""

    def delivered(self, delivery: Deliver) -> None:
        """A message has been sent; the header alone does not count as reading it."""
        if delivery.lines is None:
            self._maildrop.retrieved.add(delivery.entry.number)

    # AUTHORIZATION

    def _capa(self, _command: Command) -> Action:
        """RFC 2449: passwords are offered only where they are taken; EXPIRE NEVER, since nothing here deletes by age."""
        words = ["TOP", "UIDL", "RESP-CODES", "AUTH-RESP-CODE", "PIPELINING", "EXPIRE NEVER", "UTF8 USER", "LANG", "IMPLEMENTATION Malleposte"]
        if self._offer.login_delay_seconds:
            words.append(f"LOGIN-DELAY {self._offer.login_delay_seconds}")
        if self.is_tls:
            words += ["USER", " ".join(("SASL", *self._offer.mechanisms()))]
        elif self.state is State.AUTHORIZATION:
            words.append("STLS")
        return Say(_listing("capabilities", words))

    def _stls(self, command: Command) -> Action:
        if self.is_tls:
            return Refuse(b"-ERR TLS is on already\r\n")
        return Refuse(_BAD_ARGUMENT) if command.argument else StartTls(ok("begin TLS"))

    def _apop(self, _command: Command) -> Action:
        return Refuse(b"-ERR APOP is not offered\r\n")

    def _user(self, command: Command) -> Action:
        if not self.is_tls:
            return Refuse(_NEEDS_TLS)
        if not command.argument:
            return Refuse(_BAD_ARGUMENT)
        self._login = command.argument
        return Say(ok("send PASS"))

    def _pass(self, command: Command) -> Action:
        if not self.is_tls:
            return Refuse(_NEEDS_TLS)
        if not self._login:
            return Refuse(b"-ERR send USER first\r\n")
        login, self._login = self._login, ""
        return SignIn(login, command.argument)

    def _auth(self, command: Command) -> Action:
        """RFC 5034 section 4. Without an argument, as old clients ask for it, the mechanisms are listed."""
        offered = self._offer.mechanisms() if self.is_tls else ()
        if not command.argument:
            return Say(_listing("mechanisms", offered))
        if not self.is_tls:
            return Refuse(_NEEDS_TLS)
        mechanism, has_response, response = command.argument.partition(" ")
        if mechanism.upper() not in offered:
            return Refuse(b"-ERR no such mechanism\r\n")
        return Authenticate(mechanism.upper(), response if has_response else None)

    def _utf8(self, command: Command) -> Action:
        """RFC 6856 section 2. Messages are served as they are before it as well: one that is held back for its header would never be read."""
        return Refuse(_BAD_ARGUMENT) if command.argument else Say(ok("UTF-8"))

    def _lang(self, command: Command) -> Action:
        """RFC 6856 section 3: English is all there is; ``*`` asks for what the server likes best."""
        if not command.argument:
            return Say(_listing("languages", (f"{tag} {name}" for tag, name in _LANGUAGES.items())))
        tag = "en" if command.argument == "*" else command.argument.lower()
        if tag not in _LANGUAGES:
            return Say(b"-ERR no such language\r\n")
        return Say(ok(f"{tag} {_LANGUAGES[tag]}"))

    # TRANSACTION

    def _stat(self, _command: Command) -> Action:
        count, octets = self._maildrop.totals()
        return Say(f"+OK {count} {octets}\r\n".encode())

    def _list(self, command: Command) -> Action:
        return self._one_or_all(command, lambda entry: str(entry.size_bytes))

    def _uidl(self, command: Command) -> Action:
        return self._one_or_all(command, lambda entry: entry.uidl)

    def _one_or_all(self, command: Command, fact: Callable[[Entry], str]) -> Action:
        if not command.argument:
            return Say(_listing("listing follows", (f"{entry.number} {fact(entry)}" for entry in self._maildrop.present())))
        entry = self._named(command)
        return Say(ok(f"{entry.number} {fact(entry)}")) if entry else Say(_NO_SUCH_MESSAGE)

    def _retr(self, command: Command) -> Action:
        entry = self._named(command)
        if entry is None:
            return Say(_NO_SUCH_MESSAGE)
        return Deliver(entry)

    def _top(self, command: Command) -> Action:
        numbers = command.numbers()
        if numbers is None or len(numbers) != 2:
            return Refuse(_BAD_ARGUMENT)
        entry = self._maildrop.entry(numbers[0])
        return Deliver(entry, numbers[1]) if entry else Say(_NO_SUCH_MESSAGE)

    def _dele(self, command: Command) -> Action:
        entry = self._named(command)
        if entry is None:
            return Say(_NO_SUCH_MESSAGE)
        self._maildrop.deleted.add(entry.number)
        return Say(ok("marked for deletion"))

    def _rset(self, _command: Command) -> Action:
        self._maildrop.deleted.clear()
        count, octets = self._maildrop.totals()
        return Say(ok(f"{count} messages ({octets} octets)"))

    def _noop(self, _command: Command) -> Action:
        return Say(b"+OK\r\n")

    def _quit(self, _command: Command) -> Action:
        if self.state is State.AUTHORIZATION:
            return Close(ok("bye"))
        self.state = State.UPDATE
        return Finish(self._maildrop)

    def _named(self, command: Command) -> Entry | None:
        numbers = command.numbers()
        return self._maildrop.entry(numbers[0]) if numbers is not None and len(numbers) == 1 else None
