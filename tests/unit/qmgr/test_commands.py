"""The hop to pipe, over a real connection."""

import asyncio
from pathlib import Path

import pytest

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Deferred
from services.kernel.wire import channel
from services.kernel.wire.channel import ChannelLost
from services.kernel.wire.delivery import DeliveryRequest, DeliveryResponse, NextHop, Protocol
from services.qmgr.commands import Commands
from tests.unit.qmgr.rig import DEADLINE_SECONDS, DELIVERED

REQUEST = DeliveryRequest("q", "t", "", NextHop(Protocol.PIPE, "", transport="lists"), [0], [Recipient("a@b.test", "a@b.test")], 1)


async def _serve(tmp_path: Path, asked: list[str]) -> channel.Listener:
    async def answer(request: DeliveryRequest) -> DeliveryResponse:
        asked.append(request.queue_id)
        return DeliveryResponse([DELIVERED])

    return await channel.listen(f"unix:{tmp_path}/pipe", DeliveryRequest, answer, lambda _: None)


def test_connection_is_made_with_the_first_message_and_kept(tmp_path: Path) -> None:
    async def main() -> list[str]:
        asked: list[str] = []
        commands = Commands(f"unix:{tmp_path}/pipe")
        server = await _serve(tmp_path, asked)
        async with asyncio.timeout(DEADLINE_SECONDS):
            first, second = await asyncio.gather(commands.ask(REQUEST), commands.ask(REQUEST))
        server.close()
        assert first.outcomes == second.outcomes == [DELIVERED]
        return asked

    assert asyncio.run(main()) == ["q", "q"]


def test_message_waits_where_pipe_does_not_run(tmp_path: Path) -> None:
    async def main() -> DeliveryResponse:
        async with asyncio.timeout(DEADLINE_SECONDS):
            return await Commands(f"unix:{tmp_path}/nobody").ask(REQUEST)

    (outcome,) = asyncio.run(main()).outcomes
    assert isinstance(outcome, Deferred)
    assert (outcome.reply.enhanced, outcome.site) == ("4.3.5", True)


def test_lost_connection_is_made_anew(tmp_path: Path) -> None:
    async def main() -> DeliveryResponse:
        commands = Commands(f"unix:{tmp_path}/pipe")

        async def end(request: DeliveryRequest) -> DeliveryResponse:
            raise ConnectionError

        server = await channel.listen(f"unix:{tmp_path}/pipe", DeliveryRequest, end, lambda _: None)
        async with asyncio.timeout(DEADLINE_SECONDS):
            with pytest.raises(ChannelLost):
                await commands.ask(REQUEST)
            server.close()
            (tmp_path / "pipe").unlink(missing_ok=True)
            again = await _serve(tmp_path, [])
            response = await commands.ask(REQUEST)
        again.close()
        return response

    assert asyncio.run(main()).outcomes == [DELIVERED]
