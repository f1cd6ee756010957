"""Next hops and transport table entries, as Postfix writes them."""

import re
from dataclasses import dataclass
from ipaddress import ip_address

_SERVICES = {"smtp": 25, "submission": 587, "submissions": 465, "smtps": 465, "lmtp": 24}
"""Port names (IANA), those of mail."""
_SEPARATORS = re.compile(r"[\s,]+")


@dataclass(frozen=True, slots=True)
class Nexthop:
    """``is_literal`` for ``[host]``: no MX lookup. Port 0 is the protocol's own. A host that begins with ``/`` is a Unix socket."""

    host: str
    port: int = 0
    is_literal: bool = False

    def __str__(self) -> str:
        """Postfix's way to write it: ``[host]:587``."""
        host = f"[{self.host}]" if self.is_literal else self.host
        return f"{host}:{self.port}" if self.port else host


@dataclass(frozen=True, slots=True)
class Entry:
    """A transport and its next hop, not yet read: what that means is the transport's. Empty for the default one."""

    transport: str
    nexthop: str


def parse_entry(text: str) -> Entry:
    """Cut ``transport:nexthop``, ``transport``, ``:nexthop`` or ``:`` (transport(5), "RESULT FORMAT")."""
    transport, _, nexthop = text.strip().partition(":")
    return Entry(transport.strip(), nexthop.strip())


def parse_nexthops(text: str) -> tuple[Nexthop, ...]:
    """Read a list of next hops, separated by commas or white space (Postfix 3.5). Raises ``ValueError``, also for an empty one."""
    nexthops = tuple(parse_nexthop(item) for item in _SEPARATORS.split(text) if item)
    if not nexthops:
        raise ValueError("a next hop is expected")
    return nexthops


def parse_nexthop(text: str) -> Nexthop:
    """Read ``host``, ``host:port``, ``[host]``, ``[host]:port``; an address is always literal, a port may be a service's name.

    Raises ``ValueError``.
    """
    if text.startswith("["):
        host, bracket, rest = text[1:].partition("]")
        port = rest[1:] if rest.startswith(":") else ""
        if not bracket or (rest and not port):
            raise ValueError(f"bad next hop {text!r}")
        is_literal = True
    else:
        host, colon, port = text.partition(":")
        is_literal = _is_address(host)
        if colon and not port:
            raise ValueError(f"bad next hop {text!r}")
    host = host.removeprefix("IPv6:").removeprefix("ipv6:")
    if not host or any(character.isspace() or character in "[]," for character in host):
        raise ValueError(f"bad next hop {text!r}")
    return Nexthop(host, _port(port) if port else 0, is_literal)


def parse_lmtp(text: str) -> tuple[Nexthop, ...]:
    """Read ``unix:/path``, or a list of ``inet:host:port``, ``host:port`` ...; never a lookup of MX (lmtp(8)). Raises ``ValueError``."""
    if text.startswith("unix:"):
        path = text.removeprefix("unix:").strip()
        if not path.startswith("/") or any(character.isspace() for character in path):
            raise ValueError(f"bad socket {text!r}: a path that begins with / is expected")
        return (Nexthop(path, is_literal=True),)
    items = [item.removeprefix("inet:") for item in _SEPARATORS.split(text) if item]
    return tuple(Nexthop(nexthop.host, nexthop.port, is_literal=True) for nexthop in parse_nexthops(",".join(items)))


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
