"""What one session with one server must prove before it gets mail: decided by whoever opens it, checked by ``certificates``.

Pure values. Where a word comes from the operator, a ``ValueError`` tells what is wrong with it.
"""

import re
import ssl
from dataclasses import dataclass, field
from functools import lru_cache

from services.kernel.smtp.tls import TlsLevel

TLS_VERSIONS = {
    "SSLv2": None,
    "SSLv3": None,
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
"""Postfix's names, oldest first. What Python's OpenSSL cannot speak any more has no version."""

_CIPHERS = {"high": "HIGH:!aNULL", "medium": "HIGH:MEDIUM:!aNULL"}
"""Postfix ``tls_high_cipherlist`` and ``tls_medium_cipherlist`` without the anonymous ones; the lower grades are gone from OpenSSL."""


@dataclass(frozen=True, slots=True)
class Tlsa:
    """A TLSA record (RFC 6698 section 2.1): certificate usage, selector, matching type and the data they speak of."""

    usage: int
    selector: int
    matching: int
    data: bytes

    def __str__(self) -> str:
        return f"{self.usage} {self.selector} {self.matching} {self.data.hex()}"


@dataclass(frozen=True, slots=True)
class Anchors:
    """Whom we trust: the CAs of ``files`` (PEM), those of the system, or both. ``is_partial`` takes certificates in ``files`` that are no roots."""

    files: tuple[str, ...] = ()
    has_system: bool = True
    is_partial: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """Our client certificate: PEM files with the chain and the key."""

    certificate_file: str
    key_file: str


@dataclass(frozen=True, slots=True)
class TlsPolicy:
    """The level for one server and all that it is judged by. ``source`` says where the decision comes from, for people.

    The level is what holds for this session: ``dane`` is only here with usable ``tlsa`` records (``may`` or ``encrypt`` otherwise, RFC 7672 section
    2.2), and MTA-STS is ``secure``. ``names`` are those that the certificate may have, at ``verify``, ``secure``, and ``dane`` with usage 2; one
    with a leading dot stands for all its subdomains. ``fingerprints`` are upper-case hex with colons, made by ``digest``.
    """

    level: TlsLevel = TlsLevel.MAY
    source: str = field(default="", compare=False)
    names: tuple[str, ...] = ()
    fingerprints: tuple[str, ...] = ()
    digest: str = "sha256"
    tlsa: tuple[Tlsa, ...] = ()
    anchors: Anchors = Anchors()
    identity: Identity | None = None
    versions: tuple[str, ...] = ("TLSv1.2", "TLSv1.3")
    ciphers: str = "HIGH:MEDIUM:!aNULL"
    servername: str = ""
    is_implicit: bool = False
    is_reusable: bool = True

    @property
    def is_ca_checked(self) -> bool:
        """Whether the chain must lead to a CA that we trust."""
        return self.level in (TlsLevel.VERIFY, TlsLevel.SECURE)

    def __hash__(self) -> int:
        """Cheap, as kept connections are found by it: equal policies are equal in these."""
        return hash((self.level, self.names, self.fingerprints, self.servername))


CLEAR = TlsPolicy(TlsLevel.NONE)
OPPORTUNISTIC = TlsPolicy(TlsLevel.MAY)


@lru_cache(maxsize=256)
def parse_protocols(text: str) -> tuple[str, ...]:
    """Read ``>=TLSv1.2, <=TLSv1.3``, ``!SSLv2 !TLSv1`` or ``TLSv1.2 TLSv1.3`` (Postfix ``smtp_tls_protocols``). Raises ``ValueError``."""
    names = list(TLS_VERSIONS)
    low, high, excluded, included = 0, len(names) - 1, set[str](), set[str]()
    for word in re.split(r"[\s,:]+", text.strip()):
        sign, name = re.fullmatch(r"(>=|<=|!|)(.*)", word).groups()  # type: ignore[union-attr]  # it matches everything
        if not name and not sign:
            continue
        position = _version_position(name)
        match sign:
            case ">=":
                low = position
            case "<=":
                high = position
            case "!":
                excluded.add(names[position])
            case _:
                included.add(names[position])
    allowed = [name for name in names[low : high + 1] if name not in excluded and (not included or name in included) and TLS_VERSIONS[name]]
    if not allowed:
        raise ValueError(f"no version of TLS is left by {text!r}")
    return tuple(allowed)


def _version_position(name: str) -> int:
    by_name = {known.lower(): position for position, known in enumerate(TLS_VERSIONS)}
    by_name["tlsv1.0"] = by_name["tlsv1"]
    if name.lower() not in by_name:
        raise ValueError(f"{name!r} is no version of TLS")
    return by_name[name.lower()]


def cipher_list(grade: str, excluded: tuple[str, ...]) -> str:
    """OpenSSL's list for a grade of Postfix's. Raises ``ValueError`` for a grade there is not."""
    grades = {**_CIPHERS, **dict.fromkeys(("low", "export", "null"), _CIPHERS["medium"])}
    if grade.lower() not in grades:
        raise ValueError(f"{grade!r} is no cipher grade")
    return ":".join((grades[grade.lower()], *(f"!{cipher}" for cipher in excluded)))


def normal_fingerprint(text: str) -> str:
    """Upper-case hex, bytes parted by colons. Raises ``ValueError`` for anything that is no fingerprint."""
    digits = text.replace(":", "").strip().upper()
    if not re.fullmatch(r"(?:[0-9A-F]{2}){16,64}", digits):
        raise ValueError(f"{text!r} is no fingerprint")
    return ":".join(digits[n : n + 2] for n in range(0, len(digits), 2))
