"""Strict parser of the paths in MAIL FROM and RCPT TO (RFC 5321 section 4.1.2, with RFC 6531's UTF-8).

The address that comes out is canonical: a local part is quoted only where it must be, a source route is gone (it is to be
ignored: RFC 5321 appendix C). Letters keep their case.
"""

import re

from services.kernel.mail.domain import is_domain_or_literal

LOCAL_PART_OCTETS = 255
"""RFC 5321 section 4.5.3.1.1 promises 64; VERP and SRS senders are longer, and 255 still is a file name."""
PATH_OCTETS = 512
"""RFC 5321 section 4.5.3.1.3 promises 256; this is the sum of our other two limits."""

_ATOM = r'[^\0- "(),.:;<>@\[\\\]\x7f]+'
_DOT_STRING = rf"{_ATOM}(?:\.{_ATOM})*"
_QUOTED_STRING = r'"(?:[^\0-\x1f"\\\x7f]|\\[ -~])*"'
_ROUTE = r"@[^\s,:<>@]+(?:,@[^\s,:<>@]+)*:"
_PATH = re.compile(rf"<(?:{_ROUTE})?(?:({_DOT_STRING})|({_QUOTED_STRING}))@([^\s<>@\"]+)>(?: +(.*)|)", re.DOTALL)
_PLAIN = re.compile(_DOT_STRING)
_QUOTED_PAIR = re.compile(r"\\(.)")
_NEEDS_ESCAPE = re.compile(r'(["\\])')


class PathError(ValueError):
    """The text is no path. ``needs_utf8`` says that it would be one under SMTPUTF8."""

    def __init__(self, words: str, *, needs_utf8: bool = False) -> None:
        super().__init__(words)
        self.needs_utf8 = needs_utf8


def parse_reverse_path(text: str, *, allows_utf8: bool = True) -> tuple[str, str]:
    """Return ``(address, rest)`` of ``<address> rest``; the null path ``<>`` is ``""``. Raises ``PathError``."""
    if text.startswith("<>"):
        return "", _rest_after(text, 2)
    return _parse(text, allows_utf8)


def parse_forward_path(text: str, *, allows_utf8: bool = True) -> tuple[str, str]:
    """Return ``(address, rest)``; ``<postmaster>`` alone has no domain (RFC 5321 section 4.1.1.3). Raises ``PathError``."""
    if text[:12].lower() == "<postmaster>":
        return text[1:11], _rest_after(text, 12)
    return _parse(text, allows_utf8)


def _rest_after(text: str, position: int) -> str:
    rest = text[position:]
    if rest and not rest.startswith(" "):
        raise PathError("a space is expected after the path")
    return rest.strip(" ")


def _parse(text: str, allows_utf8: bool) -> tuple[str, str]:
    match = _PATH.fullmatch(text)
    if match is None:
        raise PathError("malformed address, <user@domain> is expected")
    plain, quoted, domain, rest = match.groups()
    local = plain or _canonical(quoted)
    if not is_domain_or_literal(domain):
        raise PathError("malformed domain in the address")
    address = f"{local}@{domain}"
    if not address.isprintable():
        raise PathError("characters in the address that cannot be printed")
    if not address.isascii() and not allows_utf8:
        raise PathError("an address outside ASCII needs SMTPUTF8", needs_utf8=True)
    if len(local.encode()) > LOCAL_PART_OCTETS or len(address.encode()) + 2 > PATH_OCTETS:
        raise PathError("address too long")
    return address, (rest or "").strip(" ")


def _canonical(quoted: str) -> str:
    """Take the quotes away when the local part is a dot-string without them (RFC 5321 section 4.1.2: both are the same mailbox)."""
    bare = _QUOTED_PAIR.sub(r"\1", quoted[1:-1])
    if _PLAIN.fullmatch(bare):
        return bare
    escaped = _NEEDS_ESCAPE.sub(r"\\\1", bare)
    return f'"{escaped}"'
