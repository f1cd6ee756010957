"""XFORWARD: a trusted relay tells who gave it the message (Postfix XFORWARD_README)."""

from dataclasses import dataclass, replace
from ipaddress import ip_address

from services.kernel.mail.parameters import ParameterError, decode_xtext, encode_xtext
from services.kernel.mail.queueid import is_queue_id

ATTRIBUTES = ("NAME", "ADDR", "PORT", "PROTO", "HELO", "IDENT", "SOURCE")
"""What is announced and understood."""
UNAVAILABLE = "[UNAVAILABLE]"
VALUE_CHARACTERS = 255


@dataclass(frozen=True, slots=True)
class Forwarded:
    """The client that the relay had; empty where it does not say. ``identity`` is the trace id that the message has there."""

    address: str = ""
    port: int = 0
    name: str = ""
    helo: str = ""
    protocol: str = ""
    identity: str = ""


def parse_xforward(argument: str, known: Forwarded) -> Forwarded:
    """Add the attributes of one command to what is known. Raises ``ParameterError``."""
    for word in argument.split():
        attribute, equals, value = word.partition("=")
        if not equals or attribute.upper() not in ATTRIBUTES:
            raise ParameterError("attribute=value is expected")
        known = _take(known, attribute.upper(), "" if value.upper() == UNAVAILABLE else decode_xtext(value)[:VALUE_CHARACTERS])
    return known


def _take(known: Forwarded, attribute: str, value: str) -> Forwarded:
    match attribute:
        case "ADDR":
            return replace(known, address=_address(value))
        case "PORT":
            return replace(known, port=int(value) if value.isdigit() and len(value) <= 5 else 0)
        case "NAME":
            return replace(known, name=value)
        case "HELO":
            return replace(known, helo=value)
        case "PROTO":
            return replace(known, protocol=value)
        case "IDENT":
            return replace(known, identity=value if is_queue_id(value) else "")
        case _:
            return known


def _address(value: str) -> str:
    if not value:
        return ""
    try:
        return str(ip_address(value.removeprefix("IPV6:").removeprefix("IPv6:")))
    except ValueError:
        raise ParameterError("ADDR is an address") from None


def xforward_command(client: Forwarded, offered: frozenset[str]) -> bytes:
    """The command for a server that announced the attributes ``offered``; empty when it takes none."""
    address = f"IPV6:{client.address}" if ":" in client.address else client.address
    values = {
        "NAME": client.name,
        "ADDR": address,
        "PORT": str(client.port) if client.port else "",
        "PROTO": client.protocol,
        "HELO": client.helo,
        "IDENT": client.identity,
        "SOURCE": "REMOTE",
    }
    words = [f"{name}={_encode(value)}" for name, value in values.items() if name in offered]
    return f"XFORWARD {' '.join(words)}\r\n".encode() if words else b""


def _encode(value: str) -> str:
    return encode_xtext(value[:VALUE_CHARACTERS]) if value and value.isascii() and value.isprintable() else UNAVAILABLE
