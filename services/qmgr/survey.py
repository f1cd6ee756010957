"""The queue as an operator sees it: read from the disk, in a thread of its own, while mail goes on.

A message may move while it is looked at: it is then looked for again, and left out when it has gone.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from operator import itemgetter

from services.kernel.mail.queueid import arrival
from services.kernel.spool.format import Corrupt, QueueFile, Status, Unfinished
from services.kernel.spool.history import Attempt, last_words
from services.kernel.spool.store import QueueStore, State
from services.kernel.wire import control
from services.kernel.wire.control import Entry, RecipientEntry, Selection, Shown

HISTORY_LINES = 1000
"""The newest lines that ``show`` gives: 200 KB."""
MOVES = 4
"""More moves than a message makes while it is looked at."""
_WORDS = {
    Status.PENDING: "pending",
    Status.WARNED: "pending, sender warned",
    Status.SENT: "delivered, report due",
    Status.DELIVERED: "delivered",
    Status.FAILED: "failed, report due",
    Status.CLOSED: "failed",
}
_PENDING = (Status.PENDING, Status.WARNED)


class Pages:
    """Listings that come in pages: the directories are read for the first one alone, as a hundred thousand names take a while each time.

    One listing is remembered until its end; another one at the same time is right as well, but slow.
    """

    def __init__(self, store: QueueStore) -> None:
        self._store = store
        self._selection: Selection | None = None
        self._places: list[tuple[str, State]] = []

    def page(self, selection: Selection, after: str, now: float) -> tuple[list[Entry], bool]:
        """What is selected beyond queue id ``after``, oldest first, and whether there is more. Raises ``OSError`` as ``select``."""
        if not after or selection != self._selection:
            self._selection, self._places = selection, _candidates(self._store, selection, tuple(State))
        places = self._places[bisect_right(self._places, after, key=itemgetter(0)) :]
        entries = list(islice(_matching(self._store, selection, places, now), control.PAGE_ENTRIES + 1))
        has_more = len(entries) > control.PAGE_ENTRIES
        if not has_more:
            self._selection, self._places = None, []
        return entries[: control.PAGE_ENTRIES], has_more


def select(store: QueueStore, selection: Selection, states: tuple[State, ...], now: float) -> Iterator[Entry]:
    """What is selected in some states, oldest first. Raises ``OSError`` when a directory cannot be read."""
    return _matching(store, selection, _candidates(store, selection, states), now)


def _matching(store: QueueStore, selection: Selection, places: Iterable[tuple[str, State]], now: float) -> Iterator[Entry]:
    for queue_id, state in places:
        entry = describe(store, queue_id, state)
        if entry is not None and matches(selection, entry, now):
            yield entry


def _candidates(store: QueueStore, selection: Selection, states: tuple[State, ...]) -> list[tuple[str, State]]:
    wanted = [state for state in states if not selection.states or state.value in selection.states]
    if selection.ids:
        found = [(queue_id, store.find(queue_id)) for queue_id in sorted(set(selection.ids))]
        return [(queue_id, state) for queue_id, state in found if state is not None and state in wanted]
    # mail goes to and fro between active and deferred: looked at once more in deferred, none slips past
    again = [State.DEFERRED] if State.DEFERRED in wanted else []
    places = {queue_id: state for state in [*again, *wanted, *again] for queue_id in store.ids(state)}
    return sorted(places.items())


def describe(store: QueueStore, queue_id: str, state: State) -> Entry | None:
    """One message; None when it has gone or is not finished."""
    try:
        file, state = _read(store, queue_id, state)
        history = store.read_history(queue_id)
    except (FileNotFoundError, Unfinished):
        return None
    except (Corrupt, OSError):
        return Entry(queue_id, state.value, "", arrival(queue_id), 0)
    envelope = file.envelope
    return Entry(
        queue_id=queue_id,
        state=state.value,
        sender=envelope.sender,
        arrived=envelope.arrived,
        size_bytes=file.layout.content_bytes,
        trace_id=envelope.trace_id,
        message_id=envelope.message_id,
        client=envelope.client.login or envelope.client.address,
        recipients=_pending(file, last_words(history)),
    )


def _read(store: QueueStore, queue_id: str, state: State) -> tuple[QueueFile, State]:
    """Look for a message where it was, and where it has gone meanwhile. Raises ``FileNotFoundError`` when there is none."""
    place: State | None = state
    for _ in range(MOVES):
        if place is None:
            break
        with suppress(FileNotFoundError):
            return store.load(place, queue_id), place
        place = store.find(queue_id)
    raise FileNotFoundError(queue_id)


def _pending(file: QueueFile, words: dict[int, Attempt]) -> list[RecipientEntry]:
    entries = []
    for number, recipient in enumerate(file.recipients):
        if file.statuses[number] in _PENDING:
            last = words.get(number)
            reason = str(last.outcome.reply) if last else ""
            entries.append(RecipientEntry(recipient.address, last.nexthop if last else "", reason))
    return entries


def matches(selection: Selection, entry: Entry, now: float) -> bool:
    """Tell whether all facts that are given match."""
    recipients = entry.recipients
    return (
        _holds(selection.sender, [entry.sender])
        and _holds(selection.client, [entry.client])
        and _holds(selection.recipient, [recipient.address for recipient in recipients])
        and _holds(selection.reason, [recipient.reason for recipient in recipients])
        and _holds(selection.site, [recipient.nexthop for recipient in recipients])
        and (not selection.older_than_seconds or entry.arrived <= now - selection.older_than_seconds)
    )


def _holds(wanted: str, texts: list[str]) -> bool:
    return not wanted or any(wanted.lower() in text.lower() for text in texts)


def show(store: QueueStore, queue_id: str) -> Shown | None:
    """All about a message but its content; None when there is none. Raises ``Corrupt`` and ``OSError``."""
    state = store.find(queue_id)
    if state is None:
        return None
    entry = describe(store, queue_id, state)
    try:
        file, _ = _read(store, queue_id, state)
    except (FileNotFoundError, Unfinished):
        return None
    if entry is None:
        return None
    pairs = list(zip(file.recipients, file.statuses, strict=True))
    return Shown(
        entry=entry,
        envelope=file.envelope,
        pending=[recipient for recipient, status in pairs if status in _PENDING],
        done=[(recipient, _WORDS[Status(status)]) for recipient, status in pairs if status not in _PENDING],
        history=_lines(file, store.read_history(queue_id)),
        dialogues=[control.Dialogue(said.time, said.nexthop, said.server, said.lines) for said in store.read_dialogues(queue_id)],
    )


def _lines(file: QueueFile, history: list[Attempt]) -> list[control.Attempt]:
    lines = []
    for attempt in history:
        word = "expired" if attempt.is_expiry else type(attempt.outcome).__name__.lower()
        for number in attempt.numbers[:HISTORY_LINES]:
            if number < len(file.recipients):
                address = file.recipients[number].address
                lines.append(control.Attempt(attempt.time, address, word, str(attempt.outcome.reply), str(attempt.outcome.remote)))
    return lines[-HISTORY_LINES:]


def count(store: QueueStore, now: float) -> tuple[dict[str, int], dict[str, float]]:
    """Messages in each state, and the age of the oldest in seconds."""
    ids = {state.value: store.ids(state) for state in State}
    oldest = {state: max(0.0, now - arrival(names[0])) for state, names in ids.items() if names}
    return {state: len(names) for state, names in ids.items()}, oldest
