"""Which login belongs to a server, and that no password gets out."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.routing.options import EffectiveSasl
from services.kernel.tables.collection import Tables
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire.delivery import NextHop, Protocol, Server
from services.relay.logins import Credential, Logins, without_secrets

HOST = "mx1.provider.test"
PROVIDER = Server("provider.test")
PASSWORDS = """
ann+news@here.test  news:n
ann@here.test       ann:a
@here.test          here:h
mx1.provider.test   host:x
[mx2.provider.test]:587  hop:y
[mx3.provider.test] smtps:s
provider.test       domain:z:with:colons
known.test          user-alone
"""


def smarthost(sender: str = "", *, server: Server = PROVIDER, is_smarthost: bool = True) -> NextHop:
    return NextHop(Protocol.SMTP, server.host, server.port, server.is_literal, sender=sender, is_smarthost=is_smarthost)


def find(directory: Path, nexthop: NextHop, host: str = HOST, *, text: str = PASSWORDS, token: Path | None = None) -> Credential | None:
    (directory / "passwords").write_text(text)
    table = Tables(lambda _: None, directory).open("hash:passwords")
    logins = Logins(EffectiveSasl(token_file=token), [table], "+")
    return asyncio.run(logins.find(nexthop, nexthop.servers[0], host))


@pytest.mark.parametrize("table", ["inline:{ {provider.test = ann:tiger} }", "static:ann:tiger", "unionmap:{ static:ann:tiger }"])
def test_place_of_a_login_in_the_configuration_tells_no_password(table: str) -> None:
    nexthop = smarthost()
    found = asyncio.run(Logins(EffectiveSasl(), [Tables(lambda _: None).open(table)], "+").find(nexthop, nexthop.servers[0], HOST))
    assert found is not None and found.login.password == "tiger"
    assert found.place in ("inline:{...}", "static:...", "unionmap:{...}")


def user(found: Credential | None) -> str:
    return found.login.user if found else ""


@pytest.mark.parametrize(
    ("sender", "expected"),
    [
        ("ann+news@here.test", "news"),
        ("ann+other@here.test", "ann"),
        ("Ann@Here.test", "ann"),
        ("bob@here.test", "here"),
        ("bob@else.test", "host"),
        ("", "host"),
    ],
)
def test_sender_comes_before_host(tmp_path: Path, sender: str, expected: str) -> None:
    assert user(find(tmp_path, smarthost(sender))) == expected


def test_sender_plays_no_part_where_the_recipients_domain_is_the_way(tmp_path: Path) -> None:
    assert user(find(tmp_path, smarthost("ann@here.test", is_smarthost=False))) == "host"


@pytest.mark.parametrize(
    ("server", "host", "expected"),
    [
        (Server("provider.test"), "MX1.Provider.test", "host"),
        (Server("provider.test"), "mx9.provider.test", "domain"),
        (Server("mx2.provider.test", 587, True), "mx2.provider.test", "hop"),
        (Server("mx2.provider.test", 25, True), "mx2.provider.test", ""),
        (Server("mx3.provider.test", 465, True), "mx3.provider.test", "smtps"),
        (Server("provider.test", 587), "mx9.provider.test", ""),
        (Server("known.test"), "known.test", ""),
        (Server("unknown.test"), "unknown.test", ""),
    ],
)
def test_host_comes_before_next_hop_as_written(tmp_path: Path, server: Server, host: str, expected: str) -> None:
    assert user(find(tmp_path, smarthost(server=server), host)) == expected


def test_password_may_hold_colons_and_the_place_is_known(tmp_path: Path) -> None:
    found = find(tmp_path, smarthost(), "mx9.provider.test")
    assert found is not None
    assert (found.login.password, found.key) == ("z:with:colons", "provider.test")
    assert found.place == f"hash:passwords ({tmp_path}/passwords:8)"
    assert "z:with" not in repr(found)


def test_user_alone_signs_in_where_there_is_a_token(tmp_path: Path) -> None:
    token = tmp_path / "token"
    token.write_text("ya29\n")
    found = find(tmp_path, smarthost(server=Server("known.test")), "known.test", token=token)
    assert found is not None and found.login.read_token is not None
    assert (found.login.user, found.login.read_token()) == ("user-alone", "ya29")


def test_table_that_does_not_parse_is_trouble_and_its_words_are_not_told(tmp_path: Path) -> None:
    told: list[str] = []
    (tmp_path / "passwords").write_text("\nmx.test:ann:secret\n")
    table = Tables(without_secrets(told.append), tmp_path).open("hash:passwords")
    with pytest.raises(LookupTrouble):
        asyncio.run(Logins(EffectiveSasl(), [table], "+").find(smarthost(), Server("provider.test"), HOST))
    assert told == [f"{tmp_path}/passwords:2: this is no entry of a password table"]
