"""Domain names and address literals as SMTP writes them."""

import re
from functools import lru_cache
from ipaddress import IPv4Address, IPv6Address

DOMAIN_OCTETS = 255
"""RFC 5321 section 4.5.3.1.2."""
LABEL_OCTETS = 63
"""RFC 1035 section 2.3.4."""

_EDGE = r"[^\0-/:-@\[-^`{-\x7f]"
"""Letters and digits, U-labels (RFC 6531 section 3.3), and the underscore, which real hosts have and Postfix allows. What is left out is written
down, in all patterns with U-labels: to compile a range up to the last character takes milliseconds."""
_INNER = r"[^\0-,./:-@\[-^`{-\x7f]"
_NAME = re.compile(rf"{_EDGE}(?:{_INNER}*{_EDGE})?(?:\.{_EDGE}(?:{_INNER}*{_EDGE})?)*")


@lru_cache(maxsize=4096)
def is_domain(name: str) -> bool:
    """Tell whether ``name`` is a Domain of RFC 5321 section 4.1.2, without a trailing dot; a single label is one."""
    if len(name) > DOMAIN_OCTETS or not name.isprintable() or not _NAME.fullmatch(name):
        return False
    try:
        ascii_form = to_ascii(name)
    except ValueError:
        return False
    return len(ascii_form) <= DOMAIN_OCTETS and max(map(len, ascii_form.split("."))) <= LABEL_OCTETS


def to_ascii(name: str) -> str:
    """Return the form that the DNS knows, U-labels as A-labels (RFC 5890, mapped as the codec does). Raises ``ValueError`` when there is none."""
    if name.isascii():
        return name
    return name.encode("idna").decode("ascii")


def address_to_ascii(address: str) -> str:
    """Return an address with its domain as the DNS knows it; as it was when there is no such form. A local part has no other form."""
    if address.isascii():
        return address
    local, at, domain = address.rpartition("@")
    try:
        return f"{local}{at}{to_ascii(domain)}"
    except ValueError:
        return address


def literal_address(text: str) -> IPv4Address | IPv6Address | None:
    """Return the address of ``[192.0.2.1]`` or ``[IPv6:2001:db8::1]`` (RFC 5321 section 4.1.3), ``None`` for anything else."""
    if not (text.startswith("[") and text.endswith("]")):
        return None
    inner = text[1:-1]
    try:
        if inner[:5].upper() == "IPV6:":
            return None if "%" in inner else IPv6Address(inner[5:])
        return IPv4Address(inner)
    except ValueError:
        return None


def to_literal(address: str) -> str:
    """Return an IP address as an address literal, ``[192.0.2.1]``."""
    return f"[IPv6:{address}]" if ":" in address else f"[{address}]"


def is_domain_or_literal(text: str) -> bool:
    """Tell whether ``text`` may follow EHLO, HELO or the ``@`` of a mailbox."""
    return literal_address(text) is not None if text.startswith("[") else is_domain(text)
