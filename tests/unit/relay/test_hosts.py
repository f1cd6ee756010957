"""Next hops become hosts, or a trouble that says what is wrong with them."""

import asyncio
import random
from collections.abc import Sequence

import pytest

from services.kernel.dns.answer import Answer, Found, Kind, NoData, NxDomain, Trouble
from services.kernel.dns.resolver import Resolver
from services.kernel.smtp.connection import Endpoint
from services.kernel.wire.delivery import NextHop, Protocol
from services.relay import trouble as policy
from services.relay.carriers import PORTS
from services.relay.hosts import Host, HostFinder, Own, look_up_by_system

OWN = Own(frozenset({"mx.ours.test"}), frozenset({"192.0.2.99"}))
ZONE: dict[tuple[str, str], Answer[str]] = {
    ("two.test", "MX"): Found(("20 mx2.test.", "10 mx1.test.")),
    ("mx1.test", "A"): Found(("192.0.2.1",)),
    ("mx2.test", "A"): Found(("192.0.2.2",)),
    ("mx3.test", "A"): Found(("192.0.2.3",)),
    ("dual.test", "MX"): Found(("10 dual.test.",)),
    ("dual.test", "A"): Found(("192.0.2.5", "192.0.2.6")),
    ("dual.test", "AAAA"): Found(("2001:db8::5", "2001:db8::6")),
    ("equal.test", "MX"): Found(("10 mx1.test.", "10 mx2.test.", "10 mx3.test.")),
    ("same.test", "MX"): Found(("10 mx1.test.", "20 mx1.test.")),
    ("implicit.test", "MX"): NoData(),
    ("implicit.test", "A"): Found(("192.0.2.7",)),
    ("null.test", "MX"): Found(("0 .",)),
    ("nothing.test", "MX"): NoData(),
    ("nothing.test", "A"): NoData(),
    ("deaf.test", "MX"): Found(("10 nowhere.test.",)),
    ("half.test", "MX"): Found(("10 nowhere.test.", "20 troubled.test.")),
    ("partly.test", "MX"): Found(("10 troubled.test.", "20 mx2.test.")),
    ("standby.test", "MX"): Found(("10 troubled.test.", "20 mx.ours.test.")),
    ("troubled.test", "MX"): Trouble("SERVFAIL"),
    ("troubled.test", "A"): Trouble("SERVFAIL"),
    ("loop.test", "MX"): Found(("10 mx.ours.test.",)),
    ("second.test", "MX"): Found(("10 mx1.test.", "20 MX.ours.test.", "30 mx3.test.")),
    ("beside.test", "MX"): Found(("10 mx1.test.", "10 mx.ours.test.")),
    ("hidden.test", "MX"): Found(("10 mx1.test.", "20 other-name.test.")),
    ("other-name.test", "A"): Found(("192.0.2.99",)),
    ("loopback.test", "MX"): Found(("10 local.test.",)),
    ("local.test", "A"): Found(("127.0.0.1",)),
    ("mx.ours.test", "A"): Found(("192.0.2.98",)),
    ("smart.test", "A"): Found(("192.0.2.8",)),
    ("xn--bcher-kva.test", "MX"): Found(("10 mx1.test.",)),
}


async def ask(name: str, kind: Kind) -> Answer[str]:
    return ZONE.get((name, kind.value), NoData() if any(known == name for known, _ in ZONE) else NxDomain())


async def look_up(host: str, port: int) -> Sequence[str]:
    if host != "mda":
        raise OSError(-2, "Name or service not known")
    return ["172.18.0.5"]


def find(nexthop: NextHop, seed: int = 0) -> Sequence[Host] | policy.Trouble:
    finder = HostFinder(Resolver(ask, lambda: 0.0), OWN, random.Random(seed), look_up)
    return asyncio.run(finder.find(nexthop, nexthop.servers[0], PORTS[nexthop.protocol]))


def smtp(host: str, port: int = 0, *, is_literal: bool = False, is_ours: bool = False) -> NextHop:
    return NextHop(Protocol.SMTP, host, port, is_literal, is_ours)


def addresses(nexthop: NextHop, seed: int = 0) -> list[str]:
    found = find(nexthop, seed)
    assert not isinstance(found, policy.Trouble), found
    return [host.endpoint.address for host in found]


def code(nexthop: NextHop) -> str:
    found = find(nexthop)
    assert isinstance(found, policy.Trouble), found
    return found.reply.enhanced


def test_better_preference_comes_first_and_is_marked() -> None:
    assert find(smtp("two.test")) == [
        Host(Endpoint("mx1.test", "192.0.2.1", 25), is_best=True, is_mx=True, is_named_securely=False),
        Host(Endpoint("mx2.test", "192.0.2.2", 25), is_best=False, is_mx=True, is_named_securely=False),
    ]


def test_equal_preferences_are_shuffled() -> None:
    orders = {tuple(addresses(smtp("equal.test"), seed)) for seed in range(60)}
    assert len(orders) == 6


def test_families_take_turns_and_either_may_begin() -> None:
    orders = [[":" in address for address in addresses(smtp("dual.test"), seed)] for seed in range(20)]
    assert [True, False, True, False] in orders
    assert [False, True, False, True] in orders
    assert all(order[0] != order[1] for order in orders)


def test_host_behind_one_that_cannot_be_looked_up_is_used_but_is_not_the_best() -> None:
    (host,) = find(smtp("partly.test"))  # type: ignore[misc]  # a trouble fails here
    assert (host.endpoint, host.is_best) == (Endpoint("mx2.test", "192.0.2.2", 25), False)
    assert host.better is not None
    assert (host.better.reply.enhanced, host.better.is_hard) == ("4.4.3", False)


def test_address_is_tried_once() -> None:
    assert addresses(smtp("same.test")) == ["192.0.2.1"]


@pytest.mark.parametrize(
    ("nexthop", "endpoint"),
    [
        (smtp("implicit.test"), Endpoint("implicit.test", "192.0.2.7", 25)),
        (smtp("bücher.test"), Endpoint("mx1.test", "192.0.2.1", 25)),
        (smtp("smart.test", 587, is_literal=True), Endpoint("smart.test", "192.0.2.8", 587)),
        (smtp("192.0.2.9", is_literal=True), Endpoint("192.0.2.9", "192.0.2.9", 25)),
        (smtp("[192.0.2.9]"), Endpoint("[192.0.2.9]", "192.0.2.9", 25)),
        (smtp("IPv6:2001:db8::9", is_literal=True), Endpoint("IPv6:2001:db8::9", "2001:db8::9", 25)),
        (smtp("2001:db8::9", 26, is_literal=True), Endpoint("2001:db8::9", "2001:db8::9", 26)),
        (NextHop(Protocol.LMTP, "mda", is_literal=True), Endpoint("mda", "172.18.0.5", 24)),
        (NextHop(Protocol.LMTP, "smart.test"), Endpoint("smart.test", "192.0.2.8", 24)),
    ],
)
def test_next_hop_is_found(nexthop: NextHop, endpoint: Endpoint) -> None:
    (host,) = find(nexthop)  # type: ignore[misc]  # a trouble fails here
    assert (host.endpoint, host.is_best) == (endpoint, True)


@pytest.mark.parametrize(
    ("domain", "remote", "ours"),
    [
        ("missing.test", "5.1.2", "4.1.2"),
        ("null.test", "5.1.10", "4.1.10"),
        ("nothing.test", "5.4.4", "4.4.4"),
        ("deaf.test", "5.4.4", "4.4.4"),
        ("half.test", "4.4.3", "4.4.3"),
        ("troubled.test", "4.4.3", "4.4.3"),
        ("standby.test", "4.4.3", "4.4.3"),
        ("loop.test", "5.4.6", "4.4.6"),
        ("beside.test", "5.4.6", "4.4.6"),
        ("loopback.test", "5.4.6", "4.4.6"),
        ("ü" * 70 + ".test", "5.1.2", "4.1.2"),
    ],
)
def test_domain_without_hosts_is_bounced_unless_it_is_ours(domain: str, remote: str, ours: str) -> None:
    assert (code(smtp(domain)), code(smtp(domain, is_ours=True))) == (remote, ours)


@pytest.mark.parametrize("host", ["missing.test", "nothing.test", "no-such-container"])
def test_host_that_the_operator_wrote_is_waited_for(host: str) -> None:
    assert code(smtp(host, is_literal=True)).startswith("4.")
    assert code(NextHop(Protocol.LMTP, host, is_literal=True)).startswith("4.")


@pytest.mark.parametrize("domain", ["second.test", "hidden.test"])
def test_list_is_cut_where_it_names_ourselves(domain: str) -> None:
    assert addresses(smtp(domain)) == ["192.0.2.1"]


def test_list_is_not_cut_on_another_port() -> None:
    assert addresses(smtp("second.test", 2525)) == ["192.0.2.1", "192.0.2.98", "192.0.2.3"]


def test_system_knows_the_loopback() -> None:
    assert "127.0.0.1" in asyncio.run(look_up_by_system("localhost", 24))


def test_name_that_no_host_can_have_is_an_error() -> None:
    with pytest.raises(OSError, match="name"):
        asyncio.run(look_up_by_system("a" * 70, 24))
