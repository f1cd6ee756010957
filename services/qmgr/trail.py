"""The events of a message's way through qmgr."""

from services.kernel.mail.envelope import Recipient
from services.kernel.mail.outcome import Bounced, Deferred, Delivered, Outcome
from services.kernel.spool.store import State
from services.kernel.wire.delivery import NextHop
from services.kernel.wire.events import Emitter, Kind
from services.qmgr.clock import Moment
from services.qmgr.fate import EXPIRED, Due, Fate, Notice, Settlement
from services.qmgr.message import Message
from services.qmgr.site import Site

_KINDS = {Delivered: Kind.DELIVERED, Deferred: Kind.DEFERRED, Bounced: Kind.BOUNCED}


class Trail:
    """Tells what happens, with the facts that ``malle trace`` needs."""

    def __init__(self, emitter: Emitter) -> None:
        self._emitter = emitter

    def queued(self, message: Message) -> None:
        """A message came in."""
        envelope = message.envelope
        self._emitter.emit(
            Kind.QUEUED,
            trace=envelope.trace_id,
            queue_id=message.queue_id,
            message_id=envelope.message_id,
            sender=envelope.sender,
            client=envelope.client.address,
            bytes=message.content_bytes,
            recipients=len(message.recipients),
        )

    def outcome(self, message: Message, number: int, outcome: Outcome, nexthop: NextHop | None, now: Moment) -> None:
        """What became of a recipient in an attempt; ``seconds`` is since the message arrived."""
        recipient: Recipient = message.recipients[number]
        self._emitter.emit(
            _KINDS[type(outcome)],
            trace=message.envelope.trace_id,
            queue_id=message.queue_id,
            message_id=message.envelope.message_id,
            sender=message.envelope.sender,
            recipient=recipient.address,
            original=recipient.original if recipient.original != recipient.address else "",
            nexthop=str(nexthop) if nexthop else "",
            remote=str(outcome.remote),
            tls=outcome.remote.tls,
            reply=str(outcome.reply),
            stage=outcome.remote.command,
            seconds=round(now.age(message.arrived), 6),
        )

    def settled(self, settlement: Settlement, now: Moment) -> None:
        """Reports made, recipients given up, the message gone or put aside."""
        message = settlement.message
        for number in settlement.expired:
            self._emitter.emit(
                Kind.EXPIRED,
                trace=message.envelope.trace_id,
                queue_id=message.queue_id,
                recipient=message.recipients[number].address,
                reply=str(EXPIRED),
                seconds=round(now.age(message.arrived), 6),
            )
        for due, report in settlement.reported:
            self._reported(message, due, report)
        if settlement.fate is Fate.REMOVE:
            self.of(Kind.REMOVED, message.queue_id, message.envelope.trace_id)
        elif settlement.fate is Fate.HOLD:
            reason = "the primary refuses what is left" if message.is_refused else ""
            self.of(Kind.HELD, message.queue_id, message.envelope.trace_id, reason)

    def _reported(self, message: Message, due: Due, report: str) -> None:
        """A report of ours is a message like any other, tied to the one it tells of."""
        kind = Kind.DELAYED if due.notice is Notice.DELAY else Kind.REPORTED
        self._emitter.emit(
            kind,
            trace=message.envelope.trace_id,
            queue_id=report,
            caused_by=message.queue_id,
            sender="",
            recipient=message.envelope.sender,
            recipients=len(due.numbers),
            reason=f"{due.notice} report",
        )

    def of(self, kind: Kind, queue_id: str, trace: str = "", reason: str = "") -> None:
        """Something that concerns the message as a whole."""
        self._emitter.emit(kind, queue_id=queue_id, trace=trace, reason=reason)

    def corrupt(self, queue_id: str, state: State, reason: str) -> None:
        """A file that does not parse was put aside."""
        self._emitter.emit(Kind.CORRUPT, queue_id=queue_id, stage=state.value, reason=reason)

    def site_down(self, site: Site, now: Moment) -> None:
        """A destination is left alone for a while."""
        self._emitter.emit(Kind.SITE_DOWN, nexthop=str(site.nexthop), reason=site.reason, seconds=round(site.dead_until - now.steady, 3))

    def site_up(self, site: Site) -> None:
        """A destination answers again."""
        self._emitter.emit(Kind.SITE_UP, nexthop=str(site.nexthop))

    def trouble(self, stage: str, reason: str, queue_id: str = "") -> None:
        """A fault of our own that an operator should know of."""
        self._emitter.emit(Kind.TROUBLE, stage=stage, reason=reason, queue_id=queue_id)
