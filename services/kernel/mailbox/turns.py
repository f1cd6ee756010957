"""Whose work a store's threads do next, when there is more than they can do at a time.

Work of one mailbox waits for its index anyway: four clients of somebody who has just moved in would have every thread of the process wait with them.
So a mailbox gets a thread whenever one is free, but another one beside it only while more than half of them are. Work that waits goes past that of
mailboxes that have what they may have; each mailbox's own is done in the order in which it came, and mailboxes take turns.
"""

import threading
from collections import Counter, deque
from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, NamedTuple, TypeVar

T = TypeVar("T")


class _Work(NamedTuple):
    whose: Hashable
    do: Callable[[], Any]
    future: Future[Any]


class Turns:
    """The threads of a store. May be used from any thread."""

    def __init__(self, threads: int) -> None:
        self._threads = ThreadPoolExecutor(threads, "mailbox")
        self._free = threads
        self._enough = threads // 2
        self._running: Counter[Hashable] = Counter()
        self._waiting: dict[Hashable, deque[_Work]] = {}
        self._is_closed = False
        self._lock = threading.Lock()
        self._changed = threading.Condition(self._lock)

    def submit(self, whose: Hashable, do: Callable[[], T]) -> "Future[T]":
        """Have work of a mailbox done when it is its turn; ``None`` is nobody's. Raises ``RuntimeError`` after ``close``."""
        work = _Work(object() if whose is None else whose, do, Future())
        with self._lock:
            if self._is_closed:
                raise RuntimeError("the store is closed")
            if self._may_begin(work.whose):
                self._begin(work)
            else:
                self._waiting.setdefault(work.whose, deque()).append(work)
        return work.future

    def _may_begin(self, whose: Hashable) -> bool:
        return self._free > (self._enough if self._running[whose] else 0)

    def _begin(self, work: _Work) -> None:
        self._free -= 1
        self._running[work.whose] += 1
        self._threads.submit(self._do, work)

    def _do(self, work: _Work) -> None:
        if work.future.set_running_or_notify_cancel():
            try:
                result = work.do()
            except BaseException as error:  # noqa: BLE001  # whatever it is, it is for who waits
                work.future.set_exception(error)
            else:
                work.future.set_result(result)
        with self._lock:
            self._end(work.whose)

    def _end(self, whose: Hashable) -> None:
        self._free += 1
        self._running[whose] -= 1
        if not self._running[whose]:
            del self._running[whose]
        self._begin_next()
        self._changed.notify_all()

    def _begin_next(self) -> None:
        """Begin all that may begin now: it is two when the first takes the free thread and whose work ended has none. Few are passed over."""
        while (whose := next(filter(self._may_begin, self._waiting), None)) is not None:
            queue = self._waiting.pop(whose)
            self._begin(queue.popleft())
            if queue:
                self._waiting[whose] = queue  # behind all others

    def close(self) -> None:
        """Take no more work, and end the threads when all of it is done."""
        with self._lock:
            self._is_closed = True
            while self._running or self._waiting:
                self._changed.wait()
        self._threads.shutdown()
