"""A message while it is in memory."""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from msgspec import structs

from services.kernel.mail.envelope import Envelope, Recipient
from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome
from services.kernel.mail.transcript import Transcript
from services.kernel.spool.format import QueueFile, Status
from services.kernel.spool.history import Attempt
from services.kernel.wire.delivery import NextHop


class Intent(StrEnum):
    """What the operator wants done with a message once no delivery of it is under way."""

    NONE = "none"
    HOLD = "hold"
    DELETE = "delete"
    REQUEUE = "requeue"


class Message:
    """An active message: its file's facts, and what this round of deliveries has brought so far."""

    __slots__ = (
        "arrived",
        "attempts",
        "backup",
        "content_bytes",
        "envelope",
        "has_history",
        "intent",
        "is_marked",
        "losses",
        "next_attempt",
        "open_jobs",
        "queue_id",
        "recipients",
        "refused",
        "statuses",
        "waits_for",
    )

    def __init__(self, queue_id: str, file: QueueFile, *, has_history: bool, arrived: float | None = None) -> None:
        self.queue_id = queue_id
        self.envelope: Envelope = file.envelope
        self.arrived = self.envelope.arrived if arrived is None else arrived
        """Since when its lifetime counts, by the time of day: not by an arrival that lies in the future."""
        self.recipients: list[Recipient] = file.recipients
        self.statuses = file.statuses
        self.content_bytes = file.layout.content_bytes
        self.has_history = has_history
        self.attempts: list[Attempt] = []
        self.open_jobs = 0
        self.next_attempt = float("inf")
        """In the steady time."""
        self.waits_for: NextHop | None = None
        """The destination whose trouble is all that keeps the message, if so."""
        self.losses = 0
        """How often the hop to relay was lost with a delivery of this message under way."""
        self.intent = Intent.NONE
        self.backup: frozenset[int] = frozenset()
        """The recipients whose domains we only back up, or may do so: they have a lifetime of their own, and their senders hear nothing from us."""
        self.refused: frozenset[int] = frozenset()
        """Those of them that the primary refuses for good."""
        self.is_marked = True
        """The statuses are as in the file."""

    @property
    def sender_may_hear(self) -> bool:
        """A report can be made at all: a message without a sender, or a report, never gets one (RFC 5321 section 4.5.5)."""
        return bool(self.envelope.sender) and not self.envelope.is_bounce

    @property
    def has_pending(self) -> bool:
        """Some recipient is still to be tried."""
        return Status.PENDING in self.statuses or Status.WARNED in self.statuses

    @property
    def is_owed(self) -> bool:
        """A report to the sender is still to be made."""
        return Status.FAILED in self.statuses or Status.SENT in self.statuses

    @property
    def is_refused(self) -> bool:
        """All that is left to be tried was refused by primaries that we stand in for."""
        return bool(self.refused) and self.refused.issuperset(self.pending())

    def numbers(self, *wanted: Status) -> list[int]:
        """The positions of the recipients with one of these statuses."""
        return [number for number, status in enumerate(self.statuses) if status in wanted]

    def pending(self) -> list[int]:
        """The positions of the recipients that are still to be tried."""
        return self.numbers(Status.PENDING, Status.WARNED)

    def note(self, number: int, outcome: Outcome) -> None:
        """Take an outcome for a recipient into its status (RFC 3461 sections 4.1 and 5.2)."""
        if isinstance(outcome, Deferred):
            return
        recipient = self.recipients[number]
        if isinstance(outcome, Delivered):
            is_owed = self.sender_may_hear and recipient.wants_success and not outcome.dsn_passed_on
            self.statuses[number] = Status.SENT if is_owed else Status.DELIVERED
        else:
            self.fail(number)
        self.is_marked = False

    def fail(self, number: int) -> None:
        """No more attempts for a recipient."""
        is_owed = self.sender_may_hear and self.recipients[number].wants_failure
        self.statuses[number] = Status.FAILED if is_owed else Status.CLOSED
        self.is_marked = False

    def remember(self, now: float, nexthop: NextHop | None, outcomes: Iterable[tuple[int, Outcome]], said: Sequence[Transcript] = ()) -> None:
        """Keep for the history what is not plain success, and what was ``said``; recipients with the same answer share a line."""
        grouped: dict[Outcome, list[int]] = {}
        for number, outcome in outcomes:
            if isinstance(outcome, Deferred | Bounced) or self.statuses[number] == Status.SENT:
                grouped.setdefault(outcome, []).append(number)
        name = str(nexthop) if nexthop else ""
        attempts = [Attempt(now, numbers, outcome, name) for outcome, numbers in grouped.items()]
        if attempts and said:
            attempts[0] = structs.replace(attempts[0], transcripts=list(said))
        self.attempts += attempts

    def delay(self, until: float, site: NextHop | None) -> None:
        """Plan the next attempt; the earliest plan wins. ``site`` is the destination whose trouble it is."""
        is_first = self.next_attempt == float("inf")
        self.waits_for = site if is_first or self.waits_for == site else None
        self.next_attempt = min(self.next_attempt, until)
