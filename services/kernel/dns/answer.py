"""What the domain name system can answer."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeAlias, TypeVar

Record = TypeVar("Record")


class Kind(StrEnum):
    """Record types that are asked for."""

    A = "A"
    AAAA = "AAAA"
    MX = "MX"
    CNAME = "CNAME"
    TLSA = "TLSA"
    TXT = "TXT"


@dataclass(frozen=True, slots=True)
class Mx:
    """One MX record (RFC 5321 section 5.1). ``host`` is without the last dot; empty in a null MX (RFC 7505)."""

    preference: int
    host: str


@dataclass(frozen=True, slots=True)
class Found(Generic[Record]):
    """The name has these records. ``is_authenticated`` is the AD bit (RFC 4035 section 3.2.3), which speaks for the whole way to ``name``, where
    the records are: it is empty where no CNAME led away from the name asked for.
    """

    records: tuple[Record, ...]
    ttl_seconds: float = 0.0
    is_authenticated: bool = False
    name: str = ""


@dataclass(frozen=True, slots=True)
class NoData:
    """The name exists, without records of this type (RFC 2308 section 2.2)."""

    ttl_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class NxDomain:
    """There is no such name (RFC 2308 section 2.1)."""

    ttl_seconds: float = 0.0


@dataclass(frozen=True, slots=True)
class Trouble:
    """Nobody could tell: a time limit, SERVFAIL, no name server. ``reason`` is for the operator."""

    reason: str


Answer: TypeAlias = Found[Record] | NoData | NxDomain | Trouble
