"""The service as a whole."""

import asyncio
from pathlib import Path

from services.kernel.wire import channel
from services.kernel.wire.channel import ChannelClient
from services.kernel.wire.delivery import NextHop, ProbeRequest, ProbeResponse, Protocol
from services.pipe.service import Pipe, Settings

PROBE = ProbeRequest(NextHop(Protocol.PIPE, "host"), "a@b.test", "c@d.test")


def configure(directory: Path) -> Settings:
    path = directory / "malleposte.yaml"
    path.write_text(
        "site: {hostname: me.test}\npipe:\n"
        f"  listen: unix:{directory}/hop\n  queue_directory: {directory}\n  events_directory: null\n"
        f'  programs_directory: {directory}\n  metrics_address: "127.0.0.1:0"\n'
    )
    return Settings(path)


def test_stop_waits_until_who_asked_has_hung_up(tmp_path: Path) -> None:
    async def scene() -> None:
        pipe = Pipe(configure(tmp_path))
        await pipe.start()
        client: ChannelClient[ProbeRequest, ProbeResponse] = await channel.connect(f"unix:{tmp_path}/hop", ProbeResponse)
        assert isinstance(await client.call(PROBE), ProbeResponse)
        await pipe.stop()
        assert client.closed.is_set()

    asyncio.run(asyncio.wait_for(scene(), 20))
