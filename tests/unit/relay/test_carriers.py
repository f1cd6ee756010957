"""Transports as relay goes by them."""

import pytest

from services.kernel.routing.options import SaslOptions, TlsOptions, Transport
from services.kernel.runtime import config
from services.kernel.runtime.config import ConfigError
from services.kernel.tables.collection import Tables
from services.kernel.wire.delivery import NextHop, Protocol, Server
from services.relay.carriers import Carrier, Carriers, Openers
from services.relay.config import RelaySettings

SITE = config.Site.model_validate({"hostname": "me.test"})
PLAIN = RelaySettings()


def carrier(name: str, relay: RelaySettings = PLAIN, **transports: Transport) -> Carrier | None:
    return Carriers(relay, SITE, transports, Openers(Tables(lambda _: None).open)).find(name)


def known(name: str, relay: RelaySettings = PLAIN, **transports: Transport) -> Carrier:
    found = carrier(name, relay, **transports)
    assert found is not None
    return found


def test_transport_has_its_own_name_and_address() -> None:
    relay = RelaySettings.model_validate({"helo_name": "all.test", "bind_address": "192.0.2.1"})
    own = Transport.model_validate({"helo_name": "own.test", "bind_address": "192.0.2.7", "bind_address6": "2001:db8::7"})
    one, usual = known("own", relay, own=own), known("smtp", relay, own=own)
    assert (one.hello, one.source("198.51.100.1"), one.source("2001:db8::1")) == ("own.test", "192.0.2.7", "2001:db8::7")
    assert (usual.hello, usual.source("198.51.100.1"), usual.source("2001:db8::1")) == ("all.test", "192.0.2.1", "")


def test_site_gives_its_name_where_nothing_is_set() -> None:
    assert known("relay").hello == "me.test"


@pytest.mark.parametrize("name", ["gone", "command"])
def test_transport_that_is_none_of_relays_is_not_found(name: str) -> None:
    assert carrier(name, command=Transport(program="pipe")) is None


def test_fallback_comes_last_and_never_for_domains_of_ours() -> None:
    found = known("smtp", RelaySettings(fallback_relay=("[fallback.test]:26", "other.test")))
    far = NextHop(Protocol.SMTP, "d.test", others=(Server("e.test"),))
    near = NextHop(Protocol.SMTP, "d.test", is_ours=True)
    assert [str(server) for server in found.servers(far)] == ["d.test", "e.test", "[fallback.test]:26", "other.test"]
    assert found.servers(near) == near.servers
    assert found.servers(NextHop(Protocol.LMTP, "mda", 24)) == (Server("mda", 24),)


def test_login_of_relay_is_for_smtp_only() -> None:
    relay = RelaySettings(sasl=SaslOptions(password_maps=("inline:{x=y:z}",)))
    own = Transport(program="lmtp", sasl=SaslOptions(password_maps=("inline:{x=y:z}",)))
    assert [known(name, relay, own=own).logins is not None for name in ("smtp", "lmtp", "own")] == [True, False, True]


def test_login_can_be_turned_off_for_a_transport() -> None:
    relay = RelaySettings(sasl=SaslOptions(password_maps=("inline:{x=y:z}",)))
    assert known("plain", relay, plain=Transport(sasl=SaslOptions(enable=False))).logins is None


def test_implicit_tls_has_its_own_port() -> None:
    wrapped = Transport(tls=TlsOptions(wrappermode=True))
    assert [known(name, w=wrapped).port(Protocol.SMTP) for name in ("smtp", "smtps", "w")] == [25, 465, 465]


@pytest.mark.parametrize(
    "options",
    [{"bind_address": "2001:db8::1"}, {"bind_address6": "192.0.2.1"}, {"fallback_relay": ["[open"]}],
)
def test_bad_option_names_its_transport(options: dict[str, object]) -> None:
    with pytest.raises(ConfigError, match="transport odd: "):
        carrier("odd", odd=Transport.model_validate(options))
