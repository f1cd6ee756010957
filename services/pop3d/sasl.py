"""SASL PLAIN for POP3 (RFC 4616 in the profile of RFC 5034)."""

import base64
import binascii
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who wants to sign in, and with what."""

    login: str
    password: str


def decode_plain(response: bytes) -> Credentials | None:
    """Decode a base64 response ``[authzid] NUL authcid NUL passwd``.

    ``None`` for anything else, and when the client asks to act as someone else, which nobody may here.
    """
    try:
        identity, login, password = base64.b64decode(response, validate=True).decode("utf-8").split("\0")
    except (binascii.Error, ValueError):
        return None
    if not login or identity not in ("", login):
        return None
    return Credentials(login, password)
