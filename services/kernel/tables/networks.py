"""Networks as cidr_table(5) writes them."""

from socket import AF_INET, AF_INET6, inet_ntop, inet_pton
from typing import NamedTuple

_FAMILY = {32: AF_INET, 128: AF_INET6}


class Address(NamedTuple):
    """An address of 32 or 128 bits."""

    bits: int
    number: int

    def masked(self, length: int) -> int:
        """The network of this length that the address is in."""
        shift = self.bits - length
        return self.number >> shift << shift


class Network(NamedTuple):
    """``number`` with the first ``length`` of ``bits`` that count."""

    bits: int
    number: int
    length: int

    def holds(self, address: Address) -> bool:
        """Is the address inside?"""
        return self.bits == address.bits and address.masked(self.length) == self.number

    def __str__(self) -> str:
        return f"{inet_ntop(_FAMILY[self.bits], self.number.to_bytes(self.bits // 8))}/{self.length}"


def parse_address(text: str) -> Address | None:
    """An address as ``inet_pton`` reads it, or ``None``."""
    try:
        if ":" in text:
            return Address(128, int.from_bytes(inet_pton(AF_INET6, text)))
        return Address(32, int.from_bytes(inet_pton(AF_INET, text)))
    except (OSError, ValueError):  # ValueError: a null character, or not ASCII
        return None


def parse_network(text: str) -> Network:
    """Read ``address``, ``address/length``, ``[address]/length`` or ``[address/length]``.

    Raises ``ValueError`` also for host bits beyond the mask.
    """
    written, slash, mask = _strip_brackets(text).partition("/")
    if slash and not (mask.isascii() and mask.isdigit()):
        raise ValueError(f"bad mask value in {text!r}")
    address = parse_address(written)
    if address is None:
        raise ValueError(f"bad address pattern: {text!r}")
    length = int(mask[-9:]) if slash else address.bits
    if length > address.bits:
        raise ValueError(f"bad mask length in {text!r}")
    number = address.masked(length)
    network = Network(address.bits, number, length)
    if number != address.number:
        raise ValueError(f"{text!r} has host bits set; perhaps you mean {network}")
    return network


def _strip_brackets(text: str) -> str:
    if not text.startswith("["):
        return text
    inner, bracket, rest = text[1:].partition("]")
    if not bracket:
        raise ValueError(f"missing ']' in {text!r}")
    if rest and not (rest.startswith("/") and "/" not in inner):
        raise ValueError(f"garbage after ']' in {text!r}")
    return inner + rest
