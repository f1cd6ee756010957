"""Asking the issuer of a token what it is worth (RFC 7662)."""

import asyncio
import base64
import hashlib
import http.client
import json
import ssl
import time
import urllib.parse
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from services.kernel.directory import DirectoryTrouble
from services.kernel.runtime.config import ConfigError
from services.kernel.sasl.config import OAuthSettings

ANSWER_BYTES = 65_536
"""An answer has a dozen short members."""
REMEMBERED = 10_000
"""Good tokens remembered at most, some 300 bytes each."""
QUESTIONS = 8
"""Asked at the same time; more wait their turn, so that guessing does not flood the issuer."""


@dataclass(frozen=True, slots=True)
class _Known:
    user: str
    until: float


class Introspection:
    """The issuer of the settings. Raises ``ConfigError`` when they cannot be used."""

    def __init__(self, settings: OAuthSettings, clock: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._clock = clock
        self._url = urllib.parse.urlsplit(settings.introspection_url)
        if self._url.scheme not in ("https", "http") or not self._url.hostname:
            raise ConfigError(f"sasl.oauth.introspection_url: {settings.introspection_url!r} is no URL of HTTPS")
        if self._url.scheme == "http" and self._url.hostname not in ("localhost", "127.0.0.1", "::1"):
            raise ConfigError("sasl.oauth.introspection_url: tokens go by HTTPS only, except to this machine (RFC 7662 section 4)")
        self._headers = _headers(settings)
        self._context = _context(settings) if self._url.scheme == "https" else None
        self._known: OrderedDict[bytes, _Known] = OrderedDict()
        self._turns = asyncio.Semaphore(QUESTIONS)

    async def user_of(self, token: str) -> str | None:
        """The user to whom a good token was given; ``None`` for any other. Raises ``DirectoryTrouble`` when the issuer does not say."""
        digest = hashlib.sha256(token.encode()).digest()
        known = self._known.get(digest)
        if known is not None and known.until > self._clock():
            return known.user
        try:
            async with asyncio.timeout(2 * self._settings.timeout_seconds), self._turns:
                answer = await asyncio.to_thread(self._ask, token)
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise DirectoryTrouble(f"token introspection at {self._url.hostname}: {str(error) or type(error).__name__}") from None
        return self._take(digest, answer)

    def _take(self, digest: bytes, answer: Any) -> str | None:
        if not isinstance(answer, dict) or not isinstance(answer.get("active"), bool):
            raise DirectoryTrouble(f"token introspection at {self._url.hostname}: the answer is not of RFC 7662")
        user = answer.get(self._settings.username_claim)
        if not answer["active"] or not self._is_in_scope(answer.get("scope")):
            self._known.pop(digest, None)
            return None
        if not isinstance(user, str) or not user:
            raise DirectoryTrouble(f"token introspection at {self._url.hostname}: the answer has no {self._settings.username_claim!r}")
        self._remember(digest, user, answer.get("exp"))
        return user

    def _is_in_scope(self, scopes: object) -> bool:
        return not self._settings.scope or (isinstance(scopes, str) and self._settings.scope in scopes.split())

    def _remember(self, digest: bytes, user: str, expires: object) -> None:
        until = self._clock() + self._settings.cache_seconds
        if isinstance(expires, int | float):
            until = min(until, expires)
        self._known[digest] = _Known(user, until)
        self._known.move_to_end(digest)
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)

    def _ask(self, token: str) -> Any:
        """One question on a connection of its own; redirections are not followed. Blocks. Raises ``OSError``, ``HTTPException``, ``ValueError``."""
        host, port, timeout = self._url.hostname or "", self._url.port, self._settings.timeout_seconds
        if self._context is not None:
            connection: http.client.HTTPConnection = http.client.HTTPSConnection(host, port, timeout=timeout, context=self._context)
        else:
            connection = http.client.HTTPConnection(host, port, timeout=timeout)
        try:
            target = (self._url.path or "/") + (f"?{self._url.query}" if self._url.query else "")
            body = urllib.parse.urlencode({"token": token, "token_type_hint": "access_token"})
            connection.request("POST", target, body, self._headers)
            response = connection.getresponse()
            content = response.read(ANSWER_BYTES + 1)
        finally:
            connection.close()
        if response.status != http.client.OK or len(content) > ANSWER_BYTES:
            raise ValueError(f"answered {response.status} with {len(content)} bytes")
        return json.loads(content)


def _headers(settings: OAuthSettings) -> dict[str, str]:
    headers = {"Content-Type": "application/x-www-form-urlencoded", "Accept": "application/json"}
    if settings.client_id:
        try:
            secret = settings.client_secret_file.read_text(encoding="utf-8").strip("\r\n") if settings.client_secret_file else ""
        except OSError as error:
            raise ConfigError(f"sasl.oauth.client_secret_file: {settings.client_secret_file}: {error.strerror}") from None
        # RFC 6749 section 2.3.1: both are form-encoded first
        pair = f"{urllib.parse.quote_plus(settings.client_id)}:{urllib.parse.quote_plus(secret)}"
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    return headers


def _context(settings: OAuthSettings) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=settings.ca_file)
    except OSError as error:
        raise ConfigError(f"sasl.oauth.ca_file: {settings.ca_file}: {error}") from None
