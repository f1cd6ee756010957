"""Tokens are what their issuer says, and trouble with the issuer is nobody's wrong password."""

import asyncio
import base64
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.kernel.directory import DirectoryTrouble
from services.kernel.runtime.config import ConfigError
from services.kernel.sasl.config import OAuthSettings
from services.kernel.sasl.introspection import Introspection
from tests.unit.kernel.sasl.issuer import Issuer, good

ANSWERS: dict[str, tuple[int, bytes]] = {
    "good": good(username="alice@example.test", scope="openid mail"),
    "short": good(username="alice@example.test", scope="mail", exp=1030),
    "unscoped": good(username="alice@example.test"),
    "revoked": (200, b'{"active": false}'),
    "nameless": good(scope="mail"),
    "strange": (200, b"[]"),
    "broken": (200, b"{"),
    "vague": (200, b'{"active": "yes"}'),
    "long": (200, b'{"active": true, "pad": "' + b"x" * 70_000 + b'"}'),
    "failed": (500, b'{"active": true, "username": "alice@example.test"}'),
    "moved": (307, b""),
}


@pytest.fixture
def issuer(tmp_path: Path) -> Iterator[Issuer]:
    made = Issuer(tmp_path, ANSWERS.__getitem__)
    yield made
    made.stop()


@pytest.fixture
def make(issuer: Issuer) -> Callable[..., Introspection]:
    def made(clock: Callable[[], float] = lambda: 1000.0, **settings: object) -> Introspection:
        ours = {"introspection_url": issuer.url, "ca_file": issuer.ca_file, "scope": "mail"}
        return Introspection(OAuthSettings.model_validate({**ours, **settings}), clock)

    return made


def test_good_token_is_its_users(make: Callable[..., Introspection], issuer: Issuer) -> None:
    assert asyncio.run(make().user_of("good")) == "alice@example.test"
    assert issuer.asked == [({"token": ["good"], "token_type_hint": ["access_token"]}, "")]


@pytest.mark.parametrize("token", ["revoked", "unscoped"])
def test_token_that_is_not_good_for_mail_is_nobodys(make: Callable[..., Introspection], token: str) -> None:
    assert asyncio.run(make().user_of(token)) is None


@pytest.mark.parametrize("token", ["nameless", "strange", "broken", "vague", "long", "failed", "moved"])
def test_answer_that_says_nothing_is_temporary(make: Callable[..., Introspection], token: str) -> None:
    with pytest.raises(DirectoryTrouble, match="localhost"):
        asyncio.run(make().user_of(token))


def test_issuer_with_a_certificate_of_nobody_is_not_believed(make: Callable[..., Introspection], issuer: Issuer) -> None:
    with pytest.raises(DirectoryTrouble, match="CERTIFICATE_VERIFY_FAILED"):
        asyncio.run(make(ca_file=None).user_of("good"))
    assert issuer.asked == []


def test_issuer_that_is_not_there_is_temporary(make: Callable[..., Introspection], issuer: Issuer) -> None:
    issuer.stop()
    with pytest.raises(DirectoryTrouble, match="refused"):
        asyncio.run(make().user_of("good"))


def test_good_token_is_remembered_and_a_bad_one_never(make: Callable[..., Introspection], issuer: Issuer) -> None:
    now = [1000.0]
    introspection = make(lambda: now[0], cache_seconds=60)

    async def session() -> None:
        for token in ("good", "good", "revoked", "revoked", "short"):
            await introspection.user_of(token)
        now[0] = 1031.0
        await introspection.user_of("good")
        await introspection.user_of("short")
        now[0] = 1061.0
        await introspection.user_of("good")

    asyncio.run(session())
    assert [form["token"][0] for form, _ in issuer.asked] == ["good", "revoked", "revoked", "short", "short", "good"]


def test_we_sign_in_to_the_issuer(make: Callable[..., Introspection], issuer: Issuer, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("a:b\n")
    asyncio.run(make(client_id="mail site", client_secret_file=tmp_path / "secret").user_of("good"))
    assert issuer.asked[0][1] == "Basic " + base64.b64encode(b"mail+site:a%3Ab").decode()


@pytest.mark.parametrize(
    ("settings", "place"),
    [
        ({"introspection_url": "http://issuer.test/"}, "introspection_url"),
        ({"introspection_url": "issuer.test"}, "introspection_url"),
        ({"client_id": "x", "client_secret_file": "/nowhere"}, "client_secret_file"),
        ({"ca_file": "/nowhere"}, "ca_file"),
    ],
)
def test_settings_that_cannot_be_used_are_named(make: Callable[..., Introspection], settings: dict[str, object], place: str) -> None:
    with pytest.raises(ConfigError, match=place):
        make(**settings)
