"""One round of qmgr for a message, without threads and event loop: what is written is the same."""

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Outcome
from services.kernel.spool.store import QueueStore, State
from services.kernel.wire.delivery import NextHop, Protocol
from services.qmgr.admission import load
from services.qmgr.backoff import Backoff
from services.qmgr.clerk import Clerk
from services.qmgr.clock import Moment
from services.qmgr.config import QmgrSettings
from services.qmgr.fate import Settlement, settle
from services.qmgr.message import Message
from services.qmgr.reports import Composer

NEXTHOP = NextHop(Protocol.SMTP, "world.test")
BACKOFF = Backoff(QmgrSettings.model_validate({}))


def do_round(store: QueueStore, queue_id: str, state: State, outcomes: dict[str, Outcome], now: float) -> None:
    """Load a message if it is in this state, let each pending recipient have the outcome of its address, settle."""
    clerk = Clerk(store, Composer(store, "mail.example.test", BACKOFF))
    (loaded,) = load(store, [(queue_id, state)], now)
    if loaded.file is not None:
        clerk.carry_out([_settle(Message(queue_id, loaded.file, has_history=True), outcomes, now)], Moment(now, now))


def _settle(message: Message, outcomes: dict[str, Outcome], now: float) -> Settlement:
    message.delay(now, None)
    if not message.is_owed:  # as `Active.take`: what is owed is reported before anything is tried
        pairs = [(number, outcomes[message.recipients[number].address]) for number in message.pending()]
        for number, outcome in pairs:
            message.note(number, outcome)
        message.remember(now, NEXTHOP, pairs)
    settlement = settle(message, Moment(now, now), BACKOFF)
    for due in settlement.dues:
        due.to = [Recipient(message.envelope.sender, message.envelope.sender, notify="NEVER")]
    return settlement
