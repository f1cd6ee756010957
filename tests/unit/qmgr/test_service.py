"""The whole process but its container: configuration file, queue volume, hop to relay, control socket."""

import asyncio
import re
import threading
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from services.kernel.spool.disk import Disk
from services.kernel.spool.store import QueueLocked, QueueStore, State
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


class SlowDisk(Disk):
    """Tells the time of no history before it ``may``."""

    def __init__(self) -> None:
        self.may = threading.Event()

    def time(self, path: str) -> float:
        self.may.wait()
        return super().time(path)


@asynccontextmanager
async def looking_over(settings: Settings, queue: Path) -> AsyncIterator[tuple[SlowDisk, Hinter]]:
    """A qmgr that has message 1 deferred for an hour and looks over it for as long as the test says."""
    put(queue, envelope(1), recipients("bob@world.test"))
    QueueStore(queue).defer(name(1), time.time() + 3600, State.INCOMING)
    disk, hinter = SlowDisk(), Hinter(str(queue / "hint"))
    qmgr = Qmgr(settings, disk)
    starting = asyncio.create_task(qmgr.start())
    try:
        async with asyncio.timeout(DEADLINE_SECONDS):
            yield disk, hinter
    finally:
        disk.may.set()
        await starting
        await qmgr.stop()
        hinter.close()


async def tried(directory: Path, queue_id: str) -> None:
    """Wait for the first attempt to deliver a message, which here ends in a deferral."""
    events = directory / "qmgr.0.jsonl"
    while not (events.exists() and re.search(f'"kind":"deferred".*{queue_id}', events.read_text())):  # noqa: ASYNC110  # only the file tells
        await asyncio.sleep(0.01)


def test_new_mail_does_not_wait_for_the_look_over_what_is_deferred(settings: Settings, tmp_path: Path) -> None:
    async def main() -> None:
        async with looking_over(settings, tmp_path / "queue") as (disk, hinter):
            put(tmp_path / "queue", envelope(2), recipients("bob@world.test"))
            hinter.send([name(2)])
            await tried(tmp_path, name(2))
            assert not disk.may.is_set()

    asyncio.run(main())


def test_flush_that_is_asked_for_meanwhile_is_made_when_all_that_waits_is_known(settings: Settings, tmp_path: Path) -> None:
    async def main() -> None:
        async with looking_over(settings, tmp_path / "queue") as (disk, hinter):
            put(tmp_path / "queue", envelope(2), recipients("bob@world.test"))
            hinter.ask_for("world.test")
            hinter.send([name(2)])
            await tried(tmp_path, name(2))  # it was told of after the flush
            disk.may.set()
            await tried(tmp_path, name(1))

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
