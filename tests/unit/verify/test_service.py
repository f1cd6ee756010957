"""The whole of verify in one process, on its sockets."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.kernel.routing import RoutingSettings
from services.kernel.runtime.config import ConfigError
from services.kernel.wire import channel
from services.kernel.wire.channel import ChannelClient, ChannelLost
from services.kernel.wire.verdict import Ask, Done, Expire, Response, Show, State, Verdict
from services.verify.cache import FILE
from services.verify.config import VerifySettings
from services.verify.service import Settings, Verify
from tests.unit.verify.site import NO, Relay

Client = ChannelClient[Ask | Show | Expire, Response]
Scene = Callable[[Verify, Relay, Client, Client], Awaitable[None]]


def configure(directory: Path, text: str = "") -> Settings:
    (directory / "events").mkdir(exist_ok=True)
    path = directory / "malleposte.yaml"
    path.write_text(
        f"site: {{hostname: me.test}}\ndirectory: {{url: 'sqlite:///{directory}/none.sqlite'}}\n"
        f"verify:\n  listen: unix:{directory}/verdict\n  control: unix:{directory}/control\n  relay: unix:{directory}/relay\n"
        f"  cache_directory: {directory}\n  events_directory: {directory}/events\n  metrics_address: '127.0.0.1:0'\n{text}"
    )
    return Settings(path)


def play(directory: Path, scene: Scene, text: str = "") -> list[dict[str, object]]:
    """Run a scene; return the events."""

    async def whole() -> None:
        make_directory(directory)
        relay, verify = Relay(f"unix:{directory}/relay"), Verify(configure(directory, text))
        await relay.start()
        await verify.start()
        smtpd: Client = await channel.connect(f"unix:{directory}/verdict", Response)  # type: ignore[arg-type]  # a union is a type to msgspec
        admin: Client = await channel.connect(f"unix:{directory}/control", Response)  # type: ignore[arg-type]  # the same
        try:
            await scene(verify, relay, smtpd, admin)
        finally:
            smtpd.close()
            admin.close()
            await verify.stop()
            relay.stop()

    asyncio.run(asyncio.wait_for(whole(), 30))
    return [json.loads(line) for line in (directory / "events/verify.0.jsonl").read_text().splitlines()]


def make_directory(directory: Path) -> None:
    import sqlite3

    with sqlite3.connect(directory / "none.sqlite") as database:
        database.executescript(
            "CREATE TABLE IF NOT EXISTS meta (one INTEGER PRIMARY KEY, schema_version INTEGER, generation INTEGER);"
            "CREATE TABLE IF NOT EXISTS domains (name TEXT PRIMARY KEY, class TEXT, target TEXT DEFAULT '',"
            " quota_bytes INTEGER DEFAULT 0, quota_messages INTEGER DEFAULT 0);"
            "CREATE TABLE IF NOT EXISTS accounts (address TEXT PRIMARY KEY, password_hash TEXT, quota_bytes INTEGER, quota_messages INTEGER,"
            " enabled INTEGER, created REAL);"
            "CREATE TABLE IF NOT EXISTS aliases (source TEXT, position INTEGER, target TEXT);"
        )


async def state(client: Client, address: str) -> State:
    answer = await client.call(Ask(address))
    assert isinstance(answer, Verdict)
    return answer.state


def test_smtpd_is_answered_and_the_probe_is_told(tmp_path: Path) -> None:
    async def scene(verify: Verify, relay: Relay, smtpd: Client, admin: Client) -> None:
        relay.answers["bad@p.test"] = NO
        assert [await state(smtpd, "good@p.test"), await state(smtpd, "bad@p.test")] == [State.DELIVERABLE, State.UNDELIVERABLE]
        assert relay.asked[0].sender == "postmaster@me.test"

    events = play(tmp_path, scene)
    (good, bad) = [event for event in events if event["kind"] == "probed"]
    assert (good["recipient"], good["reason"], good["nexthop"]) == ("good@p.test", "deliverable", "smtp:p.test")
    assert (bad["reply"], bad["remote"]) == ("550 5.1.1 nobody here", "mx.primary.test[192.0.2.1]:25")


@pytest.mark.parametrize("request_", [Show("a@p.test"), Expire("*")])
def test_smtpds_door_understands_nothing_but_its_question(tmp_path: Path, request_: Show | Expire) -> None:
    async def scene(verify: Verify, relay: Relay, smtpd: Client, admin: Client) -> None:
        with pytest.raises(ChannelLost):
            await smtpd.call(request_)
        assert isinstance(await admin.call(request_), Verdict | Done)

    play(tmp_path, scene)


def test_cache_is_kept_through_a_restart(tmp_path: Path) -> None:
    async def first(verify: Verify, relay: Relay, smtpd: Client, admin: Client) -> None:
        assert await state(smtpd, "good@p.test") is State.DELIVERABLE

    async def second(verify: Verify, relay: Relay, smtpd: Client, admin: Client) -> None:
        assert await state(smtpd, "good@p.test") is State.DELIVERABLE
        assert relay.asked == []

    play(tmp_path, first)
    play(tmp_path, second)


def test_damaged_cache_is_told_of_and_answers_go_on(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes(b"\0damaged" * 1000)

    async def scene(verify: Verify, relay: Relay, smtpd: Client, admin: Client) -> None:
        assert await state(smtpd, "good@p.test") is State.DELIVERABLE

    events = play(tmp_path, scene)
    assert any("begun anew" in str(event.get("reason")) for event in events if event["kind"] == "trouble")


def test_reload_takes_new_settings_and_keeps_the_old_ones_when_they_are_wrong(tmp_path: Path) -> None:
    async def scene(verify: Verify, relay: Relay, smtpd: Client, admin: Client) -> None:
        configure(tmp_path, "  address_verify_sender: ''\n")
        await verify.reload()
        await state(smtpd, "a@p.test")
        with pytest.raises(ConfigError):
            configure(tmp_path, "  address_verify_positive_expire_time: soon\n")
        await verify.reload()
        await state(smtpd, "b@p.test")
        assert [request.sender for request in relay.asked] == ["", ""]

    events = play(tmp_path, scene)
    assert [event["kind"] for event in events if event["kind"] in ("reloaded", "trouble")] == ["reloaded", "trouble"]


def test_directory_that_cannot_be_asked_is_unknown(tmp_path: Path) -> None:
    async def scene(verify: Verify, relay: Relay, smtpd: Client, admin: Client) -> None:
        (tmp_path / "none.sqlite").unlink()
        assert await state(smtpd, "a@p.test") is State.UNKNOWN

    play(tmp_path, scene)


def test_probes_may_go_another_way_than_mail() -> None:
    mail = RoutingSettings(relayhost="[smarthost.test]", mailbox_transport="lmtp:inet:mda:24", relay_transport="relay")
    verify = VerifySettings(address_verify_relayhost="", address_verify_virtual_transport="lmtp:inet:other:24")
    probes = verify.route(mail)
    assert (probes.relayhost, probes.mailbox_transport, probes.relay_transport) == ("", "lmtp:inet:other:24", "relay")
    assert VerifySettings().route(mail) == mail
