"""Each TLS level against each kind of certificate, over real handshakes."""

import asyncio
import hashlib
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from services.kernel.smtp.certificates import Standing, fingerprints
from services.kernel.smtp.client import Manner
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.smtp.client_tls import Contexts, TlsSetup, make_context
from services.kernel.smtp.connection import Endpoint, Terms, open_connection
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import Anchors, Tlsa, TlsPolicy
from tests.unit.kernel.smtp.certificates import Authority, Shown, self_signed
from tests.unit.kernel.smtp.peer import peer, play

NAME = "mx.test"
HELLO = "< EHLO me.test\n> 250 mx.test\n"
STARTTLS = "> 220 mx\n< EHLO me.test\n> 250-mx\n> 250 STARTTLS\n< STARTTLS\n> 220 go\n! tls\n"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("ca"))


@pytest.fixture(scope="module")
def servers(authority: Authority, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Shown]:
    return {
        "good": authority.shown(NAME),
        "wildcard": authority.shown("*.test.example"),
        "expired": authority.shown(NAME, expired=True),
        "wrong name": authority.shown("other.test"),
        "self-signed": self_signed(tmp_path_factory.mktemp("self"), NAME),
    }


def meet(shown: Shown, policy: TlsPolicy) -> Standing | Fault | None:
    """How the server stands by the policy, or the fault that it ends in."""
    ended: list[Standing | Fault | None] = []

    async def scene() -> None:
        async with peer(STARTTLS + HELLO + "< QUIT\n", context=shown.context) as server:
            terms = Terms(Manner("me.test", tls=replace(policy, servername=NAME)), make_context(policy))
            try:
                connection = await open_connection(Endpoint(NAME, "127.0.0.1", server.port), terms)
            except Fault as fault:
                ended.append(fault)
                await server.finish()
                server.faults.clear()
            else:
                ended.append(connection.standing)
                connection.close()

    play(scene())
    return ended[0]


@pytest.mark.parametrize(
    ("kind", "standing"),
    [("good", Standing.TRUSTED), ("wrong name", Standing.TRUSTED), ("expired", Standing.UNTRUSTED), ("self-signed", Standing.UNTRUSTED)],
)
def test_where_nothing_depends_on_it_a_server_is_told_to_be_trusted(
    authority: Authority, servers: dict[str, Shown], kind: str, standing: Standing
) -> None:
    assert meet(servers[kind], trusting(authority, TlsLevel.MAY)) is standing


def trusting(authority: Authority, level: TlsLevel, *names: str) -> TlsPolicy:
    return TlsPolicy(level, names=names, anchors=Anchors((str(authority.file),), has_system=False))


def tlsa(certificate: bytes, usage: int, selector: int, matching: int) -> Tlsa:
    key = x509.load_der_x509_certificate(certificate).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    data = certificate if selector == 0 else key
    return Tlsa(usage, selector, matching, hashlib.sha256(data).digest() if matching == 1 else data)


@pytest.mark.parametrize("kind", ["good", "expired", "wrong name", "self-signed"])
@pytest.mark.parametrize("level", [TlsLevel.MAY, TlsLevel.ENCRYPT])
def test_levels_that_verify_nothing_take_any_certificate(servers: dict[str, Shown], level: TlsLevel, kind: str) -> None:
    assert meet(servers[kind], TlsPolicy(level)) is Standing.UNTRUSTED


@pytest.mark.parametrize("level", [TlsLevel.VERIFY, TlsLevel.SECURE])
@pytest.mark.parametrize(
    ("kind", "names", "reason"),
    [
        ("good", ("mx.test",), ""),
        ("good", ("other.test", ".test"), ""),
        ("wildcard", ("mx.test.example",), ""),
        ("wildcard", ("a.mx.test.example",), "Server certificate not verified: it is for *.test.example, not for a.mx.test.example"),
        ("wrong name", ("mx.test",), "Server certificate not verified: it is for other.test, not for mx.test"),
        ("expired", ("mx.test",), "Server certificate not trusted: certificate has expired"),
        ("self-signed", ("mx.test",), "Server certificate not trusted: self-signed certificate"),
    ],
)
def test_certificate_of_a_trusted_authority_has_to_name_the_server(
    authority: Authority, servers: dict[str, Shown], level: TlsLevel, kind: str, names: tuple[str, ...], reason: str
) -> None:
    ended = meet(servers[kind], trusting(authority, level, *names))
    if reason:
        assert isinstance(ended, Fault) and (ended.kind, ended.text) == (FaultKind.CERTIFICATE, reason)
    else:
        assert ended is Standing.VERIFIED


def test_authority_that_is_not_ours_is_not_trusted(servers: dict[str, Shown]) -> None:
    ended = meet(servers["good"], TlsPolicy(TlsLevel.VERIFY, names=(NAME,)))
    assert isinstance(ended, Fault) and ended.text.startswith("Server certificate not trusted: unable to get local issuer")


@pytest.mark.parametrize("digest", ["md5", "sha1", "sha256", "sha512"])
@pytest.mark.parametrize("number", [0, 1])
@pytest.mark.parametrize("kind", ["good", "expired", "self-signed"])
def test_fingerprint_of_certificate_or_key_is_enough(servers: dict[str, Shown], kind: str, number: int, digest: str) -> None:
    print_ = fingerprints(servers[kind].chain[0], digest)[number]
    assert meet(servers[kind], TlsPolicy(TlsLevel.FINGERPRINT, fingerprints=(print_,), digest=digest)) is Standing.VERIFIED


def test_other_fingerprint_is_refused_and_the_right_one_is_told(servers: dict[str, Shown]) -> None:
    ended = meet(servers["good"], TlsPolicy(TlsLevel.FINGERPRINT, fingerprints=("AA:BB",)))
    assert isinstance(ended, Fault) and fingerprints(servers["good"].chain[0], "sha256")[1] in ended.text


@pytest.mark.parametrize("kind", ["good", "expired", "wrong name", "self-signed"])
@pytest.mark.parametrize(("selector", "matching"), [(0, 0), (0, 1), (1, 0), (1, 1)])
def test_tlsa_record_of_the_server_itself_is_enough(servers: dict[str, Shown], kind: str, selector: int, matching: int) -> None:
    record = tlsa(servers[kind].chain[0], 3, selector, matching)
    assert meet(servers[kind], TlsPolicy(TlsLevel.DANE, tlsa=(record,), names=(NAME,))) is Standing.VERIFIED


@pytest.mark.parametrize(("selector", "matching"), [(0, 0), (0, 1), (1, 1)])
@pytest.mark.parametrize(
    ("kind", "reason"),
    [
        ("good", ""),
        ("expired", "certificate has expired"),
        ("wrong name", "it is for other.test, not for mx.test"),
        ("self-signed", ""),
    ],
)
def test_tlsa_record_of_an_authority_in_the_chain_needs_a_whole_certificate(
    authority: Authority, servers: dict[str, Shown], kind: str, reason: str, selector: int, matching: int
) -> None:
    ended = meet(servers[kind], TlsPolicy(TlsLevel.DANE, tlsa=(tlsa(authority.intermediate, 2, selector, matching),), names=(NAME,)))
    if kind == "good":
        assert ended is Standing.VERIFIED
    else:
        assert isinstance(ended, Fault) and ended.text.startswith("Server certificate not verified: ") and ended.text.endswith(reason)


def test_root_in_a_full_record_need_not_be_shown(authority: Authority, servers: dict[str, Shown]) -> None:
    record = tlsa(authority.certificate, 2, 0, 0)
    assert meet(servers["good"], TlsPolicy(TlsLevel.DANE, tlsa=(record,), names=(NAME,))) is Standing.VERIFIED


def test_other_tlsa_record_is_refused(servers: dict[str, Shown]) -> None:
    ended = meet(servers["good"], TlsPolicy(TlsLevel.DANE, tlsa=(tlsa(servers["expired"].chain[0], 3, 1, 1),), names=(NAME,)))
    assert isinstance(ended, Fault) and ended.text == "Server certificate not verified: no TLSA record matches"


def test_tls_from_the_first_byte(servers: dict[str, Shown], authority: Authority) -> None:
    policy = replace(trusting(authority, TlsLevel.VERIFY, NAME), is_implicit=True, servername=NAME)

    async def scene() -> None:
        async with peer("! tls\n> 220 mx\n" + HELLO + "< QUIT\n", context=servers["good"].context) as server:
            terms = Terms(Manner("me.test", tls=policy), make_context(policy))
            connection = await open_connection(Endpoint(NAME, "127.0.0.1", server.port), terms)
            assert connection.standing is Standing.VERIFIED
            connection.close()

    play(scene())


def test_version_that_the_server_does_not_speak_ends_in_a_fault(servers: dict[str, Shown]) -> None:
    servers["good"].context.maximum_version = ssl.TLSVersion.TLSv1_2
    try:
        ended = meet(servers["good"], TlsPolicy(TlsLevel.ENCRYPT, versions=("TLSv1.3",)))
    finally:
        servers["good"].context.maximum_version = ssl.TLSVersion.TLSv1_3
    assert isinstance(ended, Fault) and ended.kind is FaultKind.TLS


@pytest.mark.parametrize(
    "policy",
    [TlsPolicy(TlsLevel.VERIFY, anchors=Anchors(("/nowhere/ca.pem",), has_system=False)), TlsPolicy(TlsLevel.ENCRYPT, ciphers="NOSUCH")],
)
def test_policy_that_cannot_be_set_up_says_why(policy: TlsPolicy) -> None:
    with pytest.raises(TlsSetup, match=r"/nowhere/ca.pem: No such file|no cipher is left by 'NOSUCH'"):
        make_context(policy)


def test_context_is_made_anew_when_its_file_changes(authority: Authority, tmp_path: Path) -> None:
    file = tmp_path / "ca.pem"
    file.write_bytes(authority.file.read_bytes())
    policy, contexts = TlsPolicy(TlsLevel.VERIFY, anchors=Anchors((str(file),), has_system=False)), Contexts()

    async def scene() -> None:
        first = await contexts.context(policy)
        assert await contexts.context(policy) is first
        file.rename(tmp_path / "old.pem")
        file.write_bytes(authority.file.read_bytes())
        assert await contexts.context(policy) is not first

    asyncio.run(scene())
