"""A transport's options over those of ``relay`` over the defaults."""

import pytest

from services.kernel.routing.options import BUILTIN, OutgoingOptions, SaslOptions, TlsOptions, Transport, resolve
from services.kernel.smtp.tls import TlsLevel


def test_what_nobody_sets_has_its_default() -> None:
    made = resolve(OutgoingOptions())
    assert (made.tls.level, made.tls.secure_cert_match, made.tls.fingerprint_digest) == (TlsLevel.MAY, ("nexthop", "dot-nexthop"), "sha256")
    assert (made.helo_name, made.sasl.enable, made.fallback_relay) == (None, False, ())


def test_transport_goes_before_relay_and_relay_before_the_default() -> None:
    relay = OutgoingOptions(helo_name="relay.test", tls=TlsOptions(level=TlsLevel.ENCRYPT, protocols=">=TLSv1.3"))
    transport = Transport(helo_name="own.test", tls=TlsOptions(level=TlsLevel.SECURE))
    made = resolve(relay, transport)
    assert (made.helo_name, made.tls.level, made.tls.protocols) == ("own.test", TlsLevel.SECURE, ">=TLSv1.3")


def test_transport_can_set_what_is_empty_or_false() -> None:
    relay = OutgoingOptions(fallback_relay=("[fallback.test]",), sasl=SaslOptions(enable=True, password_maps=("hash:sasl_passwd",)))
    made = resolve(relay, Transport(fallback_relay=(), sasl=SaslOptions(enable=False)))
    assert (made.fallback_relay, made.sasl.enable, made.sasl.password_maps) == ((), False, ("hash:sasl_passwd",))


def test_login_is_on_where_there_are_passwords() -> None:
    assert resolve(OutgoingOptions(), Transport(sasl=SaslOptions(password_maps=("hash:sasl_passwd",)))).sasl.enable


@pytest.mark.parametrize(("level", "effective"), [(None, TlsLevel.MAY), (TlsLevel.VERIFY, TlsLevel.VERIFY)])
def test_tls_level_of_relay_is_not_for_lmtp(level: TlsLevel | None, effective: TlsLevel) -> None:
    relay = OutgoingOptions(tls=TlsOptions(level=TlsLevel.SECURE))
    assert resolve(relay, Transport(program="lmtp", tls=TlsOptions(level=level))).tls.level is effective


@pytest.mark.parametrize(("name", "port", "is_implicit"), [("smtps", 25, True), ("smtp", 465, True), ("smtp", 587, False)])
def test_tls_begins_with_the_first_byte_where_it_is_said_or_on_port_465(name: str, port: int, is_implicit: bool) -> None:
    assert resolve(OutgoingOptions(), BUILTIN[name]).tls.is_implicit(port) is is_implicit
