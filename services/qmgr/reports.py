"""Reports to senders: which words, and how much of the original. Runs in the store's thread, where files may be read."""

from dataclasses import dataclass

from services.kernel.mail import dsn
from services.kernel.mail.dsn import Action, Original, RecipientReport, Report
from services.kernel.mail.envelope import Body, Envelope
from services.kernel.mail.outcome import Delivered
from services.kernel.mail.queueid import derived_id
from services.kernel.mail.reply import Reply
from services.kernel.spool.format import Corrupt
from services.kernel.spool.history import Attempt, last_words
from services.kernel.spool.newfile import NewFile
from services.kernel.spool.store import QueueStore, State
from services.qmgr.backoff import Backoff
from services.qmgr.fate import Due, Notice
from services.qmgr.message import Message

_GIVEN_UP = "The message stayed undelivered for as long as it may and is given up."
_NOTHING_KNOWN = {
    Notice.FAILURE: Reply(550, "5.0.0", "delivery failed"),
    Notice.DELAY: Reply(450, "4.0.0", "not delivered yet"),
    Notice.SUCCESS: Reply(250, "2.0.0", "delivered"),
}
"""For what a crash or a full disk kept out of the history."""


def report_id(message: Message, due: Due) -> str:
    """The queue id of a report: the same recipients of the same message give the same one, so a repeated step finds it made."""
    return derived_id(message.queue_id, f"{due.notice} {due.numbers}")


@dataclass(frozen=True, slots=True)
class Composer:
    """Makes the reports of this site."""

    store: QueueStore
    hostname: str
    backoff: Backoff

    def compose(self, message: Message, due: Due, now: float) -> NewFile:
        """A report as a new queue file, not committed yet. What of the original cannot be read is left out."""
        original = self._original(message, due)
        history = self._history(message)
        report = Report(
            hostname=self.hostname,
            report_id=report_id(message, due),
            sender=message.envelope.sender,
            now=now,
            recipients=tuple(self._lines(message, due, history)),
            original=original,
            smtputf8=message.envelope.smtputf8,
        )
        content = dsn.build(report)
        file = self.store.new_file(self._envelope(message, report, content), due.to)
        file.write(content)
        return file

    def _envelope(self, message: Message, report: Report, content: bytes) -> Envelope:
        """RFC 3461 section 6.1: the null sender, and no request for a report on the report. It shares the trace of the original."""
        return Envelope(
            queue_id=report.report_id,
            trace_id=message.envelope.trace_id,
            sender="",
            arrived=report.now,
            message_id=f"<{report.report_id}@{self.hostname}>",
            body=Body.EIGHT_BIT_MIME if dsn.is_eight_bit(content) else Body.SEVEN_BIT,
            smtputf8=report.smtputf8,
            is_bounce=True,
        )

    def _original(self, message: Message, due: Due) -> Original:
        """RFC 3461 section 6.2: all of it only in a failure report and when the sender did not ask for the header, and within our limit."""
        envelope = message.envelope
        limit = self.backoff.settings.bounce_size_limit
        is_whole = due.notice is Notice.FAILURE and envelope.ret != "HDRS" and message.content_bytes <= limit
        try:
            content = self.store.read_content(State.ACTIVE, message.queue_id, 0, limit)
        except (OSError, Corrupt):
            content = b"\r\n\r\n"
        if not is_whole:
            content = content.partition(b"\r\n\r\n")[0] + b"\r\n"
        return Original(content, is_whole, envelope.arrived, envelope.envid, envelope.message_id)

    def _history(self, message: Message) -> list[Attempt]:
        try:
            return self.store.read_history(message.queue_id)
        except OSError:
            return []

    def _lines(self, message: Message, due: Due, history: list[Attempt]) -> list[RecipientReport]:
        words = last_words(history)
        expired = {number for attempt in history if attempt.is_expiry for number in attempt.numbers}
        return [self._line(message, due.notice, number, words.get(number), is_expired=number in expired) for number in due.numbers]

    def _line(self, message: Message, notice: Notice, number: int, attempt: Attempt | None, *, is_expired: bool) -> RecipientReport:
        recipient = message.recipients[number]
        return RecipientReport(
            action=_action(notice, attempt),
            address=recipient.address,
            reply=attempt.outcome.reply if attempt else _NOTHING_KNOWN[notice],
            orcpt=recipient.orcpt,
            remote_mta=attempt.outcome.remote.host if attempt else "",
            last_attempt=attempt.time if attempt else 0.0,
            retry_until=message.arrived + self.backoff.lifetime(message.envelope) if notice is Notice.DELAY else 0.0,
            explanation=_GIVEN_UP if is_expired and notice is Notice.FAILURE else "",
        )


def _action(notice: Notice, attempt: Attempt | None) -> Action:
    """RFC 3464 section 2.3.3: mail for a mailbox of ours is delivered; what went by SMTP without DSN is only known to be passed on."""
    if notice is Notice.FAILURE:
        return Action.FAILED
    if notice is Notice.DELAY:
        return Action.DELAYED
    is_final = attempt is not None and isinstance(attempt.outcome, Delivered) and attempt.outcome.is_final
    return Action.DELIVERED if is_final else Action.RELAYED
