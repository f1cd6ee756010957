"""The operator's end of a hop."""

import asyncio
import socket
from pathlib import Path

import pytest

from services.admin.control import Control
from services.admin.trouble import ControlError
from services.kernel.wire.channel import Listener, listen
from services.kernel.wire.control import Ping, Pong, Request, Response


async def answer(_: Request) -> Response:
    return Pong()


def test_service_that_is_being_started_is_waited_for(tmp_path: Path) -> None:
    path = tmp_path / "qmgr"
    with socket.socket(socket.AF_UNIX) as left:  # what a process that has ended leaves: a name where nobody listens
        left.bind(str(path))

    async def start() -> Listener:
        path.unlink()
        return await listen(f"unix:{path}", Request, answer, lambda _: None)  # type: ignore[arg-type]  # a union is no type

    async def ask() -> Pong:
        async with Control(f"unix:{path}") as control:
            return await control.ask(Ping(), Pong)

    async def both() -> Pong:
        asked = asyncio.create_task(ask())
        await asyncio.sleep(0)  # it has met nobody
        server = await start()
        try:
            return await asked
        finally:
            server.close()

    assert asyncio.run(both()) == Pong()


def test_service_that_is_not_of_this_site_is_not_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asyncio, "sleep", None)

    async def ask() -> None:
        async with Control(f"unix:{tmp_path}/qmgr"):
            raise AssertionError("nobody is there")

    with pytest.raises(ControlError, match="No such file"):
        asyncio.run(ask())
