"""Addresses in headers, envelopes and scripts (RFC 5228 sections 2.7.4, 5.1 and 5.4)."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from services.kernel.mail.mime.addresses import MISSING_DOMAIN, MISSING_MAILBOX, parse

HEADERS = frozenset(
    {"from", "to", "cc", "bcc", "sender", "reply-to"}
    | {"resent-from", "resent-sender", "resent-to", "resent-cc", "resent-bcc", "resent-reply-to"}
    | {"return-path", "return-receipt-to", "disposition-notification-to", "errors-to", "mail-followup-to", "mail-reply-to"}
    | {"delivered-to", "envelope-to", "x-original-to", "apparently-to", "abuse-reports-to", "x-complaints-to", "x-delivered-to", "approved"}
)
"""Fields whose value is a list of addresses; the ``address`` test takes these and no others."""

_LOCAL = re.compile(r'[^\s\x00-\x20\x7f-\uffff()<>\[\]:;@\\,"]+|"(?:[^"\\\r\n]|\\[^\r\n])*"')
_DOMAIN = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*|\[[A-Za-z0-9:.]+\]")
_ROUTE = re.compile(r"(?:@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)(?:,@[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*)*:")
_QUOTED_PAIR = re.compile(r"\\(.)")
MAX_ADDRESS = 320
"""Octets of an address to send to: 64 of the local part, ``@`` and 255 of the domain (RFC 5321 section 4.5.3.1)."""


@dataclass(frozen=True, slots=True)
class Address:
    """``text`` is the whole; ``local`` and ``domain`` are ``None`` when it is not valid."""

    text: str
    local: str | None = None
    domain: str | None = None


NULL = Address("", "", "")
"""The null reverse-path: the empty string whatever the part (RFC 5228 section 5.4)."""


def in_header(value: bytes) -> Iterator[Address]:
    """The addresses of an unfolded field, those of groups too. A value without a valid one is one invalid address."""
    found = list(parse(value))
    entries = [entry for entry in found if entry.host is not None]
    valid = [address for entry in entries if (address := _valid(entry.mailbox or b"", entry.host or b"")) is not None]
    if len(valid) < len(entries) or not found:
        yield Address(value.decode("utf-8", "replace"))
    yield from valid


def _valid(mailbox: bytes, host: bytes) -> Address | None:
    if mailbox in (b"", MISSING_MAILBOX) or host in (b"", MISSING_DOMAIN):
        return None
    local, domain = mailbox.decode("utf-8", "replace"), host.decode("utf-8", "replace")
    if not (local.isascii() and _DOMAIN.fullmatch(domain)):
        return None
    return Address(f"{local}@{domain}", local, domain)


def in_envelope(path: str) -> Address | None:
    """A reverse-path or forward-path (RFC 5321 section 4.1.2), with or without its angle brackets; ``None`` when it is none."""
    if path.startswith("<") and path.endswith(">"):
        path = path[1:-1]
    if not path:
        return NULL
    if path.startswith("@"):
        route = _ROUTE.match(path)
        if route is None:
            return None
        path = path[route.end() :]
    local, at, domain = path.rpartition("@")
    if not at:
        return Address(path, path, "") if _LOCAL.fullmatch(path) else None
    if not _LOCAL.fullmatch(local) or not _DOMAIN.fullmatch(domain):
        return None
    return Address(path, local, domain)


def to_send(text: str) -> str | None:
    """The address in a string of a script that is to get mail: ``user@domain`` or ``Name <user@domain>``; ``None`` unless it is one valid address."""
    found = parse(text.encode("utf-8", "replace"))
    if len(found) != 1 or found[0].host is None:
        return None
    entry = found[0]
    opening, closing = text.count("<"), text.count(">")
    if (opening, closing) not in ((0, 0), (1, 1)) or (closing and not text.rstrip().endswith(">")) or (not opening and entry.name):
        return None
    bare = (entry.mailbox or b"") + b"@" + (entry.host or b"")
    if not opening and '"' not in text and "(" not in text and "".join(text.split()).encode("utf-8", "replace") != bare:
        return None
    return _sendable(entry.mailbox or b"", entry.host or b"")


def _sendable(mailbox: bytes, host: bytes) -> str | None:
    valid = _valid(mailbox, host)
    if valid is None or len(valid.text) > MAX_ADDRESS or not valid.text.isprintable():
        return None
    local = valid.local or ""
    written = local if _LOCAL.fullmatch(local) and not local.startswith('"') else '"' + local.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return f"{written}@{valid.domain}"


def part(address: Address, name: str, delimiter: str) -> str | None:
    """The part of an address that a tag names: ``all``, ``localpart``, ``domain``, ``user``, ``detail`` (RFC 5233); ``None`` when there is none."""
    if name == "all":
        return address.text
    if address is NULL:
        return ""
    if address.local is None or name == "localpart":
        return address.local
    if name == "domain":
        return address.domain
    return _user(address.local, delimiter) if name == "user" else _detail(address.local, delimiter)


def _split_at(local: str, delimiter: str) -> int:
    return min((at for at in map(local.find, delimiter) if at >= 0), default=-1)


def _user(local: str, delimiter: str) -> str:
    at = _split_at(local, delimiter)
    return local if at < 0 else local[:at]


def _detail(local: str, delimiter: str) -> str | None:
    at = _split_at(local, delimiter)
    return None if at < 0 else local[at + 1 :]
