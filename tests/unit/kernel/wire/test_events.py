"""Events are written whatever a stranger made of the facts."""

import asyncio
import errno
import json
import os
import select
from collections.abc import Callable
from pathlib import Path

import pytest

from services.kernel.wire.events import Emitter, Kind

WAIT_SECONDS = 10


def test_lone_surrogate_in_a_fact_is_a_question_mark(tmp_path: Path) -> None:
    emitter = Emitter("x.test", "mda", "0", tmp_path, stdout=False)
    emitter.emit(Kind.TROUBLE, reason="octet \udc80", bytes=3)
    emitter.close()
    (event,) = map(json.loads, (tmp_path / "mda.0.jsonl").read_text().splitlines())
    assert (event["kind"], event["reason"], event["bytes"], event["site"]) == ("trouble", "octet ?", 3, "x.test")


def test_file_has_a_line_at_once_and_stdout_at_the_latest_when_all_is_closed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    async def main() -> Emitter:
        emitter = Emitter("x.test", "mda", "0", tmp_path)
        emitter.emit(Kind.TROUBLE, reason="first")
        await asyncio.sleep(0)
        emitter.emit(Kind.TROUBLE, reason="second")
        await asyncio.sleep(0)
        return emitter

    emitter = asyncio.run(main())
    written = (tmp_path / "mda.0.jsonl").read_text()
    assert ([json.loads(line)["reason"] for line in written.splitlines()], capfd.readouterr().out) == (["first", "second"], "")
    emitter.close()
    assert capfd.readouterr().out == written


def writing(monkeypatch: pytest.MonkeyPatch, write: Callable[[int, bytes], int]) -> None:
    monkeypatch.setattr("services.kernel.wire.events.os.write", write)


def taking(take: Callable[[bytes], None]) -> Callable[[int, bytes], int]:
    """All that is written at once, as a pipe does."""

    def write(_file: int, data: bytes) -> int:
        take(data)
        return len(data)

    return write


def test_what_was_written_in_parts_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    writing(monkeypatch, lambda file, data: real(file, data[:10]))
    emitter = Emitter("x.test", "mda", "0", tmp_path, stdout=False)
    emitter.emit(Kind.TROUBLE, reason="first")
    emitter.emit(Kind.TROUBLE, reason="second")
    emitter.close()
    assert [json.loads(line)["reason"] for line in (tmp_path / "mda.0.jsonl").read_text().splitlines()] == ["first", "second"]


def test_line_after_one_that_a_full_disk_cut_is_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.write
    room = [10]

    def write(file: int, data: bytes) -> int:
        if not room[0]:
            raise OSError(errno.ENOSPC, "full")
        done = real(file, data[: room[0]])
        room[0] -= done
        return done

    writing(monkeypatch, write)
    emitter = Emitter("x.test", "mda", "0", tmp_path, stdout=False)
    emitter.emit(Kind.TROUBLE, reason="first")
    room[0] = 10_000
    emitter.emit(Kind.TROUBLE, reason="second")
    emitter.emit(Kind.TROUBLE, reason="third")
    emitter.close()
    _, *whole = (tmp_path / "mda.0.jsonl").read_text().splitlines()
    assert ([json.loads(line)["reason"] for line in whole], emitter.dropped) == (["second", "third"], 1)


def test_stdout_gets_whole_lines_in_pieces_that_no_other_process_can_cut(monkeypatch: pytest.MonkeyPatch) -> None:
    said: list[bytes] = []

    async def emit_many() -> None:
        for number in range(100):
            emitter.emit(Kind.TROUBLE, reason=f"{number} " + "x" * 100)

    writing(monkeypatch, taking(said.append))
    emitter = Emitter("x.test", "mda", "0", None)
    asyncio.run(emit_many())
    emitter.close()
    assert max(map(len, said)) <= select.PIPE_BUF
    assert [int(json.loads(line)["reason"].split()[0]) for piece in said for line in piece.splitlines()] == list(range(100))
    assert all(piece.endswith(b"\n") for piece in said)


def test_stdout_goes_on_when_a_line_comes_just_before_those_in_front_of_it_are_said(monkeypatch: pytest.MonkeyPatch) -> None:
    async def main() -> None:
        said: asyncio.Queue[bytes] = asyncio.Queue()
        writing(monkeypatch, taking(said.put_nowait))
        emitter = Emitter("x.test", "mda", "0", None)
        emitter.emit(Kind.TROUBLE, reason="first")
        await asyncio.sleep(0)
        emitter.emit(Kind.TROUBLE, reason="second")
        lines: list[bytes] = []
        async with asyncio.timeout(WAIT_SECONDS):
            while len(lines) < 2:
                lines += (await said.get()).splitlines()
        assert [json.loads(line)["reason"] for line in lines] == ["first", "second"]

    monkeypatch.setattr("services.kernel.wire.events.SAY_SECONDS", 0)
    asyncio.run(main())
