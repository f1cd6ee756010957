"""Next hops and transport table entries, as Postfix writes them."""

from dataclasses import dataclass
from ipaddress import ip_address

from services.kernel.mail.reply import Reply

_SERVICES = {"smtp": 25, "submission": 587, "lmtp": 24}
_NETWORK_TRANSPORTS = ("smtp", "relay", "lmtp")


@dataclass(frozen=True, slots=True)
class Nexthop:
    """``is_literal`` for ``[host]``: no MX lookup. Port 0 is the protocol's own."""

    host: str
    port: int = 0
    is_literal: bool = False


@dataclass(frozen=True, slots=True)
class Entry:
    """A transport table entry; an empty transport or no next hop means the default one."""

    transport: str
    nexthop: Nexthop | None


def parse_nexthop(text: str) -> Nexthop:
    """Read ``host``, ``host:port``, ``[host]``, ``[host]:port``; an address is always literal. Raises ``ValueError``."""
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else ""
        if not bracket or (rest and not port):
            raise ValueError(f"bad next hop {text!r}")
        is_literal = True
    else:
        host, _, port = text.partition(":")
        is_literal = _is_address(host)
    host = host.removeprefix("IPv6:").removeprefix("ipv6:")
    if not host or any(character.isspace() or character in "[]," for character in host):
        raise ValueError(f"bad next hop {text!r}")
    return Nexthop(host, _port(port) if port else 0, is_literal)


def parse_entry(text: str) -> Entry | Reply:
    """Read ``transport:nexthop``, ``:nexthop``, ``transport:`` or ``:``; ``error:`` and ``retry:`` give a reply. Raises ``ValueError``."""
    transport, colon, rest = text.strip().partition(":")
    rest = rest.strip()
    if not colon:
        raise ValueError(f"expected transport:nexthop, not {text!r}")
    if transport in ("error", "retry"):
        return _refusal(transport, rest)
    if transport and transport not in _NETWORK_TRANSPORTS:
        raise ValueError(f"there is no transport {transport!r} here")
    if transport == "lmtp":
        if rest.startswith("unix:"):
            raise ValueError("lmtp over a Unix socket does not cross containers")
        rest = rest.removeprefix("inet:")
    return Entry(transport, parse_nexthop(rest) if rest else None)


def _refusal(transport: str, rest: str) -> Reply:
    """Defaults as in error(8): ``5.0.0`` for error, ``4.0.0`` for retry."""
    code, enhanced = (550, "5.0.0") if transport == "error" else (450, "4.0.0")
    status, _, text = rest.partition(" ")
    digits = status.split(".")
    if len(digits) == 3 and all(part.isdigit() for part in digits) and digits[0] == enhanced[0]:
        return Reply(code, status, text.strip() or "mail is not taken for this address")
    return Reply(code, enhanced, rest or "mail is not taken for this address")


def _port(text: str) -> int:
    number = _SERVICES.get(text) or (int(text) if text.isascii() and text.isdigit() else 0)
    if not 0 < number < 65536:
        raise ValueError(f"bad port {text!r}")
    return number


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
