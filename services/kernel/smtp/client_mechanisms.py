"""What a client says in each SASL mechanism (RFC 4422), without I/O: challenges in, responses out."""

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata
from collections.abc import Callable
from typing import Protocol

ITERATIONS = range(4096, 300_001)
"""Of a SCRAM server's key derivation: RFC 5802 section 5.1 asks for 4096; more than the upper bound would hold up all other mail."""
NONCE_BYTES = 18


class SaslFault(Exception):
    """The server does not keep to the mechanism, or does not know our password itself. The text holds no secret."""


class Mechanism(Protocol):
    """One login. ``is_proven`` says that the server has shown all that the mechanism wants of it before its success counts."""

    @property
    def is_proven(self) -> bool: ...

    def begin(self) -> bytes | None:
        """The initial response, ``None`` where the server speaks first."""

    def respond(self, challenge: bytes) -> bytes:
        """The response to a challenge. Raises ``SaslFault``."""


class Plain:
    """RFC 4616."""

    is_proven = True

    def __init__(self, user: str, password: str) -> None:
        self._message = f"\0{user}\0{password}".encode()

    def begin(self) -> bytes | None:
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        raise SaslFault("a challenge where none belongs")


class LoginMechanism:
    """draft-murchison-sasl-login: user and password in this order, whatever the server's prompts say."""

    is_proven = True

    def __init__(self, user: str, password: str) -> None:
        self._answers = [password.encode(), user.encode()]

    def begin(self) -> bytes | None:
        return None

    def respond(self, challenge: bytes) -> bytes:
        if not self._answers:
            raise SaslFault("a third prompt")
        return self._answers.pop()


class CramMd5:
    """RFC 2195."""

    is_proven = True

    def __init__(self, user: str, password: str) -> None:
        self._user, self._key = user, password.encode()

    def begin(self) -> bytes | None:
        return None

    def respond(self, challenge: bytes) -> bytes:
        if not challenge:
            raise SaslFault("an empty challenge")
        return f"{self._user} {hmac.new(self._key, challenge, 'md5').hexdigest()}".encode()


class Xoauth2:
    """Google's and Microsoft's bearer tokens. A refusal comes as a challenge with details, which an empty response ends."""

    is_proven = True

    def __init__(self, user: str, token: str) -> None:
        self._message = f"user={user}\x01auth=Bearer {token}\x01\x01".encode()

    def begin(self) -> bytes | None:
        return self._message

    def respond(self, challenge: bytes) -> bytes:
        return b""


class Scram:
    """RFC 5802 and RFC 7677 without channel binding. ``digest`` is ``sha1`` or ``sha256``."""

    def __init__(self, digest: str, login: tuple[str, str], nonce: Callable[[], str] = lambda: secrets.token_urlsafe(NONCE_BYTES)) -> None:
        user, password = login
        self._digest = digest
        self._password = _prepare(password).encode()
        self._nonce = nonce()
        name = _prepare(user).replace("=", "=3D").replace(",", "=2C")
        self._first = f"n={name},r={self._nonce}"
        self._signature = b""
        self.is_proven = False

    def begin(self) -> bytes | None:
        return f"n,,{self._first}".encode()

    def respond(self, challenge: bytes) -> bytes:
        words = dict(part.partition("=")[::2] for part in challenge.decode("utf-8", "replace").split(","))
        if not self._signature:
            return self._prove(words, challenge.decode("utf-8", "replace"))
        signature = _decode(words.get("v", ""))
        if "e" in words or not hmac.compare_digest(signature, self._signature):
            raise SaslFault("the server does not prove that it knows the password")
        self.is_proven = True
        return b""

    def _prove(self, words: dict[str, str], server_first: str) -> bytes:
        """The client's proof (RFC 5802 section 3), which tells nothing to a server that does not know the password."""
        nonce, salt, rounds = words.get("r", ""), _decode(words.get("s", "")), words.get("i", "")
        if "m" in words or not nonce.startswith(self._nonce) or len(nonce) == len(self._nonce) or not salt:
            raise SaslFault("a bad first message of the server")
        if not (rounds.isascii() and rounds.isdigit()) or len(rounds) > 9 or int(rounds) not in ITERATIONS:
            raise SaslFault(f"an iteration count outside {ITERATIONS.start} to {ITERATIONS.stop - 1}")
        salted = hashlib.pbkdf2_hmac(self._digest, self._password, salt, int(rounds))
        final = f"c=biws,r={nonce}"
        signed = f"{self._first},{server_first},{final}".encode()
        client_key = self._hmac(salted, b"Client Key")
        proof = self._hmac(hashlib.new(self._digest, client_key).digest(), signed)
        proof = bytes(a ^ b for a, b in zip(client_key, proof, strict=True))
        self._signature = self._hmac(self._hmac(salted, b"Server Key"), signed)
        return f"{final},p={base64.b64encode(proof).decode()}".encode()

    def _hmac(self, key: bytes, message: bytes) -> bytes:
        return hmac.digest(key, message, self._digest)


def _decode(text: str) -> bytes:
    """Raises ``SaslFault``."""
    try:
        return base64.b64decode(text, validate=True)
    except ValueError:
        raise SaslFault("bad base64 of the server") from None


def _prepare(text: str) -> str:
    """The mappings of SASLprep (RFC 4013 section 2.1 and 2.2); what it prohibits is left to the server to refuse."""
    if text.isascii():
        return text
    mapped = (" " if stringprep.in_table_c12(c) else c for c in text if not stringprep.in_table_b1(c))
    return unicodedata.normalize("NFKC", "".join(mapped))
