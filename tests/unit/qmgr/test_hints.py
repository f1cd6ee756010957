import asyncio
import os
from pathlib import Path

import pytest

from services.kernel.wire import hint
from services.kernel.wire.hint import BATCH_IDS, Hinter
from services.qmgr.hints import HintSocket
from tests.unit.kernel.spool.messages import name
from tests.unit.qmgr.rig import DEADLINE_SECONDS

LONG = 60.0
"""Seconds that a test does not wait for."""


def listen(path: Path, heard: list[str], enough: asyncio.Event, count: int) -> HintSocket:
    def on_hint(queue_ids: list[str]) -> None:
        heard.extend(queue_ids)
        if len(heard) >= count:
            enough.set()

    receiver = HintSocket(path, os.getgid(), on_hint, lambda domain: on_hint([f"flush {domain}"]))
    receiver.open()
    return receiver


def test_hints_arrive_even_when_there_are_more_than_the_socket_holds(tmp_path: Path) -> None:
    count = 40 * BATCH_IDS
    heard: list[str] = []

    async def main() -> None:
        enough = asyncio.Event()
        receiver = listen(tmp_path / "hint", heard, enough, count)
        sender = Hinter(str(tmp_path / "hint"))
        sender.send([name(number) for number in range(count)])
        await asyncio.wait_for(enough.wait(), DEADLINE_SECONDS)
        sender.close()
        receiver.close()

    asyncio.run(main())
    assert heard == [name(number) for number in range(count)]


def told_together(path: Path, numbers: int) -> list[list[str]]:
    """What a receiver hears at a time of messages that are named one after the other; the sender is closed when the first was heard."""
    heard: list[list[str]] = []

    async def main() -> None:
        told = asyncio.Event()

        def on_hint(queue_ids: list[str]) -> None:
            heard.append(queue_ids)
            told.set()

        receiver = HintSocket(path, os.getgid(), on_hint, lambda _: None)
        receiver.open()
        sender = Hinter(str(path))
        for number in range(numbers):
            sender.send([name(number)])
            await asyncio.sleep(0)
            await asyncio.sleep(0)
        while sum(map(len, heard)) < numbers:
            await asyncio.wait_for(told.wait(), DEADLINE_SECONDS)
            told.clear()
            if hint.GATHER_SECONDS == LONG:
                sender.close()
        receiver.close()
        sender.close()

    asyncio.run(main())
    return heard


def test_one_hint_goes_out_at_once_and_those_in_close_order_together(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hint, "GATHER_SECONDS", LONG)
    assert told_together(tmp_path / "hint", 3) == [[name(0)], [name(1), name(2)]]


def test_what_was_gathered_goes_out_after_a_while(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hint, "GATHER_SECONDS", 0.01)
    assert [each for together in told_together(tmp_path / "hint", 3) for each in together] == [name(0), name(1), name(2)]


def test_hints_without_a_receiver_are_dropped(tmp_path: Path) -> None:
    sender = Hinter(str(tmp_path / "hint"))
    sender.send([name(1)])
    sender.close()


def test_hints_given_while_the_receiver_is_away_arrive_when_it_is_back(tmp_path: Path) -> None:
    heard: list[str] = []

    async def main() -> None:
        enough = asyncio.Event()
        sender = Hinter(str(tmp_path / "hint"))
        sender.send([name(1)])
        await asyncio.sleep(0)  # the turn at whose end they go out
        await asyncio.sleep(0)
        receiver = listen(tmp_path / "hint", heard, enough, 1)
        await asyncio.wait_for(enough.wait(), DEADLINE_SECONDS)
        sender.close()
        receiver.close()

    asyncio.run(main())
    assert heard == [name(1)]


def test_socket_left_by_a_killed_process_is_replaced(tmp_path: Path) -> None:
    heard: list[str] = []

    async def main() -> None:
        enough = asyncio.Event()
        listen(tmp_path / "hint", [], asyncio.Event(), 1)
        receiver = listen(tmp_path / "hint", heard, enough, 1)
        sender = Hinter(str(tmp_path / "hint"))
        sender.send([name(1)])
        await asyncio.wait_for(enough.wait(), DEADLINE_SECONDS)
        sender.close()
        receiver.close()

    asyncio.run(main())
    assert heard == [name(1)]


def test_group_of_the_queue_may_send(tmp_path: Path) -> None:
    async def main() -> int:
        receiver = listen(tmp_path / "hint", [], asyncio.Event(), 1)
        mode = (tmp_path / "hint").stat().st_mode & 0o777
        receiver.close()
        return mode

    assert asyncio.run(main()) == 0o660


def test_request_for_a_domain_arrives_beside_new_messages(tmp_path: Path) -> None:
    heard: list[str] = []

    async def main() -> None:
        enough = asyncio.Event()
        receiver = listen(tmp_path / "hint", heard, enough, 2)
        sender = Hinter(str(tmp_path / "hint"))
        sender.send([name(1)])
        sender.ask_for("b.test")
        await asyncio.wait_for(enough.wait(), DEADLINE_SECONDS)
        sender.close()
        receiver.close()

    asyncio.run(main())
    assert heard == [name(1), "flush b.test"]
