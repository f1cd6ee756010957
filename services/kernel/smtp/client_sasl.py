"""Login at a server (RFC 4954) without I/O: which mechanism, and the dialogue of AUTH.

Mechanisms are what the server offers, the operator's filter lets through, and the security options of the connection allow; of these the strongest.
"""

import base64
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from services.kernel.mail.reply import Reply
from services.kernel.smtp.client_mechanisms import CramMd5, LoginMechanism, Mechanism, Plain, SaslFault, Scram, Xoauth2

COMMAND_BYTES = 512
"""A longer command is sent without its initial response (RFC 4954 section 4, RFC 5321 section 4.5.3.1.4)."""
SECRET_CHARACTERS = 4
"""A shorter password stands in half of all words; hiding it would show it."""
CHALLENGES = 8
"""More in one login are a loop; the longest mechanism has two."""


class SecurityOption(StrEnum):
    """What a mechanism must not be or must do (Postfix ``smtp_sasl_security_options``; the words of Cyrus SASL)."""

    NOPLAINTEXT = "noplaintext"
    NOACTIVE = "noactive"
    NODICTIONARY = "nodictionary"
    NOANONYMOUS = "noanonymous"
    FORWARD_SECRECY = "forward_secrecy"
    MUTUAL_AUTH = "mutual_auth"


_NAMED = frozenset({SecurityOption.NOANONYMOUS})
_HASHED = _NAMED | {SecurityOption.NOPLAINTEXT}
_MUTUAL = _HASHED | {SecurityOption.NOACTIVE, SecurityOption.MUTUAL_AUTH}
STRENGTHS: dict[str, frozenset[SecurityOption]] = {
    # with a token at hand the operator wants it used; it is sent as it is, like a password
    "XOAUTH2": _NAMED,
    "SCRAM-SHA-256": _MUTUAL,
    "SCRAM-SHA-1": _MUTUAL,
    "CRAM-MD5": _HASHED,
    "PLAIN": _NAMED,
    "LOGIN": _NAMED,
}
"""The mechanisms that we speak, the preferred first, each with the options that it satisfies (as Cyrus SASL's plugins say of themselves)."""


@dataclass(frozen=True, slots=True)
class LoginRules:
    """What mechanisms may be used: the filter (Postfix ``smtp_sasl_mechanism_filter``), and the options in clear text and under TLS."""

    mechanisms: tuple[str, ...] = ()
    options: frozenset[SecurityOption] = frozenset({SecurityOption.NOPLAINTEXT, SecurityOption.NOANONYMOUS})
    tls_options: frozenset[SecurityOption] = frozenset({SecurityOption.NOANONYMOUS})

    def passes(self, name: str) -> bool:
        """Whether the filter lets a mechanism through: the first pattern that matches decides, ``!`` in front of it refuses."""
        for pattern in self.mechanisms:
            word = pattern.removeprefix("!")
            if word.upper() == name or word.startswith("static:"):
                return word == pattern
        return not self.mechanisms


@dataclass(frozen=True, slots=True)
class Login:
    """Who we are to a server. ``read_token`` gives the bearer token of the moment and raises ``OSError``. Two of one user and password are equal."""

    user: str
    password: str = field(repr=False, default="")
    rules: LoginRules = LoginRules()
    read_token: Callable[[], str] | None = field(repr=False, compare=False, default=None)

    def candidates(self, *, is_secure: bool, offered: Collection[str] = STRENGTHS) -> list[str]:
        """The mechanisms that may be used, the preferred first."""
        options = self.rules.tls_options if is_secure else self.rules.options
        fit = [name for name, strengths in STRENGTHS.items() if name in offered and options <= strengths and self.rules.passes(name)]
        return [name for name in fit if (self.read_token is not None if name == "XOAUTH2" else self.password)]

    def conceal(self, reply: Reply) -> Reply:
        """The reply without the password, for a server that repeats it."""
        if len(self.password) < SECRET_CHARACTERS or self.password not in reply.text:
            return reply
        return Reply(reply.code, reply.enhanced, reply.text.replace(self.password, "(hidden)"))

    def make(self, name: str) -> Mechanism:
        """Begin a login by this mechanism. Raises ``SaslFault``."""
        match name:
            case "XOAUTH2":
                return Xoauth2(self.user, self._token())
            case "SCRAM-SHA-256":
                return Scram("sha256", (self.user, self.password))
            case "SCRAM-SHA-1":
                return Scram("sha1", (self.user, self.password))
            case "CRAM-MD5":
                return CramMd5(self.user, self.password)
            case "PLAIN":
                return Plain(self.user, self.password)
        return LoginMechanism(self.user, self.password)

    def _token(self) -> str:
        assert self.read_token is not None
        try:
            return self.read_token()
        except OSError as error:
            raise SaslFault(f"the access token cannot be read: {error.strerror or error}") from None


class Exchange:
    """The dialogue from AUTH to its last reply. Raises ``SaslFault`` when no mechanism can be used."""

    def __init__(self, login: Login, offered: Sequence[str], *, is_secure: bool) -> None:
        usable = login.candidates(is_secure=is_secure, offered=offered)
        if not usable:
            raise SaslFault(f"none of the server's mechanisms may be used{'' if is_secure else ' in clear text'}: {' '.join(offered)}")
        self.mechanism = usable[0]
        self._made = login.make(self.mechanism)
        self._held_back: bytes | None = None
        self._challenges = 0
        self.fault = ""
        """Why we gave the login up, if we did."""

    def begin(self) -> str:
        """The AUTH command, with the initial response if it has room."""
        command = f"AUTH {self.mechanism}"
        initial = self._made.begin()
        if initial is None:
            return command
        encoded = base64.b64encode(initial).decode() or "="  # RFC 4954 section 4
        if len(command) + len(encoded) + 3 > COMMAND_BYTES:
            self._held_back = initial
            return command
        return f"{command} {encoded}"

    def take(self, reply: Reply) -> str | None:
        """Answer a 334 reply; ``None`` when the dialogue is over: then ``fault`` tells of a login that must not count."""
        if reply.code != 334:
            if reply.code == 235 and not self.fault and not self._made.is_proven:
                self.fault = "the server did not prove that it knows the password"
            return None
        self._challenges += 1
        try:
            response = self._respond(reply.text)
        except SaslFault as fault:
            self.fault = self.fault or str(fault)
            return "*" if self._challenges <= CHALLENGES else None  # RFC 4954 section 4: cancel
        return base64.b64encode(response).decode()

    def _respond(self, text: str) -> bytes:
        if self.fault or self._challenges > CHALLENGES:
            raise SaslFault("challenges without end")
        try:
            challenge = base64.b64decode(text.strip(), validate=True)
        except ValueError:
            raise SaslFault("a challenge that is no base64") from None
        if self._held_back is not None:
            response, self._held_back = self._held_back, None
            return response
        return self._made.respond(challenge)
