"""The adapter to dnspython, against a name server of the test's own."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import cast

import dns.flags
import dns.message
import dns.rcode
import dns.rdatatype
import dns.rrset
import pytest

from services.kernel.dns import upstream as module
from services.kernel.dns.answer import Answer, Found, Kind, NoData, NxDomain, Trouble
from services.kernel.dns.upstream import NoNameServers, Upstream

SOA = dns.rrset.from_text("test.", 900, "IN", "SOA", "ns.test. host.test. 1 2 3 4 300")
ZONE = {
    "one.test. MX": ["one.test. 60 IN MX 10 mx1.test."],
    "both.test. MX": ["both.test. 60 IN MX 10 mx1.test.", "both.test. 60 IN MX 20 mx2.test."],
    "alias.test. A": ["alias.test. 30 IN CNAME mx.test.", "mx.test. 60 IN A 192.0.2.1"],
    "null.test. MX": ["null.test. 60 IN MX 0 ."],
    "xn--bcher-kva.test. A": ["xn--bcher-kva.test. 60 IN A 192.0.2.2"],
    "empty.test. MX": [],
}
FAILING = {"failing.test.": dns.rcode.SERVFAIL, "refused.test.": dns.rcode.REFUSED, "too-long.test.": dns.rcode.YXDOMAIN}


class NameServer(asyncio.DatagramProtocol):
    """Answers from ``ZONE``; a name that is not in it does not exist, and ``silent.test`` gets no answer."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.DatagramTransport, transport)  # asyncio's own is none by inheritance

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        query = dns.message.from_wire(data)
        (question,) = query.question
        name = question.name.to_text()
        if name == "silent.test.":
            return
        reply = dns.message.make_response(query)
        records = ZONE.get(f"{name} {dns.rdatatype.to_text(question.rdtype)}")
        if name in FAILING:
            reply.set_rcode(FAILING[name])
        elif not records:
            reply.set_rcode(dns.rcode.NXDOMAIN if records is None else dns.rcode.NOERROR)
            reply.authority.append(SOA)
        for record in records or ():
            owner, ttl, class_, kind, rest = record.split(" ", 4)
            reply.find_rrset(
                reply.answer, dns.name.from_text(owner), dns.rdataclass.from_text(class_), dns.rdatatype.from_text(kind), create=True
            ).add(dns.rdata.from_text(class_, kind, rest), int(ttl))
        reply.flags |= query.flags & dns.flags.AD
        self._transport.sendto(reply.to_wire(), addr)


@asynccontextmanager
async def name_server() -> AsyncIterator[str]:
    transport, _ = await asyncio.get_running_loop().create_datagram_endpoint(NameServer, ("127.0.0.1", 0))
    yield f"127.0.0.1@{transport.get_extra_info('sockname')[1]}"
    transport.close()


def ask(name: str, kind: Kind) -> Answer[str]:
    async def scene() -> Answer[str]:
        async with name_server() as address:
            return await Upstream([address])(name, kind)

    return asyncio.run(scene())


@pytest.mark.parametrize(
    ("name", "kind", "answer"),
    [
        ("one.test", Kind.MX, Found(("10 mx1.test.",), 60, True)),
        ("one.test.", Kind.MX, Found(("10 mx1.test.",), 60, True)),
        ("alias.test", Kind.A, Found(("192.0.2.1",), 30, True, "mx.test")),
        ("null.test", Kind.MX, Found(("0 .",), 60, True)),
        ("bücher.test", Kind.A, Found(("192.0.2.2",), 60, True)),
        ("empty.test", Kind.MX, NoData(300)),
        ("missing.test", Kind.MX, NxDomain(300)),
        ("a" * 64 + ".test", Kind.MX, NxDomain()),
        ("a..test", Kind.MX, NxDomain()),
    ],
)
def test_answer_is_mapped(name: str, kind: Kind, answer: Answer[str]) -> None:
    assert ask(name, kind) == answer


def test_every_record_is_in_the_answer() -> None:
    answer = ask("both.test", Kind.MX)
    assert isinstance(answer, Found)
    assert set(answer.records) == {"10 mx1.test.", "20 mx2.test."}


@pytest.mark.parametrize("name", ["failing.test", "refused.test", "silent.test", "too-long.test"])
def test_name_server_that_cannot_tell_is_trouble(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "QUESTION_SECONDS", 0.2)
    assert isinstance(ask(name, Kind.MX), Trouble)


@pytest.mark.parametrize("server", ["dns.example", "192.0.2.1@dns", "192.0.2.1:53"])
def test_name_server_that_is_no_address_is_refused(server: str) -> None:
    with pytest.raises(NoNameServers):
        Upstream([server])
