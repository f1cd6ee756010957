"""The thread that puts drafts on stable storage: what has come while it was at one batch is the next batch."""

import asyncio
import contextlib
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import NamedTuple

from services.kernel.spool.newfile import NewFile, commit_together


class _Job(NamedTuple):
    file: NewFile
    done: asyncio.Future[None]


class Committer:
    """For one event loop, whose thread calls it; make it after a fork. With a thread pool and its futures a message takes 50 us more."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="commit", daemon=True)
        self._thread.start()

    def commit(self, file: NewFile) -> asyncio.Future[None]:
        """Done when the file is on stable storage; else an ``OSError``, or a defect, is what it raises, and nothing of the file is left."""
        if not self._thread.is_alive():
            raise RuntimeError("nothing is committed any more")
        done = asyncio.get_running_loop().create_future()
        self._waiting.put(_Job(file, done))
        return done

    def close(self) -> None:
        """Return when all that waits is committed; whoever waits for it is told in the loop's next turn."""
        self._waiting.put(None)
        self._thread.join()

    # -- in the thread

    def _work(self) -> None:
        is_open = True
        while is_open:
            batch = self._next_batch()
            jobs = [job for job in batch if job is not None]
            is_open = len(jobs) == len(batch)
            faults = _commit([job.file for job in jobs])
            if jobs:
                with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
                    jobs[0].done.get_loop().call_soon_threadsafe(_tell, jobs, faults)

    def _next_batch(self) -> list[_Job | None]:
        batch = [self._waiting.get()]
        while not self._waiting.empty():
            batch.append(self._waiting.get())
        return batch


def _commit(files: Sequence[NewFile]) -> Sequence[Exception | None]:
    try:
        return commit_together(files)
    except Exception as defect:  # noqa: BLE001  # root of the thread: nobody may wait for ever, and no batch suffers from the one before
        for file in files:
            file.discard()
        return [defect] * len(files)


def _tell(jobs: Sequence[_Job], faults: Sequence[Exception | None]) -> None:
    for job, fault in zip(jobs, faults, strict=True):
        if job.done.done():
            continue
        if fault is None:
            job.done.set_result(None)
        else:
            job.done.set_exception(fault)
