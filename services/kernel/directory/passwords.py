"""Password hashes (argon2id) and the check of a login.

A check costs 19 MiB and some 20 ms of a core, so checks run in threads, few at a time, and a success is remembered for a short
while under a keyed digest of hash and password: a changed password is another digest, and the memory holds no secret.
"""

import asyncio
import hashlib
import hmac
import secrets
import time
from collections.abc import Callable

# OWASP Password Storage Cheat Sheet, "Argon2id": m=19456 (19 MiB), t=2, p=1
MEMORY_KIB = 19_456
PASSES = 2
LANES = 1
HASH_BYTES = 32
SALT_BYTES = 16
"""RFC 9106 section 4 recommends 128 bits of salt."""
REMEMBERED = 10_000
"""Logins remembered at most; 200 bytes each."""

_NOBODY = "$argon2id$v=19$m=19456,t=2,p=1$bm9ib2R5IGtub3dzIGl0$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
"""A hash that no password is known for: checking against it takes the time of a real check."""


def hash_password(password: str) -> str:
    """The argon2id hash of a password in its standard text form. Takes some 20 ms."""
    from argon2.low_level import Type, hash_secret

    salt = secrets.token_bytes(SALT_BYTES)
    made = hash_secret(password.encode(), salt, PASSES, MEMORY_KIB, LANES, HASH_BYTES, Type.ID)
    return made.decode()


def is_password(stored: str, password: str) -> bool:
    """Tell whether ``password`` has the hash ``stored``; a hash of another kind or a broken one fits no password."""
    from argon2.exceptions import InvalidHashError, VerificationError
    from argon2.low_level import Type, verify_secret

    try:
        return verify_secret(stored.encode(), password.encode(), Type.ID)
    except (VerificationError, InvalidHashError):
        return False


class Verifier:
    """Checks logins of one process."""

    def __init__(self, threads: int, remember_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._slots = asyncio.Semaphore(threads)
        self._remember_seconds = remember_seconds
        self._clock = clock
        self._key = secrets.token_bytes(32)
        self._known: dict[bytes, float] = {}

    async def verify(self, stored: str | None, password: str) -> bool:
        """Tell whether the password fits; ``None`` or an empty hash, an unknown user's, never does and takes as long."""
        digest = self._digest(stored or "", password)
        if self._known.get(digest, 0.0) > self._clock():
            return True
        async with self._slots:
            fits = await asyncio.to_thread(is_password, stored or _NOBODY, password)
        if fits and stored:
            self._remember(digest)
            return True
        return False

    def _digest(self, stored: str, password: str) -> bytes:
        return hmac.digest(self._key, hashlib.sha256(stored.encode()).digest() + password.encode(), "sha256")

    def _remember(self, digest: bytes) -> None:
        self._known.pop(digest, None)
        if len(self._known) >= REMEMBERED:
            del self._known[next(iter(self._known))]
        self._known[digest] = self._clock() + self._remember_seconds
