"""The mechanisms that show a token: OAUTHBEARER (RFC 7628) and XOAUTH2 (Google's and Microsoft's form before it)."""

import json
import re
from typing import Protocol

from services.kernel.directory import Account
from services.kernel.mail.address import fold
from services.kernel.sasl.exchange import Accounts, Challenge, Refused, SignedIn, Step, Why

TOKEN_BYTES = 6_000
"""Longer than the signed tokens of the large issuers; the protocols take lines of 8 KiB."""

_OAUTHBEARER = re.compile(rb"n,(?:a=([^,\x01]{1,320}))?,\x01((?:[A-Za-z]+=[\x09\x0a\x0d\x20-\x7e]*\x01)*)\x01")
_XOAUTH2 = re.compile(rb"user=([^\x01]{1,320})\x01((?:[A-Za-z]+=[\x09\x0a\x0d\x20-\x7e]*\x01)*)\x01")
_TOKEN = re.compile(rb"(?i:auth=bearer) ([A-Za-z0-9._~+/=-]+)")


class Issuer(Protocol):
    """Who knows what a token is worth."""

    async def user_of(self, token: str) -> str | None:
        """The user to whom a good token was given; ``None`` for any other. Raises ``DirectoryTrouble``."""


class Bearer:
    """One login. A refusal first tells why in a challenge, and is final with the response to that (RFC 7628 section 3.2.3)."""

    starts_with_client = True

    def __init__(self, accounts: Accounts, issuer: Issuer, *, is_xoauth2: bool, scope: str = "") -> None:
        self._accounts = accounts
        self._issuer = issuer
        self._form = _XOAUTH2 if is_xoauth2 else _OAUTHBEARER
        self._scope = scope
        self._refusal: Refused | None = None

    async def answer(self, response: bytes) -> Step:
        if self._refusal is not None:
            return self._refusal
        found = self._form.fullmatch(response)
        token = next((word[1] for word in map(_TOKEN.fullmatch, found[2].split(b"\x01")) if word), None) if found else None
        if found is None or token is None or len(token) > TOKEN_BYTES:
            return self._refuse(Refused(Why.MALFORMED), "invalid_request")
        wanted = _unescaped(found[1] or b"") if self._form is _OAUTHBEARER else found[1].decode("utf-8", "replace")
        user = await self._issuer.user_of(token.decode())
        account = await self._account(user) if user else None
        if account is None:
            return self._refuse(Refused(Why.WRONG, wanted or user or ""), "invalid_token")
        if wanted and fold(wanted) != account.address:
            return self._refuse(Refused(Why.OTHER_USER, wanted), "invalid_token")
        return SignedIn(account)

    async def _account(self, user: str) -> Account | None:
        """The enabled account with exactly this address: an extension is part of an address for mail, not of a user's name."""
        account = await self._accounts.account(user)
        return account if account is not None and account.enabled and account.address == fold(user) else None

    def _refuse(self, refusal: Refused, status: str) -> Challenge:
        self._refusal = refusal
        details = {"status": status} | ({"scope": self._scope} if self._scope else {})
        return Challenge(json.dumps(details).encode())


def _unescaped(name: bytes) -> str:
    """RFC 7628 section 3.1 takes the name from GS2 (RFC 5801 section 4): ``=2C`` is a comma, ``=3D`` an equals sign."""
    return name.decode("utf-8", "replace").replace("=2C", ",").replace("=3D", "=")
