"""The adapter to dnspython: asks name servers, and maps its exceptions to answers, once, here."""

import asyncio
from collections.abc import Sequence
from ipaddress import ip_address

import dns.asyncresolver
import dns.exception
import dns.flags
import dns.message
import dns.name
import dns.nameserver
import dns.resolver

from services.kernel.dns.answer import Answer, Found, Kind, NoData, NxDomain, Trouble

QUESTION_SECONDS = 10.0
"""All tries of one question together: resolv.conf(5) has two attempts of 5 s."""
OPEN_QUESTIONS = 100
"""Each has a socket of its own."""
PAYLOAD_BYTES = 1232
"""DNS Flag Day 2020: the largest UDP answer that is not fragmented."""

_NO_NAMES = (dns.name.LabelTooLong, dns.name.NameTooLong, dns.name.EmptyLabel, dns.name.BadEscape, dns.name.IDNAException, UnicodeError)


class NoNameServers(OSError):
    """The system names no name server, or a configured one is not an address."""


class Upstream:
    """Asks ``name_servers`` (addresses, optionally ``address@port``), or those of ``/etc/resolv.conf`` when there are none."""

    def __init__(self, name_servers: Sequence[str] = ()) -> None:
        self._resolver = _resolver(name_servers)
        self._places = asyncio.Semaphore(OPEN_QUESTIONS)

    async def __call__(self, name: str, kind: Kind) -> Answer[str]:
        """Ask for the records of an absolute name; each is in presentation form (RFC 1035 section 5.1)."""
        async with self._places:
            return await self._ask(name, kind)

    async def _ask(self, name: str, kind: Kind) -> Answer[str]:
        try:
            answer = await self._resolver.resolve(name.rstrip(".") + ".", kind.value, raise_on_no_answer=False, search=False)
        except dns.resolver.NXDOMAIN as error:
            return NxDomain(_negative_seconds(error))
        except (dns.resolver.NoNameservers, dns.exception.Timeout) as error:
            return Trouble(" ".join(str(error).split()))
        except _NO_NAMES:
            return NxDomain()  # a name that the system cannot hold
        except (dns.exception.DNSException, ValueError) as error:  # whatever it is, it does not say that there is no such name
            return Trouble(f"{name}: {' '.join(str(error).split()) or type(error).__name__}")
        except OSError as error:
            return Trouble(f"{name}: {error.strerror or error}")
        if answer.rrset is None:
            return NoData(answer.chaining_result.minimum_ttl)
        is_authenticated = bool(answer.response.flags & dns.flags.AD)
        records = tuple(record.to_text() for record in answer.rrset)
        chain = answer.chaining_result
        led_to = chain.canonical_name.to_text(omit_final_dot=True).lower() if chain.cnames else ""
        return Found(records, chain.minimum_ttl, is_authenticated, led_to)


def _negative_seconds(error: dns.resolver.NXDOMAIN) -> float:
    """How long a denial may be believed: from the SOA record in it (RFC 2308 section 5)."""
    replies = error.responses().values()  # type: ignore[no-untyped-call]  # dnspython leaves this one without types
    return min((_minimum_ttl(reply) for reply in replies), default=0.0)


def _minimum_ttl(reply: dns.message.Message) -> float:
    if not isinstance(reply, dns.message.QueryMessage):
        return 0.0
    try:
        return reply.resolve_chaining().minimum_ttl
    except dns.exception.DNSException:
        return 0.0


def _resolver(name_servers: Sequence[str]) -> dns.asyncresolver.Resolver:
    try:
        resolver = dns.asyncresolver.Resolver(configure=not name_servers)
        if name_servers:
            resolver.nameservers = [_name_server(server) for server in name_servers]
    except (dns.exception.DNSException, ValueError) as error:
        raise NoNameServers(0, f"name servers: {error}") from None
    resolver.lifetime = QUESTION_SECONDS
    resolver.use_edns(0, 0, PAYLOAD_BYTES)
    resolver.flags = dns.flags.RD | dns.flags.AD  # RFC 6840 section 5.7: AD in a question asks for it in the answer
    return resolver


def _name_server(text: str) -> dns.nameserver.Nameserver:
    address, _, port = text.partition("@")
    return dns.nameserver.Do53Nameserver(str(ip_address(address)), int(port or 53))
