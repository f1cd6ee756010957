"""The channel between two containers, where an answer is not one."""

import asyncio
import os
import socket
import stat
import threading
from pathlib import Path

import msgspec
import pytest
import uvloop

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
        bound = {str(listener.getsockname()[0]) for listener in server.server.sockets}
        server.close()
        return bound

    assert asyncio.run(asyncio.wait_for(scene(), 10)) <= {"127.0.0.1", "::1"}


@pytest.mark.parametrize(("host", "why"), [("name.invalid", "cannot be looked up"), ("192.0.2.1", "of no address of this machine")])
def test_listener_whose_name_is_not_ours_is_an_error_that_says_so(host: str, why: str) -> None:
    async def answer(_: Question) -> Answer:
        return Answer(1)

    with pytest.raises(OSError, match=why):
        asyncio.run(asyncio.wait_for(channel.listen(f"tcp:{host}:0", Question, answer, lambda _: None), 30))


class Ending:
    """A process that answers the first question and then ends, in a thread with an event loop of its own."""

    def __init__(self) -> None:
        self.port = 0
        self.is_up, self.has_answered, self.may_end, self.has_ended = (threading.Event() for _ in range(4))

    def run(self) -> None:
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(self._live())
        self.has_ended.set()

    async def _live(self) -> None:
        listener = await channel.listen("tcp:127.0.0.1:0", Question, self._answer, lambda _: None)
        self.port = listener.server.sockets[0].getsockname()[1]
        self.is_up.set()
        await asyncio.to_thread(self.may_end.wait)
        listener.close()
        await listener.part()

    async def _answer(self, question: Question) -> Answer:
        if question.words != "first":
            await asyncio.get_running_loop().create_future()
        self.has_answered.set()
        return Answer(1)


async def _heard_of(ending: Ending) -> list[Answer | BaseException]:
    """What a client hears who is kept from reading until the other has ended, and sends more before he reads."""
    client: ChannelClient[Question, Answer] = await channel.connect(f"tcp:127.0.0.1:{ending.port}", Answer)
    asked = [client.ask(Question("first"))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert ending.has_answered.wait(10)  # and nobody reads it: the client's event loop stands still
    ending.may_end.set()
    ending.has_ended.wait(1.0)
    assert client.transport is not None
    os.write(client.transport.get_extra_info("socket").fileno(), bytes(8))  # a ping: who has ended resets the connection for that
    asked.append(client.ask(Question("second")))
    return await asyncio.gather(*asked, return_exceptions=True)


def test_last_answers_of_a_process_that_ends_are_heard() -> None:
    ending = Ending()
    thread = threading.Thread(target=ending.run)
    thread.start()
    assert ending.is_up.wait(10)
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        first, second = runner.run(asyncio.wait_for(_heard_of(ending), 20))
    thread.join(10)
    assert first == Answer(1)
    assert isinstance(second, ChannelLost)
