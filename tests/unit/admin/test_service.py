"""The daemon: health, metrics and the index, on a site in a folder."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest

from services.admin.chores import Counting, Indexing
from services.admin.config import AdminSettings
from services.admin.service import Admin
from services.admin.web import Web
from services.kernel.runtime.config import read
from tests.unit.admin.conftest import Malle


async def ask(port: int, request: bytes) -> tuple[str, str]:
    """Status line and body."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request)
    head, _, body = (await reader.read()).partition(b"\r\n\r\n")
    writer.close()
    return head.split(b"\r\n")[0].decode(), body.decode()


async def with_daemon(folder: Path, use: Callable[[int], Awaitable[None]]) -> None:
    """Run the daemon on a port of its own choice around ``use(port)``."""
    text = (folder / "malleposte.yaml").read_text().replace("admin:\n", "admin:\n  address: 127.0.0.1:0\n  metrics_address: ''\n")
    (folder / "malleposte.yaml").write_text(text)
    daemon = Admin(read(folder / "malleposte.yaml"))
    await daemon.start()
    try:
        await use(daemon.port)
    finally:
        await daemon.stop()


def test_health_is_good_with_a_directory_and_an_index(malle: Malle, folder: Path) -> None:
    malle("init")

    async def use(port: int) -> None:
        assert await ask(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n") == ("HTTP/1.1 200 OK", "well\n")

    asyncio.run(with_daemon(folder, use))


def test_health_is_bad_without_a_directory(folder: Path) -> None:
    async def use(port: int) -> None:
        status, body = await ask(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status == "HTTP/1.1 503 Service Unavailable"
        assert "No such file" in body

    asyncio.run(with_daemon(folder, use))


def test_metrics_count_the_daemons_own_events(malle: Malle, folder: Path) -> None:
    async def use(port: int) -> None:
        status, body = await ask(port, b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n")
        assert status == "HTTP/1.1 200 OK"
        assert 'malleposte_events_total{kind="started"} 1.0' in body

    asyncio.run(with_daemon(folder, use))
    kinds = [json.loads(line)["kind"] for line in (folder / "events/admin.0.jsonl").read_text().splitlines()]
    assert kinds == ["started", "stopped"]


@pytest.mark.parametrize(
    ("request_bytes", "status"),
    [
        (b"GET /nothing HTTP/1.1\r\n\r\n", "HTTP/1.1 404 Not Found"),
        (b"POST /ok HTTP/1.1\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"),
        (b"nonsense\r\n\r\n", "HTTP/1.1 405 Method Not Allowed"),
        (b"GET /ok?x=1 HTTP/1.1\r\n\r\n", "HTTP/1.1 200 OK"),
        (b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\n\r\n", ""),
    ],
)
def test_web_answers_its_paths_and_nothing_else(request_bytes: bytes, status: str) -> None:
    async def ok(_query: str) -> tuple[str, str, bytes]:
        return "200 OK", "text/plain", b"fine"

    async def session() -> str:
        server = await Web({"/ok": ok}).listen("127.0.0.1:0")
        try:
            return (await ask(server.sockets[0].getsockname()[1], request_bytes))[0]
        except ConnectionResetError:
            return ""
        finally:
            server.close()

    assert asyncio.run(session()) == status


def test_index_that_cannot_be_kept_is_a_fault_and_is_tried_again(tmp_path: Path) -> None:
    folder = tmp_path / "later"
    indexing = Indexing(AdminSettings.model_validate({"events_directory": folder}), lambda fault: None)
    assert "trace index" in indexing.turn()
    folder.mkdir()
    (folder / "mda.0.jsonl").write_text('{"kind": "stored", "trace": "t1"}\n')
    assert indexing.turn() == ""
    indexing.close()


def test_queue_numbers_vanish_with_qmgr(tmp_path: Path) -> None:
    from prometheus_client import CollectorRegistry

    registry = CollectorRegistry()
    counting = Counting(AdminSettings.model_validate({"control": f"unix:{tmp_path}/qmgr"}), registry)
    asyncio.run(counting.turn())
    assert registry.get_sample_value("malleposte_queue_messages", {"state": "deferred"}) is None
