"""Every TLS level against each kind of server: ``LEVEL.KIND.tls.test`` goes to ``KIND.tls.test`` by a transport of that level."""

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from malleposte_lab.events import Event
from tests.integration.routes.conftest import Sent

CERTIFICATES = ["good", "expired", "wrongname", "selfsigned", "otherca"]
KINDS = [*CERTIFICATES, "none", "refused", "broken"]
CLEAR = ("delivered", "", "")
UNTRUSTED = ("delivered", "untrusted", "")
TRUSTED = ("delivered", "trusted", "")
VERIFIED = ("delivered", "verified", "")
NOT_OFFERED = ("deferred", "", "4.7.4 TLS is required, but was not offered by host mx.")
FAILED = ("deferred", "", "4.7.5 TLS handshake failed")
BROKEN = ("deferred", "", "4.7.5 ")  # the words depend on whether the garbage comes with the reply or behind it
NO_DANE = ("deferred", "", "4.7.5 no DANE for mx.")
EXPIRED = ("deferred", "", "4.7.5 Server certificate not trusted: certificate has expired")
WRONG_NAME = ("deferred", "", "4.7.5 Server certificate not verified: it is for mx.somewhere-else.test, not for ")
SELF_SIGNED = ("deferred", "", "4.7.5 Server certificate not trusted: self-signed certificate")
OTHER_CA = ("deferred", "", "4.7.5 Server certificate not trusted: unable to get local issuer certificate")
OTHER_PRINT = ("deferred", "", "4.7.5 Server certificate not verified: no fingerprint matches")
BY_CA = {"good": VERIFIED, "expired": EXPIRED, "wrongname": WRONG_NAME, "selfsigned": SELF_SIGNED, "otherca": OTHER_CA}
NO_TLS = {"none": NOT_OFFERED, "refused": NOT_OFFERED, "broken": BROKEN}
ANY_CERTIFICATE = {**dict.fromkeys(CERTIFICATES, UNTRUSTED), "good": TRUSTED, "wrongname": TRUSTED}

Told = tuple[str, str, str]


def told(event: Event, expected: Told) -> Told:
    """What became of a recipient, how the server stood, and of the reply as much as is expected."""
    words = event.get("reply", "").partition(" ")[2]
    return event["kind"], event.get("tls", "").rpartition(" ")[2], words[: len(expected[2])]


@pytest.mark.parametrize(
    ("level", "expected"),
    [
        ("none", dict.fromkeys(KINDS, CLEAR)),
        ("may", {**ANY_CERTIFICATE, "none": CLEAR, "refused": CLEAR, "broken": CLEAR}),
        ("encrypt", {**ANY_CERTIFICATE, **NO_TLS}),
        ("fingerprint", {**dict.fromkeys(CERTIFICATES, VERIFIED), "otherca": OTHER_PRINT, **NO_TLS}),
        ("verify", {**BY_CA, **NO_TLS}),
        ("secure", {**BY_CA, **NO_TLS}),
        ("dane", {**ANY_CERTIFICATE, "none": CLEAR, "refused": CLEAR, "broken": CLEAR}),
        ("dane-only", dict.fromkeys(KINDS, NO_DANE)),
    ],
)
def test_level_against_each_kind_of_server(sent: Callable[..., Sent], level: str, expected: dict[str, Told]) -> None:
    message = sent(*(f"x@{level}.{kind}.tls.test" for kind in expected))
    seen = {kind: told(event, expected[kind]) for kind, event in zip(expected, message.events, strict=True)}
    assert seen == expected


@pytest.mark.parametrize(
    "expected",
    [
        {
            "good": ("deferred", "", "4.7.5 Server certificate not verified: it is for mx.good.tls.test, not for mx.elsewhere.test"),
            "wrongname": VERIFIED,
            "old": FAILED,
            "otherca": VERIFIED,
            "needs": TRUSTED,
            "expired": UNTRUSTED,
            "none": NOT_OFFERED,
            "selfsigned": ("deferred", "", "4.7.5 client TLS configuration problem: /etc/malleposte/tables/tls_policy:7: 'encrypted' is no TLS"),
        }
    ],
)
def test_entry_of_the_policy_table_goes_before_the_level(
    sent: Callable[..., Sent], taken: Callable[..., Event], expected: dict[str, Told]
) -> None:
    message = sent(*(f"x@policy.{kind}.tls.test" for kind in expected))
    seen = {kind: told(event, expected[kind]) for kind, event in zip(expected, message.events, strict=True)}
    assert seen == expected
    needs = taken("needs.tls", message)
    assert (needs["sni"], needs["tls"]) == ("sni.test", "TLSv1.2")


def test_tls_from_the_first_byte(sent: Callable[..., Sent], taken: Callable[..., Event]) -> None:
    expected = {
        "first.good.tls": VERIFIED,
        "smtps.selfsigned.tls": UNTRUSTED,
        "first.expired.tls": EXPIRED,
        "first.wrongname.tls": WRONG_NAME,
    }
    message = sent(*(f"x@{name}.test" for name in expected))
    assert {name: told(event, expected[name]) for name, event in zip(expected, message.events, strict=True)} == expected
    good = taken("good.tls", message)
    assert (good["port"], good["sni"]) == (465, "mx.good.tls.test")


def test_real_servers_prove_who_they_are(sent: Callable[..., Sent]) -> None:
    message = sent(*(f"x@{level}.{peer}.test" for level in ("verify", "secure") for peer in ("postfix", "exim")))
    assert [told(event, VERIFIED) for event in message.events] == [VERIFIED] * 4


def test_server_that_wants_our_certificate_sees_it(sent: Callable[..., Sent], taken: Callable[..., Event]) -> None:
    message = sent("x@certificate.requires.tls.test", "x@encrypt.requires.tls.test")
    assert [event["kind"] for event in message.events] == ["delivered", "deferred"]
    assert taken("requires.tls", message)["client_certificate"] == "relay.example.test"


def test_changed_policy_table_is_used_while_mail_flows(sent: Callable[..., Sent], routes_folder: Path) -> None:
    table = routes_folder / "config/tables/tls_policy"
    before = table.read_text()
    assert told(sent("x@policy.asks.tls.test").event, TRUSTED) == TRUSTED
    table.write_text(f"asks.tls.test verify\n{before}")
    try:
        deadline = time.monotonic() + 10  # promised within one
        while told(sent("x@policy.asks.tls.test").event, VERIFIED) != VERIFIED:
            assert time.monotonic() < deadline
    finally:
        table.write_text(before)
