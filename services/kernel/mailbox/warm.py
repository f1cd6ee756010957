"""The columns of the folder that was opened last, so that the next opening brings them up to date in place of reading all rows."""

from services.kernel.mailbox.columns import Columns
from services.kernel.mailbox.ledger import Ledger


class Warm:
    """Of one user. One thread at a time uses it: the one that holds the index."""

    def __init__(self) -> None:
        self._folder: tuple[int, int] | None = None
        self._modseq = 0
        self._columns = Columns()

    def columns(self, ledger: Ledger) -> Columns:
        """All messages of a folder, for the caller to keep."""
        folder = (ledger.counters.id, ledger.counters.uidvalidity)
        known, self._folder = self._folder, None  # nothing is known should this fail
        if known != folder or not self._advance(ledger):
            self._columns = ledger.columns()
        self._folder, self._modseq = folder, ledger.counters.modseq
        return self._columns.copy()

    def _advance(self, ledger: Ledger) -> bool:
        """Take in what happened since; false, and nothing done, when that cannot be told."""
        columns, gone, changed = self._columns, ledger.vanished_since(self._modseq), ledger.changed_since(self._modseq)
        last = columns.uids[-1] if columns else 0
        places = [columns.find(message.uid) for message in changed]
        if gone is None or any(place is None and message.uid < last for place, message in zip(places, changed, strict=True)):
            return False
        for place, message in zip(places, changed, strict=True):
            if place is not None:
                columns.change(place, message.modseq, message.flags)
        columns.append(message for place, message in zip(places, changed, strict=True) if place is None)
        columns.remove([place for uid in gone if (place := columns.find(uid)) is not None])
        return True
