"""Which servers a next hop means, in the order in which they are tried.

Answers a list of hosts, or the trouble that takes their place. A remote domain is believed when it says that it takes no mail. For what the operator
wrote (``[host]``, LMTP, smarthosts) and for domains that are ours to pass on, every trouble is temporary: a fault in our own DNS must not bounce mail
that we have promised to carry.
"""

import asyncio
import errno
import random
import socket
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from ipaddress import IPv6Address, ip_address

from services.kernel.dns.answer import Answer, Found, Mx, NoData, NxDomain
from services.kernel.dns.answer import Trouble as DnsTrouble
from services.kernel.dns.resolver import Resolver
from services.kernel.dns.upstream import QUESTION_SECONDS
from services.kernel.mail.domain import literal_address, to_ascii
from services.kernel.smtp.connection import Endpoint
from services.kernel.wire.delivery import NextHop, Protocol, Server
from services.relay import trouble as policy
from services.relay.carriers import PORTS
from services.relay.trouble import Scope, Trouble

MX_HOSTS = 20
"""More hosts of one list are not looked up: only the first few are ever tried (Postfix ``smtp_mx_address_limit`` is 5)."""

SystemLookup = Callable[[str, int], Awaitable[Sequence[str]]]
"""Addresses of a host by the system's own means. Raises ``OSError``."""


@dataclass(frozen=True, slots=True)
class Host:
    """One address to try. ``is_best`` marks the hosts of the best preference: only a connection to one of these is kept.

    ``is_mx`` hosts come from the MX records of the next hop, the others were named by the operator. ``is_named_securely`` and ``is_address_secure``
    tell what DNSSEC vouches for; ``canonical`` is where CNAMEs led to, empty for nowhere.
    """

    endpoint: Endpoint
    is_best: bool = True
    is_mx: bool = False
    is_named_securely: bool = True
    is_address_secure: bool = False
    canonical: str = ""
    better: Trouble | None = None
    """Why a better host of the list has no address, if one has none: what is to be said should this one be ourselves."""


@dataclass(frozen=True, slots=True)
class Way:
    """One server on the way of a message: the next hop, which of its places, and the host found for that."""

    nexthop: NextHop
    server: Server
    host: Host


@dataclass(frozen=True, slots=True)
class Own:
    """By what we know ourselves in an MX list: names in lower case, addresses (Postfix ``inet_interfaces``, ``proxy_interfaces``)."""

    names: frozenset[str]
    addresses: frozenset[str] = frozenset()

    def has_name(self, host: str) -> bool:
        """Whether ``host`` is our name."""
        return host.lower().rstrip(".") in self.names

    def has_address(self, addresses: Iterable[str]) -> bool:
        """Whether one of these is ours; the loopback always is."""
        return any(a in self.addresses or ip_address(a).is_loopback or ip_address(a).is_unspecified for a in addresses)


async def look_up_by_system(host: str, port: int) -> Sequence[str]:
    """``/etc/hosts`` and the system's resolver, which is where Docker answers for containers. Raises ``OSError``."""
    try:
        async with asyncio.timeout(QUESTION_SECONDS):
            found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except TimeoutError:
        raise OSError(errno.ETIMEDOUT, "the system's resolver does not answer") from None
    except UnicodeError:
        raise OSError(errno.EINVAL, "no host can have this name") from None
    return [str(address[0]) for *_, address in found]


class HostFinder:
    """Resolves next hops. ``rng`` shuffles hosts of equal preference."""

    def __init__(self, resolver: Resolver, own: Own, rng: random.Random, look_up: SystemLookup = look_up_by_system) -> None:
        self._resolver = resolver
        self._own = own
        self._rng = rng
        self._look_up = look_up

    async def find(self, nexthop: NextHop, server: Server, port: int) -> Sequence[Host] | Trouble:
        """The hosts of one place of a next hop, best first, or why there are none. ``port`` is for a place that names none."""
        port = server.port or port
        if server.host.startswith("/"):
            return [Host(Endpoint(server.host, "", 0))]
        address = _address(server.host)
        if address:
            return [Host(Endpoint(server.host, address, port))]
        if server.is_literal or nexthop.protocol is Protocol.LMTP:
            return _soften(await self._find_host(server.host, port))
        found = await self._find_mx(server.host, port)
        is_named_by_operator = nexthop.is_smarthost or server not in nexthop.servers
        return _soften(found) if nexthop.is_ours or is_named_by_operator else found

    async def _find_host(self, host: str, port: int) -> Sequence[Host] | Trouble:
        if "." not in host:  # a name of this network, not of the DNS
            try:
                addresses = await self._look_up(host, port)
            except OSError as error:
                return policy.local(Scope.SITE, "4.4.3", f"{host}: {error.strerror or error}")
            return [Host(Endpoint(host, address, port)) for address in addresses]
        answer = await self._resolver.addresses(host)
        if isinstance(answer, Found):
            facts = True, False, True, answer.is_authenticated, answer.name
            return [Host(Endpoint(host, address, port), *facts) for address in self._alternate(answer.records)]
        return _no_address(host, answer)

    async def _find_mx(self, domain: str, port: int) -> Sequence[Host] | Trouble:
        try:
            name = to_ascii(domain)
        except ValueError:
            return policy.local(Scope.SITE, "5.1.2", f"{domain} is no domain name")
        found = await self._resolver.mx(name)
        records = _read_mx(name, found)
        if isinstance(records, Trouble):
            return records
        answers = await asyncio.gather(*(self._resolver.addresses(mx.host) for mx in records))
        hosts = list(zip(records, answers, strict=True))
        usable = self._cut_loop(hosts) if port == PORTS[Protocol.SMTP] else hosts
        if not usable:  # RFC 5321 section 5.1
            return policy.local(Scope.SITE, "5.4.6", f"mail for {domain} loops back to myself")
        is_secure = not isinstance(found, Found) or found.is_authenticated  # the implicit MX is named by the recipient
        return self._order(domain, usable, port, is_secure=is_secure) or _no_hosts(domain, usable)

    def _cut_loop(self, hosts: list[tuple[Mx, Answer[str]]]) -> list[tuple[Mx, Answer[str]]]:
        """Leave only hosts that are better than ourselves (RFC 5321 section 5.1)."""
        ours = [
            mx.preference
            for mx, answer in hosts
            if self._own.has_name(mx.host) or (isinstance(answer, Found) and self._own.has_address(answer.records))
        ]
        return [(mx, answer) for mx, answer in hosts if mx.preference < min(ours)] if ours else hosts

    def _order(self, domain: str, hosts: list[tuple[Mx, Answer[str]]], port: int, *, is_secure: bool) -> list[Host]:
        """By preference, equal ones in random order (RFC 5321 section 5.1); each address once."""
        shuffled = sorted(hosts, key=lambda host: (host[0].preference, self._rng.random()))
        best = min(mx.preference for mx, _ in shuffled)
        ordered: dict[str, Host] = {}
        for mx, answer in shuffled:
            if not isinstance(answer, Found):
                continue
            missing = [(better, other) for better, other in hosts if better.preference < mx.preference and not isinstance(other, Found)]
            trouble = _no_hosts(domain, missing) if missing else None
            facts = mx.preference == best, True, is_secure, answer.is_authenticated, answer.name, trouble
            for address in self._alternate(answer.records):
                ordered.setdefault(address, Host(Endpoint(mx.host, address, port), *facts))
        return list(ordered.values())

    def _alternate(self, addresses: Sequence[str]) -> list[str]:
        """Both families by turns, so that a broken one costs few tries (Postfix ``smtp_balance_inet_protocols``); either may begin."""
        families = [[a for a in addresses if ":" not in a], [a for a in addresses if ":" in a]]
        for family in families:
            self._rng.shuffle(family)
        self._rng.shuffle(families)
        longest = max(map(len, families))
        return [family[n] for n in range(longest) for family in families if n < len(family)]


def _address(host: str) -> str:
    """The address that ``host`` is, as an operator or RFC 5321 section 4.1.3 writes it, or empty."""
    literal = literal_address(host if host.startswith("[") else f"[{host}]")
    if literal is not None:
        return str(literal)
    try:
        return str(IPv6Address(host))
    except ValueError:
        return ""


def _read_mx(domain: str, answer: Answer[Mx]) -> Sequence[Mx] | Trouble:
    match answer:
        case Found(records):
            named = sorted((mx for mx in records if mx.host), key=lambda mx: mx.preference)
            if not named:  # RFC 7505 section 3
                return policy.local(Scope.SITE, "5.1.10", f"{domain} does not accept mail (null MX)")
            return named[:MX_HOSTS]
        case NoData():
            return [Mx(0, domain)]  # RFC 5321 section 5.1: the implicit MX
        case NxDomain():
            return policy.local(Scope.SITE, "5.1.2", f"domain {domain} does not exist")
        case DnsTrouble(reason):
            return policy.local(Scope.SITE, "4.4.3", f"MX of {domain} cannot be looked up: {reason}")


def _no_address(name: str, answer: Answer[str]) -> Trouble:
    if isinstance(answer, DnsTrouble):
        return policy.local(Scope.SITE, "4.4.3", f"address of {name} cannot be looked up: {answer.reason}")
    return policy.local(Scope.SITE, "5.4.4", f"no mail server with an address for {name}")


def _no_hosts(domain: str, hosts: Iterable[tuple[Mx, Answer[str]]]) -> Trouble:
    """By the answer that leaves most hope: trouble if there was any."""
    return next((_no_address(mx.host, answer) for mx, answer in hosts if isinstance(answer, DnsTrouble)), _no_address(domain, NoData()))


def _soften(found: Sequence[Host] | Trouble) -> Sequence[Host] | Trouble:
    if isinstance(found, Trouble) and found.is_hard:
        return policy.local(found.scope, "4" + found.reply.enhanced[1:], found.reply.text)
    return found
