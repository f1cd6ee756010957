"""The thread that puts drafts on stable storage: what has come while it was at one batch is the next batch."""

import asyncio
import threading
from collections.abc import Sequence
from queue import SimpleQueue
from typing import NamedTuple

from services.kernel.spool.newfile import NewFile, commit_together


class _Job(NamedTuple):
    file: NewFile
    done: asyncio.Future[None]


class Committer:
    """For one event loop. A thread pool and its futures would do the same for 50 us more a message, a third of what the disk's work takes."""

    def __init__(self) -> None:
        self._waiting: SimpleQueue[_Job | None] = SimpleQueue()
        self._thread = threading.Thread(target=self._work, name="commit", daemon=True)
        self._thread.start()

    def commit(self, file: NewFile) -> asyncio.Future[None]:
        """Done when the file is on stable storage; raises what stood in the way, an ``OSError`` unless it is a defect."""
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
            if jobs:
                jobs[0].done.get_loop().call_soon_threadsafe(_tell, jobs, _commit([job.file for job in jobs]))

    def _next_batch(self) -> list[_Job | None]:
        batch = [self._waiting.get()]
        while not self._waiting.empty():
            batch.append(self._waiting.get())
        return batch


def _commit(files: Sequence[NewFile]) -> Sequence[Exception | None]:
    try:
        return commit_together(files)
    except Exception as defect:  # noqa: BLE001  # root of the thread: nobody may wait for ever, and the next batch is not to suffer
        return [defect] * len(files)


def _tell(jobs: Sequence[_Job], faults: Sequence[Exception | None]) -> None:
    for job, fault in zip(jobs, faults, strict=True):
        if job.done.done():
            continue
        if fault is None:
            job.done.set_result(None)
        else:
            job.done.set_exception(fault)
