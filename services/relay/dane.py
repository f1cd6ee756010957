"""TLSA records of mail servers (RFC 6698, RFC 7672): which ones count, and whether they may be believed.

Records are believed where a validating resolver vouches, by the AD bit, for all that leads to them: the MX records, the address of the host and the
TLSA records themselves. Where it does not, there is no DANE, and the level below applies; an answer that does not validate is trouble (SERVFAIL), and
so is a lookup that cannot be done: the server is not used now, as who withholds an answer must not be able to switch DANE off (RFC 7672 section 2.1).
"""

from dataclasses import dataclass

from services.kernel.dns.answer import Found
from services.kernel.dns.answer import Trouble as DnsTrouble
from services.kernel.dns.resolver import Resolver
from services.kernel.smtp.tls_policy import Tlsa
from services.relay.hosts import Host

_DIGEST_BYTES = {1: 32, 2: 64}
"""SHA-256 and SHA-512 (RFC 6698 section 2.1.3)."""


@dataclass(frozen=True, slots=True)
class Secured:
    """The server has TLSA records under ``base`` (RFC 7672 section 2.2.3). With no usable one, TLS is needed and nothing verified (section 2.2)."""

    base: str
    port: int
    usable: tuple[Tlsa, ...]

    @property
    def owner(self) -> str:
        """The name that has the records."""
        return _owner(self.base, self.port)


@dataclass(frozen=True, slots=True)
class NotSecured:
    """There is no DANE for the server; ``reason`` says why, for people."""

    reason: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """Nobody could tell whether there is DANE; ``reason`` is for reports."""

    reason: str


async def find(resolver: Resolver, host: Host) -> Secured | NotSecured | Unknown:
    """What is known of one server."""
    name, port = host.endpoint.host, host.endpoint.port
    if not host.is_named_securely:
        return NotSecured("the MX records are not signed")
    if not host.is_address_secure:
        return await _find_by_alias(resolver, host)
    bases = [host.canonical, name] if host.canonical else [name]  # RFC 7672 section 2.2.2: the expanded name first
    for base in bases:
        found = await _look_up(resolver, base, port)
        if not isinstance(found, NotSecured):
            return found
    return NotSecured(f"{_owner(name, port)} has no signed TLSA records")


async def _find_by_alias(resolver: Resolver, host: Host) -> Secured | NotSecured | Unknown:
    """An alias in a signed zone to a host in an unsigned one still has the TLSA records of the alias (RFC 7672 section 2.2.2)."""
    name = host.endpoint.host
    if host.canonical:
        alias = await resolver.cname(name)
        if isinstance(alias, DnsTrouble):
            return Unknown(f"CNAME of {name} cannot be looked up: {alias.reason}")
        if isinstance(alias, Found) and alias.is_authenticated:
            return await _look_up(resolver, name, host.endpoint.port)
    return NotSecured(f"the address of {name} is not signed")


async def _look_up(resolver: Resolver, base: str, port: int) -> Secured | NotSecured | Unknown:
    owner = _owner(base, port)
    answer = await resolver.tlsa(owner)
    if isinstance(answer, DnsTrouble):
        return Unknown(f"TLSA lookup error for {owner}: {answer.reason}")
    if not isinstance(answer, Found) or not answer.is_authenticated:
        return NotSecured(f"{owner} has no signed TLSA records")
    return Secured(base, port, tuple(sorted(filter(is_usable, answer.records), key=str)))


def is_usable(record: Tlsa) -> bool:
    """Whether a record can be judged by: only DANE-TA(2) and DANE-EE(3) count for SMTP (RFC 7672 section 3.1.3)."""
    if record.usage not in (2, 3) or record.selector not in (0, 1):
        return False
    if record.matching == 0:
        return bool(record.data)
    return len(record.data) == _DIGEST_BYTES.get(record.matching)


def _owner(base: str, port: int) -> str:
    return f"_{port}._tcp.{base}"
