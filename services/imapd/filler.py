"""Filling the catalogue while nobody waits for it, so that a search finds it done, and taking out of it what is expunged.

One task for all folders of the process works in small steps and rests in between, so that sessions and deliveries have their turn. A folder
with much to do goes to the end of the line now and then. What is not done at the stop is done after the next SELECT.
"""

import asyncio
import contextlib
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple, ParamSpec, TypeVar

from services.imapd.lookups import fill
from services.kernel.mailbox.folder import Folder
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble, Refusal
from services.kernel.mailbox.user import UserMail

PAUSE_SECONDS = 1.0
"""After a SELECT: what the client asks next, of the whole folder as a rule, does not wait for us."""
STEP_MESSAGES = 20
"""Messages read, or forgotten, in one step: some 40 ms."""
TURN_STEPS = 25
"""Steps for one folder before the next has its turn."""
REST = 3.0
"""Times as long as a step took: a quarter of a core, however much there is to do."""
MOST_WAITING = 1_000
"""Folders in the line; those beyond are filled after their next SELECT."""

P = ParamSpec("P")
T = TypeVar("T")


class Survey(NamedTuple):
    """What there is to do in a folder: messages whose words are not known, the newest first, and messages that are gone."""

    lacking: Sequence[int]
    gone: Sequence[int]


def survey(folder: Folder) -> Survey:
    """Compare a folder with the catalogue. Blocks."""
    shelf = folder.shelf()
    present, known = frozenset(folder.uids()), shelf.words()
    return Survey(sorted(present - known, reverse=True), sorted((known | shelf.headings()) - present))


class Filler:
    """The line of folders and the task that works it off. ``tell`` hears of defects."""

    def __init__(self, store: MailStore, tell: Callable[[str], None]) -> None:
        self._store = store
        self._tell = tell
        self._line: dict[tuple[str, str], tuple[UserMail, Folder]] = {}
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def is_at_work(self) -> bool:
        """Whether what is wished for will be done."""
        return self._task is not None

    def start(self) -> None:
        """Begin to work."""
        self._task = asyncio.create_task(self._work())

    async def close(self) -> None:
        """Stop after the step in hand."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    def wish(self, user: UserMail, folder: Folder) -> None:
        """Put a folder into the line, unless it is there. Never blocks."""
        if len(self._line) < MOST_WAITING:
            self._line.setdefault((user.address, folder.name), (user, folder))
            self._news.set()

    async def _work(self) -> None:
        while True:
            if not self._news.is_set():
                await self._news.wait()
                await asyncio.sleep(PAUSE_SECONDS)
            key = next(iter(self._line))
            user, folder = self._line.pop(key)
            if not self._line:
                self._news.clear()
            try:
                await self._fill(user, folder)
            except (MailboxTrouble, Refusal):
                continue  # it is a cache: perhaps after the next SELECT
            except Exception as defect:  # noqa: BLE001  # the root of the task: one folder does not stop the others
                self._tell(f"catalogue of {user.address}: {type(defect).__name__}: {defect}")

    async def _fill(self, user: UserMail, folder: Folder) -> None:
        """Do some of what there is to do in a folder; what is left goes to the end of the line."""
        is_tidy = await self._step(user, user.tidy_catalog, STEP_MESSAGES)
        left = await self._step(user, survey, folder)
        if left.gone:
            await self._step(user, _forget, folder, left.gone[:STEP_MESSAGES])
        for start in range(0, min(len(left.lacking), TURN_STEPS * STEP_MESSAGES), STEP_MESSAGES):
            await self._step(user, fill, folder, left.lacking[start : start + STEP_MESSAGES])
        if not is_tidy or len(left.gone) > STEP_MESSAGES or len(left.lacking) > TURN_STEPS * STEP_MESSAGES:
            self.wish(user, folder)

    async def _step(self, user: UserMail, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        start = time.monotonic()
        result = await self._store.run_for(user.address, work, *args, **kwargs)
        await asyncio.sleep(REST * (time.monotonic() - start))
        return result


def _forget(folder: Folder, uids: Sequence[int]) -> None:
    folder.shelf().forget(uids)
