import asyncio
import errno
import os
import threading
from collections.abc import Callable, Coroutine
from pathlib import Path

import pytest

from services.kernel.spool.disk import Disk
from services.kernel.spool.intake import SPILL_BYTES, Draft, Intake, QueueFull, QueueTrouble
from services.kernel.spool.store import QueueStore, State
from tests.unit.kernel.spool.breakable import BrokenDisk
from tests.unit.kernel.spool.messages import CONTENT, envelope, make_volume, name, recipients


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return make_volume(tmp_path)


def run(root: Path, job: Callable[[Intake], Coroutine[None, None, None]], disk: Disk | None = None) -> None:
    async def main() -> None:
        intake = Intake(root, disk=disk)
        try:
            await job(intake)
        finally:
            intake.close()

    asyncio.run(main())


def begin(intake: Intake, number: int = 1) -> Draft:
    return intake.begin(envelope(number), recipients())


def names(root: Path) -> list[str]:
    return sorted(path.name for path in (root / "incoming").iterdir())


def test_committed_message_is_in_incoming_byte_for_byte(root: Path) -> None:
    async def job(intake: Intake) -> None:
        draft = begin(intake)
        draft.write(CONTENT[:10])
        draft.write(CONTENT[10:])
        await draft.commit()

    run(root, job)
    assert QueueStore(root).read_content(State.INCOMING, name(1), 0, 10_000) == CONTENT


def test_message_is_on_stable_storage_before_commit_returns(root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[tuple[str, bytes]] = []
    fdatasync = os.fdatasync

    def note(file: int) -> None:
        path = os.readlink(f"/proc/self/fd/{file}")
        synced.append((path, Path(path).read_bytes()[-len(CONTENT) :]))
        fdatasync(file)

    async def job(intake: Intake) -> None:
        draft = begin(intake)
        draft.write(CONTENT)
        await draft.commit()
        assert synced == [(str(root / "incoming" / name(1)), CONTENT)]

    monkeypatch.setattr(os, "fdatasync", note)
    run(root, job)


def test_large_message_is_spilled_and_comes_out_whole(root: Path) -> None:
    block = bytes(range(256)) * (SPILL_BYTES // 256)

    async def job(intake: Intake) -> None:
        draft = begin(intake)
        for _ in range(5):
            draft.write(block)
            await draft.drain()
            assert draft.file.buffered_bytes == 0
        draft.write(b"end")
        await draft.commit()

    run(root, job)
    assert QueueStore(root).read_content(State.INCOMING, name(1), 0, 10_000_000) == block * 5 + b"end"


def test_hundred_commits_at_once_all_arrive(root: Path) -> None:
    async def one(intake: Intake, number: int) -> None:
        draft = begin(intake, number)
        draft.write(CONTENT)
        await draft.commit()

    async def job(intake: Intake) -> None:
        await asyncio.gather(*(one(intake, number) for number in range(100)))

    run(root, job)
    assert len(names(root)) == 100


@pytest.mark.parametrize("call", ["create", "write", "sync"])
@pytest.mark.parametrize(("code", "fault"), [(errno.ENOSPC, QueueFull), (errno.EDQUOT, QueueFull), (errno.EIO, QueueTrouble)])
def test_fault_of_the_disk_is_told_and_leaves_nothing_behind(root: Path, call: str, code: int, fault: type[Exception]) -> None:
    async def job(intake: Intake) -> None:
        draft = begin(intake)
        draft.write(CONTENT)
        with pytest.raises(fault):
            await draft.commit()

    run(root, job, BrokenDisk({call: code}))
    assert names(root) == []


class Gate(Disk):
    """A disk whose ``sync`` waits until it is opened, and raises ``defect`` for the file with that number, counted from 0."""

    def __init__(self, defect: int = -1) -> None:
        self.opened = threading.Event()
        self.synced = 0
        self._defect = defect

    def sync(self, file: int) -> None:
        assert self.opened.wait(20)
        number, self.synced = self.synced, self.synced + 1
        if number == self._defect:
            raise ZeroDivisionError
        super().sync(file)


def test_defect_is_told_to_its_batch_leaves_nothing_of_it_behind_and_stops_no_other(root: Path) -> None:
    disk = Gate(defect=2)

    async def job(intake: Intake) -> None:
        commits = [asyncio.ensure_future(begin(intake, number).commit()) for number in (1, 2, 3, 4)]
        await asyncio.sleep(0)
        disk.opened.set()
        told = await asyncio.gather(*commits, return_exceptions=True)
        alone = told.count(None)  # those whose batch was not that of the defect
        assert [type(each) for each in told[alone:]] == [ZeroDivisionError] * (4 - alone)
        assert names(root) == [name(number) for number in range(1, 1 + alone)]
        await begin(intake, 5).commit()

    run(root, job, disk)
    assert names(root)[-1] == name(5)


def test_close_waits_for_what_is_being_committed(root: Path) -> None:
    disk = Gate()

    async def job(intake: Intake) -> None:
        commit = asyncio.ensure_future(begin(intake).commit())
        await asyncio.sleep(0)
        closing = asyncio.ensure_future(asyncio.to_thread(intake.close))
        done, _ = await asyncio.wait([closing], timeout=0.05)
        assert not done
        disk.opened.set()
        await closing
        assert disk.synced == 1
        await commit

    run(root, job, disk)


def test_nothing_is_committed_after_close(root: Path) -> None:
    async def job(intake: Intake) -> None:
        intake.close()
        with pytest.raises(RuntimeError):
            await begin(intake).commit()

    run(root, job)
    assert names(root) == []


def test_fault_while_spilling_is_told_at_once(root: Path) -> None:
    async def job(intake: Intake) -> None:
        draft = begin(intake)
        draft.write(bytes(SPILL_BYTES))
        with pytest.raises(QueueFull):
            await draft.drain()
        draft.abort()

    run(root, job, BrokenDisk({"write": errno.ENOSPC}))
    assert names(root) == []


def test_message_is_refused_when_the_volume_is_nearly_full(root: Path) -> None:
    async def job(intake: Intake) -> None:
        draft = Intake(root, minfree_bytes=1, disk=BrokenDisk({"free_bytes": errno.ENOSPC})).begin(envelope(), recipients())
        draft.write(CONTENT)
        with pytest.raises(QueueFull):
            await draft.commit()

    run(root, job)
    assert names(root) == []


def test_aborted_message_leaves_nothing_behind(root: Path) -> None:
    async def job(intake: Intake) -> None:
        draft = begin(intake)
        draft.write(bytes(SPILL_BYTES))
        await draft.drain()
        draft.abort()

    run(root, job)
    assert names(root) == []


def test_abort_during_a_cancelled_spill_leaves_nothing_behind(root: Path) -> None:
    async def job(intake: Intake) -> None:
        draft = begin(intake)
        draft.write(bytes(SPILL_BYTES))
        spill = asyncio.create_task(draft.drain())
        await asyncio.sleep(0)
        spill.cancel()
        draft.abort()

    run(root, job)
    assert names(root) == []


def test_message_that_was_taken_for_abandoned_is_not_promised(root: Path) -> None:
    async def job(intake: Intake) -> None:
        draft = begin(intake)
        draft.write(bytes(SPILL_BYTES))
        await draft.drain()
        (root / "incoming" / name(1)).unlink()
        with pytest.raises(QueueTrouble):
            await draft.commit()

    run(root, job)


def test_same_queue_id_twice_is_trouble_and_keeps_the_first(root: Path) -> None:
    async def job(intake: Intake) -> None:
        for content in (CONTENT, b"other"):
            draft = begin(intake)
            draft.write(content)
            if content is CONTENT:
                await draft.commit()
            else:
                with pytest.raises(QueueTrouble):
                    await draft.commit()

    run(root, job)
    assert QueueStore(root).read_content(State.INCOMING, name(1), 0, 100) == CONTENT


def test_queue_file_is_for_its_group_whatever_the_umask(root: Path) -> None:
    async def job(intake: Intake) -> None:
        await begin(intake).commit()

    run(root, job)
    assert (root / "incoming" / name(1)).stat().st_mode & 0o777 == 0o660
