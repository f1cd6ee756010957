"""The whole of relay in one process, asked over the delivery hop."""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.mail.outcome import Deferred, Delivered
from services.kernel.mail.queueid import QueueId, queue_id
from services.kernel.runtime.config import ConfigError
from services.kernel.spool.intake import Intake
from services.kernel.wire import channel
from services.kernel.wire.channel import ChannelClient, ChannelLost
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse
from services.relay import service
from services.relay.desk import Desk
from services.relay.service import Relay, Settings
from tests.unit.kernel.smtp.peer import peer, play
from tests.unit.relay.site import HELLO, QUIT, TAKE, Site, lmtp

CONTENT = b"Subject: x\r\n\r\n.dots\r\n"
QUEUE_ID = queue_id(1_700_000_000_000_000, 7)

Client = ChannelClient[DeliveryRequest, DeliveryResponse]


def configure(directory: Path, text: str = "") -> Settings:
    for name in ("queue/incoming", "queue/active", "events"):
        (directory / name).mkdir(parents=True, exist_ok=True)
    path = directory / "malleposte.yaml"
    path.write_text(
        "site: {hostname: me.test}\nrelay:\n"
        f"  listen: unix:{directory}/hop\n  queue_directory: {directory}/queue\n  events_directory: {directory}/events\n"
        f'  metrics_address: "127.0.0.1:0"\n  name_servers: [127.0.0.1@1]\n{text}'
    )
    return Settings(path)


async def put_into_queue(directory: Path) -> int:
    """Put a message where relay looks for it; return the size of its content."""
    intake = Intake(directory / "queue", 0)
    draft = intake.begin(Envelope(QUEUE_ID, "T1", "a@b.test", 0.0), [Recipient("c@d.test", "c@d.test")])
    draft.write(CONTENT)
    await draft.commit()
    intake.close()
    (directory / "queue/incoming" / QUEUE_ID).rename(directory / "queue/active" / QUEUE_ID)
    return len(CONTENT)


def request(port: int, size: int = 1, name: QueueId = QUEUE_ID) -> DeliveryRequest:
    return DeliveryRequest(name, "T1", "a@b.test", lmtp(port), [0], [Recipient("c@d.test", "c@d.test")], size)


async def connect(directory: Path) -> Client:
    return await channel.connect(f"unix:{directory}/hop", DeliveryResponse)


def run(directory: Path, scene: Callable[[Relay, Client], Awaitable[None]], text: str = "") -> None:
    async def whole() -> None:
        relay = Relay(configure(directory, text))
        await relay.start()
        client = await connect(directory)
        try:
            await scene(relay, client)
        finally:
            client.close()
            await relay.stop()

    play(whole())


def test_message_from_a_queue_file_is_delivered(tmp_path: Path) -> None:
    async def scene(relay: Relay, client: Client) -> None:
        async with peer(HELLO + TAKE + QUIT) as server:
            size = await put_into_queue(tmp_path)
            (outcome,) = (await client.call(request(server.port, size))).outcomes
            assert isinstance(outcome, Delivered)
            assert server.contents == [CONTENT.replace(b"\r\n.", b"\r\n..")]
            await relay.stop()

    run(tmp_path, scene)


def test_message_that_is_not_in_the_queue_is_deferred(tmp_path: Path) -> None:
    async def scene(_: Relay, client: Client) -> None:
        (outcome,) = (await client.call(request(1))).outcomes
        assert isinstance(outcome, Deferred)

    run(tmp_path, scene)


def test_delivery_whose_caller_is_gone_is_given_up(tmp_path: Path) -> None:
    async def scene(_: Relay, client: Client) -> None:
        async with peer(HELLO + "< MAIL .*\n! wait") as server:
            size = await put_into_queue(tmp_path)
            asking = client.ask(request(server.port, size))
            while not server.connections:
                await asyncio.wait([asking], timeout=0.01)
            client.close()
            with pytest.raises(ChannelLost):
                await asking
            await server.finish()
            server.faults.clear()

    run(tmp_path, scene)


def test_stop_finishes_what_is_under_way_and_answers_nothing_new(tmp_path: Path) -> None:
    async def scene(relay: Relay, client: Client) -> None:
        async with peer("! wait") as gate, peer(HELLO + TAKE + QUIT) as server:
            size = await put_into_queue(tmp_path)
            under_way = client.ask(request(server.port, size))
            while not server.connections:
                await asyncio.wait([under_way], timeout=0.01)
            stopping = asyncio.create_task(relay.stop())
            await asyncio.wait([stopping], timeout=0)
            late = client.ask(request(gate.port, size))
            assert isinstance((await under_way).outcomes[0], Delivered)
            await stopping
            with pytest.raises(ChannelLost):
                await late
            assert not gate.connections

    run(tmp_path, scene)


def test_reload_takes_new_settings_for_new_requests(tmp_path: Path) -> None:
    async def scene(relay: Relay, client: Client) -> None:
        renamed = HELLO.replace("me.test", "other.test")
        async with peer(HELLO + TAKE + QUIT, renamed + TAKE + QUIT) as server:
            size = await put_into_queue(tmp_path)
            await client.call(request(server.port, size))
            configure(tmp_path, "  helo_name: other.test\n")
            await relay.reload()
            await client.call(request(server.port, size))
            await relay.stop()

    run(tmp_path, scene)


def test_broken_configuration_leaves_the_old_one_in_use(tmp_path: Path) -> None:
    async def scene(relay: Relay, client: Client) -> None:
        async with peer(HELLO + TAKE + TAKE + QUIT) as server:
            size = await put_into_queue(tmp_path)
            await client.call(request(server.port, size))
            with pytest.raises(ConfigError):
                configure(tmp_path, "  tls: {level: mya}\n")
            await relay.reload()
            (outcome,) = (await client.call(request(server.port, size))).outcomes
            assert isinstance(outcome, Delivered)
            await relay.stop()

    run(tmp_path, scene)


def test_wrong_setting_is_refused_with_its_place(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"malleposte.yaml:8 relay.tls.level: 'mya'"):
        configure(tmp_path, "  tls: {level: mya}\n")


def test_defect_defers_its_request_and_is_told(tmp_path: Path) -> None:
    told: list[str] = []

    async def scene() -> None:
        site = Site(tmp_path, {})
        site.opener = lambda queue_id: 1 // 0  # type: ignore[assignment,return-value]  # the defect
        desk = Desk(site.staff(), CollectorRegistry(), told.append)
        response = await desk.answer(request(1))
        assert isinstance(response, DeliveryResponse)
        assert [type(outcome) for outcome in response.outcomes] == [Deferred]

    asyncio.run(scene())
    assert "ZeroDivisionError" in told[0]


def test_deliveries_that_do_not_end_are_cut_by_the_stop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "GRACE_SECONDS", 0.05)

    async def scene(relay: Relay, client: Client) -> None:
        async with peer("! wait") as server:
            size = await put_into_queue(tmp_path)
            asking = client.ask(request(server.port, size))
            while not server.connections:
                await asyncio.wait([asking], timeout=0.01)
            await relay.stop()
            with pytest.raises(ChannelLost):
                await asking

    run(tmp_path, scene)
