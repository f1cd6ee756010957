"""The hand that writes: carries out settlements, a batch at a time, in the store's thread.

The order makes a crash harmless at any point. For each message: what was tried, then the statuses (on stable storage when a report is
owed), then the reports (on stable storage, under ids that follow from the message and its recipients, so that a repetition finds them made),
then the statuses that say so, and last the move. A message whose statuses still owe a report was not moved.
"""

from collections.abc import Sequence

from services.kernel.spool.newfile import NewFile
from services.kernel.spool.store import QueueStore, State
from services.qmgr.clock import Moment
from services.qmgr.fate import AFTER, Due, Fate, Settlement
from services.qmgr.reports import Composer, report_id


class Clerk:
    """Writes to one queue."""

    def __init__(self, store: QueueStore, composer: Composer) -> None:
        self._store = store
        self._composer = composer

    def carry_out(self, batch: Sequence[Settlement], now: Moment) -> None:
        """Blocks. A fault is left in its settlement, which may then be carried out again."""
        for settlement in batch:
            settlement.fault = None
            if settlement.leaves_marks:
                self._write_down(settlement)
        owing = [settlement for settlement in batch if settlement.dues and settlement.fault is None]
        if owing:
            self._report(owing, now.wall)
        for settlement in batch:
            if settlement.fault is None:
                self._move(settlement, now)

    def _write_down(self, settlement: Settlement) -> None:
        if settlement.attempts:
            self._add_history(settlement)
        if settlement.is_marked and not settlement.dues:
            return
        try:
            self._store.mark(settlement.message.queue_id, bytes(settlement.statuses), durably=bool(settlement.dues))
        except OSError as error:
            settlement.fault = error
        else:
            settlement.is_marked = True

    def _add_history(self, settlement: Settlement) -> None:
        message = settlement.message
        message.has_history = True
        try:
            self._store.add_history(message.queue_id, settlement.attempts)
        except OSError as error:
            settlement.lost_words = error
        settlement.attempts = []

    def _report(self, batch: Sequence[Settlement], now: float) -> None:
        made: list[tuple[Settlement, Due, NewFile]] = []
        for settlement in batch:
            try:
                made += self._missing(settlement, now)
            except OSError as error:
                settlement.fault = error
        faults = self._store.commit([file for _, _, file in made])
        for (settlement, due, _), fault in zip(made, faults, strict=True):
            if fault is not None:
                settlement.fault = fault
            else:
                self._tick_off(settlement, due)
        for settlement in batch:
            if settlement.fault is None:
                self._close(settlement)

    def _missing(self, settlement: Settlement, now: float) -> list[tuple[Settlement, Due, NewFile]]:
        """The reports that are not in the queue already.

        One in ``incoming`` is what a killed process was writing: it may be half of one, or not on stable storage, and nothing has seen it yet.
        """
        made = []
        for due in list(settlement.dues):
            queue_id = report_id(settlement.message, due)
            state = self._store.find(queue_id)
            if state is State.INCOMING:
                self._store.remove(queue_id, state, has_history=False)
            if state in (None, State.INCOMING):
                made.append((settlement, due, self._composer.compose(settlement.message, due, now)))
            else:
                self._tick_off(settlement, due)
        return made

    def _tick_off(self, settlement: Settlement, due: Due) -> None:
        settlement.dues.remove(due)
        settlement.reported.append((due, report_id(settlement.message, due)))
        for number in due.numbers:
            settlement.statuses[number] = settlement.message.statuses[number] = AFTER[due.notice]

    def _close(self, settlement: Settlement) -> None:
        """Say in the file that the reports are made."""
        try:
            self._store.mark(settlement.message.queue_id, bytes(settlement.statuses))
        except OSError as error:
            settlement.fault = error

    def _move(self, settlement: Settlement, now: Moment) -> None:
        message = settlement.message
        try:
            if settlement.fate is Fate.REMOVE:
                self._store.remove(message.queue_id, State.ACTIVE, has_history=message.has_history)
            elif settlement.fate is Fate.DEFER:
                self._store.defer(message.queue_id, now.shown(settlement.until))
            elif settlement.fate is Fate.HOLD:
                self._store.move(message.queue_id, State.ACTIVE, State.HOLD)
        except OSError as error:
            settlement.fault = error
