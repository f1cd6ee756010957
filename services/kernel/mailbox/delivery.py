"""Delivery with group commit: messages that arrive at the same time share the cost of being made durable.

A few threads take what waits, write all of it, sync once, give each user's messages their rows in one transaction, and sync the
names. Only then is any of them acknowledged.
"""

import asyncio
import queue
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

from services.kernel.mailbox import arrival
from services.kernel.mailbox.arrival import Staged
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.records import Appended, Growth, Place, Quota
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble, OverQuota, Refusal, mapped
from services.kernel.mailbox.user import INBOX, UserMail

BATCH = 200
"""Messages in one commit at most, so that the first does not wait long for the last."""
THREADS = 2
"""While one waits for the disk the other writes."""


@dataclass(frozen=True, slots=True)
class Letter:
    """One message for one mailbox. ``prefix`` is the header that only this recipient gets; it ends with CRLF or is empty.

    A place whose folder is gone by then is ``MailboxTrouble``: whoever chose it looks again.
    """

    address: str
    prefix: bytes
    draft: Draft
    quota: Quota
    place: Place = INBOX


class _Waiting:
    """A letter, who waits for it, and how far it has come: it is in hand until it has an answer or trouble."""

    def __init__(self, letter: Letter, loop: asyncio.AbstractEventLoop) -> None:
        self.letter = letter
        self.loop = loop
        self.future: asyncio.Future[Appended] = loop.create_future()
        self.user: UserMail | None = None
        self.staged: Staged | None = None
        self.answer: Appended | None = None
        self.trouble: Exception | None = None

    def settle(self) -> None:
        """Tell who waits, unless he went away. Runs in the event loop."""
        if self.future.done():
            return
        if self.answer is not None and self.trouble is None:
            self.future.set_result(self.answer)
        else:
            self.future.set_exception(self.trouble or MailboxTrouble("the delivery was not finished"))


class Delivery:
    """Puts letters into mailboxes. ``start`` before use and ``close`` after."""

    def __init__(self, store: MailStore, disk: Disk, on_growth: Callable[[Growth], None] = lambda _: None) -> None:
        """``on_growth`` hears, in the event loop, what deliveries do to mailboxes with a quota."""
        self._store = store
        self._on_growth = on_growth
        self._disk = disk
        self._queue: queue.SimpleQueue[_Waiting | None] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=self._work, name=f"delivery-{number}", daemon=True) for number in range(THREADS)]

    def start(self) -> None:
        """Start the threads."""
        for thread in self._threads:
            thread.start()

    def close(self) -> None:
        """Deliver what waits, then end the threads. Blocks."""
        for _ in self._threads:
            self._queue.put(None)
        for thread in self._threads:
            thread.join()

    async def deliver(self, letter: Letter) -> Appended:
        """Return once the letter is on stable storage. Raises ``OverQuota``, ``MailboxFull`` or ``MailboxTrouble``.

        The draft must stay open until then: a caller that is cancelled lets the delivery go on.
        """
        waiting = _Waiting(letter, asyncio.get_running_loop())
        self._queue.put(waiting)
        return await waiting.future

    def _work(self) -> None:
        while (first := self._queue.get()) is not None:
            batch = [first, *self._following()]
            try:
                self._commit(batch)
            except Exception as error:  # noqa: BLE001  # the root of the thread: whatever it is, it is temporary to the sender
                _fail(batch, MailboxTrouble(f"{type(error).__name__}: {error}"))
            batch[0].loop.call_soon_threadsafe(_settle, batch)

    def _following(self) -> Iterator[_Waiting]:
        """What waits by now, up to a full batch."""
        with suppress(queue.Empty):
            for _ in range(BATCH - 1):
                waiting = self._queue.get_nowait()
                if waiting is None:
                    # the sign to end, for the next round
                    self._queue.put(None)
                    return
                yield waiting

    def _commit(self, batch: Sequence[_Waiting]) -> None:
        for waiting in batch:
            self._stage(waiting)
        staged = _in_hand(batch)
        with _blaming(staged):
            arrival.sync(self._disk, [waiting.staged for waiting in staged if waiting.staged])
        for (user, place), group in _by_place(_in_hand(staged)):
            with _blaming(group):
                self._deposit(user, place, group)
        deposited = _in_hand(staged)
        with _blaming(deposited):
            self._sync_names(deposited)
        for waiting in batch:
            if waiting.trouble and waiting.user and waiting.staged:
                arrival.discard(waiting.user.home, waiting.staged.path)

    def _deposit(self, user: UserMail, place: Place, group: Sequence[_Waiting]) -> None:
        answers, growth = user.deposit([waiting.staged for waiting in group if waiting.staged], group[-1].letter.quota, place)
        for waiting, answer in zip(group, answers, strict=True):
            waiting.answer = answer
            if answer is None:
                waiting.trouble = OverQuota(f"the mailbox of {user.address} is full")
        if growth.quota.is_limited:
            group[0].loop.call_soon_threadsafe(self._on_growth, growth)

    def _stage(self, waiting: _Waiting) -> None:
        letter = waiting.letter
        with _blaming((waiting,)):
            waiting.user = self._store.user(letter.address)
            try:
                waiting.staged = arrival.stage(waiting.user.home, letter.draft, letter.prefix, None)
            except FileNotFoundError:
                self._store.forget(letter.address)
                raise

    def _sync_names(self, deposited: Sequence[_Waiting]) -> None:
        directories = [directory for (user, place), _ in _by_place(deposited) for directory in user.arrivals(place)]
        several = len(directories) >= arrival.SYNC_ALL_FROM
        for directory in directories[:1] if several else directories:
            self._disk.sync_directory(directory, whole=several)


def _in_hand(batch: Sequence[_Waiting]) -> list[_Waiting]:
    return [waiting for waiting in batch if waiting.trouble is None]


def _by_place(batch: Sequence[_Waiting]) -> list[tuple[tuple[UserMail, Place], list[_Waiting]]]:
    groups: dict[tuple[UserMail, Place], list[_Waiting]] = {}
    for waiting in batch:
        if waiting.user is not None:
            groups.setdefault((waiting.user, waiting.letter.place), []).append(waiting)
    return list(groups.items())


@contextmanager
def _blaming(group: Sequence[_Waiting]) -> Iterator[None]:
    """Trouble within is trouble of all of ``group``, and ends here."""
    try:
        with mapped():
            yield
    except MailboxTrouble as error:
        _fail(group, error)
    except Refusal as error:
        # the folder went away between two steps: whoever comes again finds a new one
        _fail(group, MailboxTrouble(str(error)))


def _fail(group: Sequence[_Waiting], error: Exception) -> None:
    for waiting in group:
        waiting.trouble = waiting.trouble or error


def _settle(batch: Sequence[_Waiting]) -> None:
    for waiting in batch:
        waiting.settle()
