"""Which policy holds for a server, and who says so."""

import asyncio
import time
from collections.abc import Mapping
from pathlib import Path

import pytest

from services.kernel.dns.answer import Answer, Found, Kind, NoData, NxDomain
from services.kernel.dns.answer import Trouble as DnsTrouble
from services.kernel.dns.resolver import Resolver
from services.kernel.routing.options import TlsOptions, Transport
from services.kernel.runtime.config import ConfigError, Document
from services.kernel.smtp.connection import Endpoint
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import Anchors, Identity, Tlsa, TlsPolicy
from services.kernel.tables.collection import Tables
from services.kernel.wire.delivery import NextHop, Protocol, Server
from services.relay.config import RelaySettings
from services.relay.encryption import Said, tls_policies
from services.relay.hosts import Host, Way
from services.relay.sts import Known, Memory
from services.relay.sts_policy import Mode, StsPolicy
from services.relay.trouble import Scope, Trouble

MX = "mx.d.test"
DIGEST = "ab" * 32
EE = Tlsa(3, 1, 1, bytes.fromhex(DIGEST))
TA = Tlsa(2, 0, 1, bytes.fromhex(DIGEST))
DNSSEC = {"dns_support_level": "dnssec"}


def secure(*records: str, name: str = "") -> Answer[str]:
    return Found(records, 60, True, name)


class World:
    """A relay's policies, with names and tables made up."""

    def __init__(self, directory: Path, relay: Mapping[str, object], records: Mapping[tuple[str, str], Answer[str]] | None = None) -> None:
        self._records = records or {}
        self.transports: dict[str, Transport] = {}
        self.known = Known()
        self._relay = RelaySettings.model_validate(relay)
        self._directory = directory

    async def _ask(self, name: str, kind: Kind) -> Answer[str]:
        return self._records.get((name, kind.value), NxDomain())

    def policy(self, nexthop: NextHop, host: Host, server: Server | None = None) -> TlsPolicy | Trouble:
        said = Said(Document("malleposte.yaml", {}, {}), self._relay, self.transports)
        resolver = Resolver(self._ask, lambda: 0.0)
        policies = tls_policies(said, resolver, Tables(lambda _: None, self._directory), self.known, lambda _: None)
        return asyncio.run(policies.policy(Way(nexthop, server or nexthop.servers[0], host)))

    def remember(self, policy: StsPolicy, age: float = 0.0) -> None:
        """A policy of ``d.test`` that was fetched ``age`` seconds ago."""
        self.known["d.test"] = Memory(policy, "1", time.monotonic() - age)


def mx(host: str = MX, *, named: bool = True, address: bool = True, canonical: str = "") -> Host:
    return Host(Endpoint(host, "192.0.2.1", 25), True, True, named, address, canonical)


def domain(name: str = "d.test", **facts: object) -> NextHop:
    return NextHop(Protocol.SMTP, name, **facts)  # type: ignore[arg-type]  # of the test's own making


def decided(made: TlsPolicy | Trouble) -> TlsPolicy:
    assert isinstance(made, TlsPolicy), made
    return made


def refused(made: TlsPolicy | Trouble) -> tuple[Scope, str]:
    assert isinstance(made, Trouble), made
    assert made.reply.enhanced == "4.7.5"
    return made.scope, made.reply.text


def test_level_of_relay_holds_where_nobody_else_speaks(tmp_path: Path) -> None:
    made = decided(World(tmp_path, {"tls": {"level": "encrypt"}}).policy(domain(), mx()))
    assert (made.level, made.source, made.servername) == (TlsLevel.ENCRYPT, "malleposte.yaml:1 relay.tls.level", MX)


def test_transport_has_a_level_of_its_own(tmp_path: Path) -> None:
    world = World(tmp_path, {})
    world.transports["safe"] = Transport(tls=TlsOptions(level=TlsLevel.VERIFY))
    made = decided(world.policy(domain(transport="safe"), mx()))
    assert (made.level, made.names, made.source) == (TlsLevel.VERIFY, (MX,), "malleposte.yaml:1 routing.transports.safe.tls.level")


def test_entry_of_a_table_goes_before_the_level(tmp_path: Path) -> None:
    (tmp_path / "tls_policy").write_text("# policies\n.test  none\nd.test  secure match=.example protocols=TLSv1.3\n")
    made = decided(World(tmp_path, {"tls": {"policy_maps": ["hash:tls_policy"]}}).policy(domain(), mx()))
    assert (made.level, made.names, made.versions) == (TlsLevel.SECURE, (".example",), ("TLSv1.3",))
    assert made.source == f"{tmp_path}/tls_policy:3"


@pytest.mark.parametrize(("text", "place"), [("d.test  sure\n", "tls_policy:1: 'sure'"), ("d.test\n", "tls_policy:1: no value")])
def test_bad_entry_is_our_trouble_and_names_its_place(tmp_path: Path, text: str, place: str) -> None:
    (tmp_path / "tls_policy").write_text(text)
    scope, words = refused(World(tmp_path, {"tls": {"policy_maps": ["hash:tls_policy"]}}).policy(domain(), mx()))
    assert scope is Scope.HERE and place in words and words.startswith("client TLS configuration problem: ")


@pytest.mark.parametrize(
    ("options", "nexthop", "names"),
    [
        ({"level": "secure"}, domain(), ("d.test", ".d.test")),
        ({"level": "secure"}, domain("bücher.test"), ("xn--bcher-kva.test", ".xn--bcher-kva.test")),
        ({"level": "secure"}, domain("192.0.2.1", is_literal=True), ("192.0.2.1",)),
        ({"level": "verify"}, domain(), (MX,)),
        ({"level": "verify", "verify_cert_match": ["nexthop", "other.test"]}, domain(), ("d.test", "other.test")),
    ],
)
def test_names_stand_for_host_and_next_hop(tmp_path: Path, options: dict[str, object], nexthop: NextHop, names: tuple[str, ...]) -> None:
    assert decided(World(tmp_path, {"tls": options}).policy(nexthop, mx())).names == names


def test_level_fingerprint_without_fingerprints_is_trouble(tmp_path: Path) -> None:
    assert refused(World(tmp_path, {"tls": {"level": "fingerprint"}}).policy(domain(), mx()))[0] is Scope.HERE


def test_tls_from_the_first_byte_is_never_less_than_encrypt(tmp_path: Path) -> None:
    made = decided(World(tmp_path, {}).policy(domain(transport="smtps"), mx()))
    assert (made.level, made.is_implicit) == (TlsLevel.ENCRYPT, True)


def test_files_of_the_options_are_in_the_policy(tmp_path: Path) -> None:
    tls = {"level": "verify", "certificate_file": "/me.pem"}
    world = World(tmp_path, {"tls": tls})
    assert decided(world.policy(domain(), mx())).identity == Identity("/me.pem", "/me.pem")
    (tmp_path / "tls_policy").write_text("d.test secure tafile=/ta.pem\n")
    world = World(tmp_path, {"tls": {**tls, "policy_maps": ["hash:tls_policy"]}})
    assert decided(world.policy(domain(), mx())).anchors == Anchors(("/ta.pem",), has_system=False, is_partial=True)


TLSA_25 = ("_25._tcp.mx.d.test", "TLSA")


def test_signed_tlsa_records_make_the_policy(tmp_path: Path) -> None:
    world = World(tmp_path, {"tls": {"level": "dane"}, **DNSSEC}, {TLSA_25: secure(f"3 1 1 {DIGEST}", f"2 0 1 {DIGEST}", f"0 0 1 {DIGEST}")})
    made = decided(world.policy(domain(), mx()))
    assert (made.level, made.tlsa, made.names, made.servername) == (TlsLevel.DANE, (TA, EE), (MX, "d.test"), MX)
    assert made.source == "TLSA of _25._tcp.mx.d.test"


@pytest.mark.parametrize(
    ("host", "answer"),
    [
        (mx(named=False), secure(f"3 1 1 {DIGEST}")),
        (mx(address=False), secure(f"3 1 1 {DIGEST}")),
        (mx(), Found((f"3 1 1 {DIGEST}",), 60, False)),
        (mx(), NoData()),
        (mx(), NxDomain()),
    ],
)
@pytest.mark.parametrize("level", ["dane", "dane-only"])
def test_without_a_signed_way_there_is_no_dane(tmp_path: Path, host: Host, answer: Answer[str], level: str) -> None:
    made = World(tmp_path, {"tls": {"level": level}, **DNSSEC}, {TLSA_25: answer}).policy(domain(), host)
    if level == "dane":
        assert decided(made).level is TlsLevel.MAY
    else:
        assert refused(made)[0] is Scope.SITE


@pytest.mark.parametrize("record", [f"0 0 1 {DIGEST}", f"1 1 1 {DIGEST}", "3 1 1 abcd", f"3 2 1 {DIGEST}", f"3 1 9 {DIGEST}"])
def test_unusable_records_ask_for_tls_and_no_more(tmp_path: Path, record: str) -> None:
    made = World(tmp_path, {"tls": {"level": "dane"}, **DNSSEC}, {TLSA_25: secure(record)}).policy(domain(), mx())
    assert decided(made).level is TlsLevel.ENCRYPT
    made = World(tmp_path, {"tls": {"level": "dane-only"}, **DNSSEC}, {TLSA_25: secure(record)}).policy(domain(), mx())
    assert refused(made)[0] is Scope.SITE


@pytest.mark.parametrize("level", ["dane", "dane-only"])
def test_lookup_trouble_does_not_switch_dane_off(tmp_path: Path, level: str) -> None:
    made = World(tmp_path, {"tls": {"level": level}, **DNSSEC}, {TLSA_25: DnsTrouble("SERVFAIL")}).policy(domain(), mx())
    assert refused(made) == (Scope.SITE, "TLSA lookup error for _25._tcp.mx.d.test: SERVFAIL")


def test_records_of_the_expanded_name_go_before_those_of_the_alias(tmp_path: Path) -> None:
    other = ("_25._tcp.real.test", "TLSA")
    world = World(tmp_path, {"tls": {"level": "dane"}, **DNSSEC}, {TLSA_25: secure(f"2 0 1 {DIGEST}"), other: secure(f"3 1 1 {DIGEST}")})
    made = decided(world.policy(domain(), mx(canonical="real.test")))
    assert (made.tlsa, made.names, made.servername) == ((EE,), ("real.test", MX, "d.test"), "real.test")
    world = World(tmp_path, {"tls": {"level": "dane"}, **DNSSEC}, {TLSA_25: secure(f"2 0 1 {DIGEST}")})
    assert decided(world.policy(domain(), mx(canonical="real.test"))).servername == MX


def test_signed_alias_to_an_unsigned_host_has_the_records_of_the_alias(tmp_path: Path) -> None:
    records = {TLSA_25: secure(f"3 1 1 {DIGEST}"), (MX, "CNAME"): secure("real.test.")}
    host = mx(address=False, canonical="real.test")
    assert decided(World(tmp_path, {"tls": {"level": "dane"}, **DNSSEC}, records).policy(domain(), host)).servername == MX


def test_dane_without_dnssec_is_a_fault_of_the_configuration(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"malleposte.yaml:1 relay.tls.level: dane needs relay.dns_support_level"):
        World(tmp_path, {"tls": {"level": "dane"}}).policy(domain(), mx())
    (tmp_path / "tls_policy").write_text("d.test dane\n")
    scope, words = refused(World(tmp_path, {"tls": {"policy_maps": ["hash:tls_policy"]}}).policy(domain(), mx()))
    assert scope is Scope.HERE and "tls_policy:1: dane needs relay.dns_support_level" in words


def test_dane_holds_for_a_smarthost_that_the_operator_named(tmp_path: Path) -> None:
    records = {("_587._tcp.h.test", "TLSA"): secure(f"3 1 1 {DIGEST}")}
    host = Host(Endpoint("h.test", "192.0.2.1", 587), is_address_secure=True)
    made = World(tmp_path, {"tls": {"level": "dane"}, **DNSSEC}, records).policy(domain("h.test", port=587, is_literal=True), host)
    assert decided(made).names == ("h.test",)


ENFORCE = StsPolicy(Mode.ENFORCE, ("mx.d.test", "*.backup.test"), 86400)


@pytest.mark.parametrize("level", ["may", "encrypt", "dane"])
def test_enforced_mta_sts_policy_makes_the_level_secure(tmp_path: Path, level: str) -> None:
    world = World(tmp_path, {"tls": {"level": level}, **DNSSEC})
    world.remember(ENFORCE)
    made = decided(world.policy(domain(), mx()))
    assert (made.level, made.names, made.servername, made.source) == (TlsLevel.SECURE, (MX,), MX, "MTA-STS policy of d.test")
    assert made.anchors.has_system


def test_mta_sts_can_be_switched_off(tmp_path: Path) -> None:
    world = World(tmp_path, {"mta_sts": False})
    world.remember(ENFORCE)
    assert decided(world.policy(domain(), mx())).level is TlsLevel.MAY


def test_host_outside_the_mta_sts_policy_is_not_used(tmp_path: Path) -> None:
    world = World(tmp_path, {})
    world.remember(ENFORCE)
    scope, words = refused(world.policy(domain(), mx("a.b.backup.test")))
    assert scope is Scope.SITE and words == "a.b.backup.test is not among the hosts of the MTA-STS policy of d.test"
    assert decided(world.policy(domain(), mx("a.backup.test"))).level is TlsLevel.SECURE


@pytest.mark.parametrize(
    ("nexthop", "host", "level"),
    [
        (domain(is_smarthost=True), mx(), "may"),
        (domain("d.test", is_literal=True), Host(Endpoint("d.test", "192.0.2.1", 25)), "may"),
        (domain(), mx(), "none"),
        (domain(), mx(), "verify"),
    ],
)
def test_mta_sts_is_for_mx_hosts_and_never_weakens_or_overrides(tmp_path: Path, nexthop: NextHop, host: Host, level: str) -> None:
    world = World(tmp_path, {"tls": {"level": level}})
    world.remember(ENFORCE)
    assert decided(world.policy(nexthop, host)).level == level


def test_mta_sts_is_not_for_a_fallback_relay(tmp_path: Path) -> None:
    world = World(tmp_path, {})
    world.known["fallback.test"] = Memory(ENFORCE, "1", 1e12)
    assert decided(world.policy(domain(), mx(), Server("fallback.test"))).level is TlsLevel.MAY


def test_entry_of_a_table_goes_before_mta_sts(tmp_path: Path) -> None:
    (tmp_path / "tls_policy").write_text("d.test may\n")
    world = World(tmp_path, {"tls": {"policy_maps": ["hash:tls_policy"]}})
    world.remember(ENFORCE)
    assert decided(world.policy(domain(), mx())).level is TlsLevel.MAY


def test_usable_dane_goes_before_mta_sts(tmp_path: Path) -> None:
    world = World(tmp_path, {"tls": {"level": "dane"}, **DNSSEC}, {TLSA_25: secure(f"3 1 1 {DIGEST}")})
    world.remember(ENFORCE)
    assert decided(world.policy(domain(), mx("mx.d.test"))).level is TlsLevel.DANE


@pytest.mark.parametrize("mode", [Mode.TESTING, Mode.NONE])
def test_policy_that_is_not_enforced_changes_nothing(tmp_path: Path, mode: Mode) -> None:
    world = World(tmp_path, {})
    world.remember(StsPolicy(mode, (), 86400))
    assert decided(world.policy(domain(), mx("elsewhere.test"))).level is TlsLevel.MAY


def test_policy_is_forgotten_after_its_time(tmp_path: Path) -> None:
    world = World(tmp_path, {})
    world.remember(ENFORCE, age=86401)
    assert decided(world.policy(domain(), mx())).level is TlsLevel.MAY
