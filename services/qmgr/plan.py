"""What is deferred and until when: names and times only, so that a hundred thousand fit in some 30 MB."""

from collections.abc import Iterable, Mapping
from heapq import heapify, heappop, heappush

from services.kernel.wire.delivery import NextHop


class Plan:
    """The next attempt of each deferred message, in the steady time. Pure: the files are moved by others."""

    def __init__(self) -> None:
        self._times: dict[str, float] = {}
        self._heap: list[tuple[float, str]] = []
        self._waits_for: dict[str, NextHop] = {}
        self._waiting: dict[NextHop, set[str]] = {}

    def __len__(self) -> int:
        return len(self._times)

    def __contains__(self, queue_id: object) -> bool:
        return queue_id in self._times

    def ids(self) -> list[str]:
        """All of them, in no order."""
        return list(self._times)

    def time(self, queue_id: str) -> float:
        """The next attempt in the steady time, 0 for one that is not deferred."""
        return self._times.get(queue_id, 0.0)

    def add(self, queue_id: str, until: float, site: NextHop | None = None) -> None:
        """Plan an attempt; ``site`` is the destination that the message waits for, if it is only that."""
        self.remove(queue_id)
        self._times[queue_id] = until
        heappush(self._heap, (until, queue_id))
        if site is not None:
            self._waits_for[queue_id] = site
            self._waiting.setdefault(site, set()).add(queue_id)

    def fill(self, times: Mapping[str, float]) -> None:
        """Plan many attempts at once; what is planned already keeps its plan."""
        new = {queue_id: time for queue_id, time in times.items() if queue_id not in self._times}
        self._times |= new
        self._heap += [(time, queue_id) for queue_id, time in new.items()]
        heapify(self._heap)

    def remove(self, queue_id: str) -> bool:
        """Forget a plan; return whether there was one."""
        if self._times.pop(queue_id, None) is None:
            return False
        site = self._waits_for.pop(queue_id, None)
        if site is not None:
            waiting = self._waiting[site]
            waiting.discard(queue_id)
            if not waiting:
                del self._waiting[site]
        if len(self._heap) > 2 * len(self._times) + 1000:
            self._heap = [(time, queue_id) for queue_id, time in self._times.items()]
            heapify(self._heap)
        return True

    def take_due(self, now: float, limit: int) -> list[str]:
        """Take out at most ``limit`` messages whose time has come, the earliest first."""
        due: list[str] = []
        while self._heap and self._heap[0][0] <= now and len(due) < limit:
            time, queue_id = heappop(self._heap)
            if self._times.get(queue_id) == time:
                self.remove(queue_id)
                due.append(queue_id)
        return due

    def hasten(self, queue_ids: Iterable[str], now: float) -> int:
        """Make messages due now; return how many of them are deferred."""
        known = [queue_id for queue_id in queue_ids if queue_id in self._times]
        for queue_id in known:
            self.add(queue_id, now, self._waits_for.get(queue_id))
        return len(known)

    def waiting_for(self, site: NextHop) -> int:
        """How many wait only for this destination."""
        return len(self._waiting.get(site, ()))

    def hasten_site(self, site: NextHop, now: float) -> int:
        """Make due now what waits only for a destination that is well again."""
        return self.hasten(sorted(self._waiting.get(site, ())), now)
