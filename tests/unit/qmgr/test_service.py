"""The whole process but its container: configuration file, queue volume, hop to relay, control socket."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.spool.store import QueueLocked
from services.kernel.wire import channel, control
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse
from services.kernel.wire.hint import Hinter
from services.qmgr.service import Qmgr, Settings
from tests.unit.kernel.spool.messages import envelope, make_volume, name, put, recipients
from tests.unit.qmgr.rig import DEADLINE_SECONDS, DELIVERED

CONFIG = """\
site: {{name: test, hostname: mail.example.test}}
directory: {{url: "sqlite:///{root}/none.sqlite"}}
routing: {{transport_maps: ["inline:{{world.test=smtp:[mx.world.test]:25}}"]}}
qmgr:
  queue_directory: {root}/queue
  relay: unix:{root}/relay
  control: unix:{root}/control
  events_directory: {root}
  metrics_address: 127.0.0.1:0
  scan_seconds: 0.05
"""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "queue").mkdir()
    make_volume(tmp_path / "queue")
    path = tmp_path / "malleposte.yaml"
    path.write_text(CONFIG.format(root=tmp_path))
    return Settings(path)


async def answer(_request: DeliveryRequest) -> DeliveryResponse:
    return DeliveryResponse([DELIVERED])


def test_operator_is_answered_by_the_running_process(settings: Settings, tmp_path: Path) -> None:
    async def main() -> control.Response:
        put(tmp_path / "queue", envelope(), recipients("bob@nowhere.test"))
        qmgr = Qmgr(settings)
        await qmgr.start()
        client = await channel.connect(f"unix:{tmp_path}/control", control.Response)  # type: ignore[arg-type, var-annotated]  # a union is no type
        hinter = Hinter(str(tmp_path / "queue/hint"))
        hinter.send([name(1)])
        response: control.Response = await asyncio.wait_for(client.call(control.List()), DEADLINE_SECONDS)
        client.close()
        hinter.close()
        await qmgr.stop()
        return response

    response = asyncio.run(main())
    assert isinstance(response, control.Listing)
    assert [entry.queue_id for entry in response.entries] == [name(1)]


def test_second_process_does_not_start_on_the_same_volume(settings: Settings, tmp_path: Path) -> None:
    async def main() -> None:
        qmgr = Qmgr(settings)
        await qmgr.start()
        with pytest.raises(QueueLocked):
            await Qmgr(settings).start()
        await qmgr.stop()

    asyncio.run(main())


def test_reload_with_a_broken_file_keeps_what_is_in_use(settings: Settings, tmp_path: Path) -> None:
    async def main() -> None:
        qmgr = Qmgr(settings)
        await qmgr.start()
        settings.path.write_text("qmgr: {no_such_key: 1}")
        await qmgr.reload()
        await qmgr.stop()

    asyncio.run(main())
    assert '"kind":"reloaded"' not in (tmp_path / "qmgr.0.jsonl").read_text()
    assert "configuration not reloaded" in (tmp_path / "qmgr.0.jsonl").read_text()
