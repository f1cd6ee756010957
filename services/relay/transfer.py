"""One message over one open session: from the envelope that fits the server to what became of each recipient."""

from enum import Enum

from services.kernel.smtp.client import Answer, Transaction, Verb
from services.kernel.smtp.client_content import ContentTrouble, Extent
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.wire.delivery import DeliveryRequest
from services.relay import fitness
from services.relay import trouble as policy
from services.relay.attempt import Attempt
from services.relay.pool import Session
from services.relay.trouble import Scope, Trouble


class Afterwards(Enum):
    """What the session is good for after a transfer."""

    KEEP = "keep"
    """More messages."""
    DROP = "drop"
    """Nothing."""
    STALE = "stale"
    """Nothing: it had been closed by the server before this message, to which nothing has happened."""


async def transfer(attempt: Attempt, session: Session, content: Extent) -> Afterwards:
    """Offer the message to the server for every recipient that is open, and note what comes of it."""
    numbers = _fitting(attempt, session, content)
    if not numbers:
        return Afterwards.KEEP
    connection = session.connection
    was_used = connection.deliveries > 0
    transaction, fault = await connection.carry(_mail(attempt.request, numbers), content)
    if was_used and _is_stale(transaction, fault):
        return Afterwards.STALE
    _note(attempt, session, numbers, (transaction, fault))
    if fault is not None or not connection.is_open:
        return Afterwards.DROP
    if transaction.needs_reset and not await connection.reset():
        return Afterwards.DROP
    return Afterwards.KEEP


def _fitting(attempt: Attempt, session: Session, content: Extent) -> list[int]:
    """The open recipients that the server can be asked for; the others meet their trouble."""
    request, peer = attempt.request, session.connection.extensions
    unfit = fitness.refuse_message(request, peer)
    if unfit is None and fitness.needs_header_scan(request, peer):
        unfit = _scan_header(content)
    if unfit is not None:
        attempt.meet(attempt.open, unfit, session.remote())
        return []
    for number in attempt.open:
        refused = fitness.refuse_recipient(request.recipients[number], peer)
        if refused is not None:
            attempt.meet([number], refused, session.remote())
    return attempt.open


def _scan_header(content: Extent) -> Trouble | None:
    try:
        return fitness.refuse_header(content.read(0))
    except ContentTrouble as trouble:
        return policy.local(Scope.HERE, "4.3.0", str(trouble))


def _mail(request: DeliveryRequest, numbers: list[int]) -> Mail:
    return Mail(
        request.sender,
        [request.recipients[number] for number in numbers],
        size_bytes=request.content_bytes,
        body=request.body,
        smtputf8=request.smtputf8,
        ret=request.ret,
        envid=request.envid,
        trace=f"{request.trace_id}/{request.queue_id}",
    )


def _is_stale(transaction: Transaction, fault: Fault | None) -> bool:
    """Whether the server had closed the session, silently or by 421, before it saw MAIL."""
    if fault is not None:
        return fault.kind is FaultKind.LOST and transaction.awaited is Verb.MAIL
    return all(answer is not None and answer.verb is Verb.MAIL and answer.reply.code == 421 for answer in transaction.results)


def _note(attempt: Attempt, session: Session, numbers: list[int], ended: tuple[Transaction, Fault | None]) -> None:
    transaction, fault = ended
    passes_dsn_on = session.connection.extensions.has_dsn and not session.line.manner.is_lmtp
    for number, answer in zip(numbers, transaction.results, strict=True):
        if answer is None:
            assert fault is not None
            trouble = policy.of_fault(fault, is_dot_sent=transaction.is_dot_sent)
            attempt.meet([number], trouble, session.remote(trouble.command))
        elif _is_delivery(answer):
            attempt.deliver(number, answer.reply, session.remote(answer.verb), dsn_passed_on=passes_dsn_on)
        else:
            attempt.meet([number], policy.of_answer(answer), session.remote(answer.verb))


def _is_delivery(answer: Answer) -> bool:
    return answer.verb is Verb.DOT and answer.reply.code // 100 == 2
