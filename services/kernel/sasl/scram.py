"""SCRAM-SHA-256 and SCRAM-SHA-256-PLUS as a server speaks them (RFC 5802, RFC 7677)."""

import base64
import binascii
import hashlib
import hmac
import re
import secrets
import stringprep
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass, field

from services.kernel.directory import Account
from services.kernel.mail.address import fold
from services.kernel.sasl.binding import Bindings
from services.kernel.sasl.exchange import Accounts, Challenge, Refused, SignedIn, Step, Why

ITERATIONS = 50_000
"""Of the key derivation, which the client does at each login: some 25 ms. RFC 7677 section 4 asks for 4096 at least; more, since a stolen directory
is attacked by these keys as well as by the argon2id hash, and less than the 65,536 at which Cyrus SASL refuses."""
SALT_BYTES = 16
NONCE_BYTES = 18
NAME = "SCRAM-SHA-256"

_STORED = re.compile(r"SCRAM-SHA-256\$([0-9]{1,7}):([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+):([A-Za-z0-9+/=]+)")
_HEADER = r"(?P<header>(?:n|y|p=(?P<binding>[A-Za-z0-9.-]{1,64})),(?:a=(?P<authorization>[^,]*))?,)"
_FIRST = re.compile(_HEADER + r"(?P<bare>n=(?P<name>[^,]+),r=(?P<nonce>[!-+\--~]{1,256}))")
_FINAL = re.compile(r"(?P<unsigned>c=(?P<binding>[A-Za-z0-9+/=]+),r=(?P<nonce>[!-+\--~]+)),p=(?P<proof>[A-Za-z0-9+/=]+)")


@dataclass(frozen=True, slots=True)
class Keys:
    """What is kept instead of the password (RFC 5802 section 3)."""

    iterations: int
    salt: bytes = field(repr=False)
    stored_key: bytes = field(repr=False)
    server_key: bytes = field(repr=False)

    def text(self) -> str:
        """The form of RFC 5803 section 3, as PostgreSQL writes it too: ``SCRAM-SHA-256$<iterations>:<salt>$<StoredKey>:<ServerKey>``."""
        salt, stored, server = (base64.b64encode(part).decode() for part in (self.salt, self.stored_key, self.server_key))
        return f"{NAME}${self.iterations}:{salt}${stored}:{server}"


def derive(password: str, salt: bytes = b"", iterations: int = ITERATIONS) -> Keys:
    """Make the keys of a password; without a salt a new one is drawn. Takes some 50 ms."""
    salt = salt or secrets.token_bytes(SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", prepare(password).encode(), salt, iterations)
    return Keys(iterations, salt, hashlib.sha256(_hmac(salted, b"Client Key")).digest(), _hmac(salted, b"Server Key"))


def parse(text: str) -> Keys | None:
    """Read the form that ``Keys.text`` writes; ``None`` for anything else."""
    found = _STORED.fullmatch(text)
    try:
        return Keys(int(found[1]), *(base64.b64decode(part, validate=True) for part in found.groups()[1:])) if found else None
    except binascii.Error:
        return None


def prepare(text: str) -> str:
    """The mappings of SASLprep (RFC 4013 sections 2.1 and 2.2). What it prohibits is kept: both sides have the same password all the same."""
    if text.isascii():
        return text
    mapped = (" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))
    return unicodedata.normalize("NFKC", "".join(mapped))


class Scram:
    """One login. With ``is_bound`` it is the PLUS form, which must be bound; without, a client that could bind and was not offered it is let in,
    one that sees no PLUS although ``offers_binding`` is refused: somebody between took it from the list (RFC 5802 section 6)."""

    starts_with_client = True

    def __init__(
        self,
        accounts: Accounts,
        bindings: Bindings,
        *,
        is_bound: bool,
        nonce: Callable[[], str] = lambda: base64.b64encode(secrets.token_bytes(NONCE_BYTES)).decode(),
    ) -> None:
        self._accounts = accounts
        self._bindings = bindings
        self._is_bound = is_bound
        self._make_nonce = nonce
        self._first: re.Match[str] | None = None
        self._account: Account | None = None
        self._keys = Keys(0, b"", b"", b"")
        self._server_first = ""
        self._is_proven = False
        self._login = ""

    async def answer(self, response: bytes) -> Step:
        if self._is_proven:
            assert self._account is not None
            return Refused(Why.MALFORMED, self._login) if response else SignedIn(self._account)
        try:
            text = response.decode()
        except UnicodeDecodeError:
            return Refused(Why.MALFORMED, self._login)
        return await self._begin(text) if self._first is None else self._prove(self._first, text)

    async def _begin(self, text: str) -> Step:
        first = _FIRST.fullmatch(text)
        name = _unescaped(first["name"]) if first else None
        if first is None or not name:
            return Refused(Why.MALFORMED)
        self._login = prepare(name)
        if not self._may_bind(first["header"][0], first["binding"]):
            return Refused(Why.MALFORMED, self._login)
        authorization = _unescaped(first["authorization"] or "")
        if authorization is None or (authorization and fold(authorization) != fold(self._login)):
            return Refused(Why.OTHER_USER, self._login)
        self._first = first
        await self._find()
        salt = base64.b64encode(self._keys.salt).decode()
        self._server_first = f"r={first['nonce']}{self._make_nonce()},s={salt},i={self._keys.iterations}"
        return Challenge(self._server_first.encode())

    def _may_bind(self, flag: str, binding: str | None) -> bool:
        """RFC 5802 section 6: ``p`` binds, ``y`` would if the server could, ``n`` cannot."""
        if self._is_bound:
            return flag == "p" and binding in self._bindings
        return flag == "n" or (flag == "y" and not self._bindings)

    async def _find(self) -> None:
        """Take the keys of the login, or such as no password fits: an unknown user, one without keys and one who is shut out look the same."""
        found = await self._accounts.scram(self._login)
        keys = parse(found.scram) if found else None
        if keys is not None:
            self._account, self._keys = found, keys
            return
        seed = _hmac(await self._accounts.scram_secret(), fold(self._login).encode())
        self._keys = Keys(ITERATIONS, seed[:SALT_BYTES], secrets.token_bytes(32), secrets.token_bytes(32))

    def _prove(self, first: re.Match[str], text: str) -> Step:
        final = _FINAL.fullmatch(text)
        if final is None or not self._server_first.startswith(f"r={final['nonce']},") or not self._is_bound_as_said(first, final["binding"]):
            return Refused(Why.MALFORMED, self._login)
        signed = f"{first['bare']},{self._server_first},{final['unsigned']}".encode()
        signature = _hmac(self._keys.stored_key, signed)
        proof = _decoded(final["proof"])
        if len(proof) != len(signature):
            return Refused(Why.MALFORMED, self._login)
        client_key = bytes(a ^ b for a, b in zip(proof, signature, strict=True))
        fits = hmac.compare_digest(hashlib.sha256(client_key).digest(), self._keys.stored_key)
        if not fits or self._account is None:
            return Refused(Why.WRONG, self._login)
        self._is_proven = True
        return Challenge(b"v=" + base64.b64encode(_hmac(self._keys.server_key, signed)))

    def _is_bound_as_said(self, first: re.Match[str], binding: str) -> bool:
        """``c=`` repeats the header of the first message, followed by the data of the binding."""
        expected = first["header"].encode() + (self._bindings[first["binding"]] if first["binding"] else b"")
        return hmac.compare_digest(_decoded(binding), expected)


def _unescaped(name: str) -> str | None:
    """Undo ``=2C`` and ``=3D``; ``None`` where another ``=`` stands (RFC 5802 section 5.1)."""
    bare = name.replace("=2C", "\0").replace("=3D", "\1")
    return None if "=" in bare else bare.replace("\0", ",").replace("\1", "=")


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error:
        return b""


def _hmac(key: bytes, message: bytes) -> bytes:
    return hmac.digest(key, message, "sha256")
