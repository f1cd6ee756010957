"""What becomes of a message after a round of deliveries. Pure."""

from dataclasses import dataclass, field
from enum import StrEnum

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Deferred, Remote
from services.kernel.mail.reply import Reply
from services.kernel.spool.format import Status
from services.kernel.spool.history import Attempt
from services.qmgr.backoff import Backoff
from services.qmgr.clock import Moment
from services.qmgr.message import Intent, Message

EXPIRED = Reply(450, "4.4.7", "message expired, delivery was tried for its whole lifetime")
"""RFC 3463 section 3.5, X.4.7."""


class Fate(StrEnum):
    """Where the file goes."""

    STAY = "stay"
    """Deliveries are under way: only the marks are written."""
    REMOVE = "remove"
    DEFER = "defer"
    HOLD = "hold"


class Notice(StrEnum):
    """The reports that a message can owe its sender."""

    FAILURE = "failure"
    SUCCESS = "success"
    DELAY = "delay"


@dataclass(slots=True)
class Due:
    """A report to make on the recipients ``numbers``. ``to`` are its own recipients, filled in once the sender's address was routed."""

    notice: Notice
    numbers: list[int]
    to: list[Recipient]


@dataclass(slots=True)
class Settlement:
    """Everything to write about one message, in this order: attempts, statuses, reports, the statuses after them, the move.

    ``until`` is the next attempt in the steady time.

    The last four fields are filled in while it is carried out, by the one thread that does.
    """

    message: Message
    fate: Fate
    until: float
    attempts: list[Attempt]
    dues: list[Due]
    statuses: bytearray
    is_marked: bool
    expired: list[int]
    reported: list[tuple[Due, str]] = field(default_factory=list)
    """Each report that was queued, with its queue id."""
    fault: OSError | None = None
    """Why it could not be carried out; what is done already is not done again."""
    lost_words: OSError | None = None
    """Why the history could not be written: no reason to stop."""

    @property
    def leaves_marks(self) -> bool:
        """The file stays, at least until a report is made: what it says matters."""
        return self.fate is not Fate.REMOVE or bool(self.dues)


def settle(message: Message, now: Moment, backoff: Backoff) -> Settlement:
    """Decide about a message of which no job waits; deliveries of it may still be under way."""
    is_open = message.open_jobs > 0
    expired: list[int] = []
    if not is_open and message.intent is Intent.NONE and message.has_pending:
        expired = _expire(message, now, backoff)
    fate, until = _fate(message, now.steady)
    dues = [] if is_open or message.intent is Intent.DELETE else _dues(message, now, backoff)
    settlement = Settlement(message, fate, until, message.attempts, dues, bytearray(message.statuses), message.is_marked, expired)
    message.attempts = []
    message.is_marked = True
    return settlement


def _fate(message: Message, now: float) -> tuple[Fate, float]:
    if message.open_jobs:
        return Fate.STAY, 0.0
    if message.intent is Intent.DELETE or not message.has_pending:
        return Fate.REMOVE, 0.0
    if message.intent is Intent.HOLD or (message.intent is Intent.NONE and message.is_refused):
        return Fate.HOLD, 0.0
    if message.intent is Intent.REQUEUE or message.next_attempt == float("inf"):
        return Fate.DEFER, now
    return Fate.DEFER, message.next_attempt


def _expire(message: Message, now: Moment, backoff: Backoff) -> list[int]:
    """What a primary refused has no lifetime: it is never returned by itself, as its sender may be forged."""
    envelope, age = message.envelope, now.age(message.arrived)
    tried = (number for number in message.pending() if number not in message.refused)
    numbers = [number for number in tried if age >= backoff.lifetime(envelope, is_backup=number in message.backup)]
    if numbers:
        for number in numbers:
            message.fail(number)
        message.attempts.append(Attempt(now.wall, numbers, Deferred(EXPIRED, Remote()), is_expiry=True))
    return numbers


def _dues(message: Message, now: Moment, backoff: Backoff) -> list[Due]:
    dues = [
        Due(Notice.FAILURE, message.numbers(Status.FAILED), []),
        Due(Notice.SUCCESS, message.numbers(Status.SENT), []),
    ]
    if backoff.warns(message.envelope, now.age(message.arrived)) and message.intent is not Intent.REQUEUE:
        late = [number for number in message.numbers(Status.PENDING) if message.recipients[number].wants_delay and number not in message.backup]
        dues.append(Due(Notice.DELAY, late, []))
    return [due for due in dues if due.numbers]


AFTER = {Notice.FAILURE: Status.CLOSED, Notice.SUCCESS: Status.DELIVERED, Notice.DELAY: Status.WARNED}
"""The status of a recipient once the report on it is queued."""
