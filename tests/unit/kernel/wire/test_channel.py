"""The channel between two containers, where an answer is not one."""

import asyncio
import os
import socket
import stat
from pathlib import Path

import msgspec
import pytest

from services.kernel.wire import channel
from services.kernel.wire.channel import ChannelClient, ChannelLost


class Question(msgspec.Struct):
    words: str


class Answer(msgspec.Struct):
    number: int


def test_answer_that_does_not_decode_is_no_answer_and_nobody_waits_for_it(tmp_path: Path) -> None:
    async def answer(_: Question) -> Question:
        return Question("of another version")

    async def scene() -> None:
        address = f"unix:{tmp_path}/hop"
        server = await channel.listen(address, Question, answer, lambda _: None)
        client: ChannelClient[Question, Answer] = await channel.connect(address, Answer)
        with pytest.raises(ChannelLost):
            await client.call(Question("how many?"))
        server.close()

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_socket_of_a_killed_process_is_replaced_and_for_its_group_alone(tmp_path: Path) -> None:
    async def answer(_: Question) -> Answer:
        return Answer(1)

    async def scene() -> None:
        path = tmp_path / "hop"
        for leftover in (path, tmp_path / "hop.new"):
            with socket.socket(socket.AF_UNIX) as killed:
                killed.bind(str(leftover))
        server = await channel.listen(f"unix:{path}", Question, answer, lambda _: None)
        assert stat.S_IMODE(path.stat().st_mode) == 0o660
        assert os.listdir(tmp_path) == ["hop"]
        client: ChannelClient[Question, Answer] = await channel.connect(f"unix:{path}", Answer)
        assert await client.call(Question("?")) == Answer(1)
        client.close()
        server.close()

    asyncio.run(asyncio.wait_for(scene(), 10))


def test_listener_is_bound_to_its_name_alone() -> None:
    async def answer(_: Question) -> Answer:
        return Answer(1)

    async def scene() -> set[str]:
        server = await channel.listen("tcp:localhost:0", Question, answer, lambda _: None)
        bound = {str(listener.getsockname()[0]) for listener in server.sockets}
        server.close()
        return bound

    assert asyncio.run(asyncio.wait_for(scene(), 10)) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(("host", "why"), [("name.invalid", "cannot be looked up"), ("192.0.2.1", "of no address of this machine")])
def test_listener_whose_name_is_not_ours_is_an_error_that_says_so(host: str, why: str) -> None:
    async def answer(_: Question) -> Answer:
        return Answer(1)

    with pytest.raises(OSError, match=why):
        asyncio.run(asyncio.wait_for(channel.listen(f"tcp:{host}:0", Question, answer, lambda _: None), 30))
