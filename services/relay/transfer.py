"""One message, or one probe, over one open session: from the envelope that fits the server to what became of each recipient."""

from enum import Enum

from services.kernel.mail.conversion import NotConvertible
from services.kernel.mail.outcome import Delivered
from services.kernel.smtp.client import Answer, Transaction, Verb
from services.kernel.smtp.client_content import Content, ContentTrouble
from services.kernel.smtp.client_envelope import Mail
from services.kernel.smtp.client_fault import Fault, FaultKind
from services.kernel.smtp.client_inquiry import Inquiry
from services.kernel.smtp.forwarding import Forwarded
from services.kernel.wire.delivery import DeliveryRequest
from services.relay import fitness
from services.relay import trouble as policy
from services.relay.attempt import Attempt
from services.relay.parcel import Parcel
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


async def transfer(attempt: Attempt, session: Session, parcel: Parcel) -> Afterwards:
    """Offer the message to the server for every recipient that is open, and note what comes of it."""
    numbers = _fitting(attempt, session, parcel)
    content = parcel.ready(is_seven_bit=fitness.needs_conversion(session.connection.extensions))
    if numbers and content is None:
        content = await _fit(attempt, session, parcel)
    if not numbers or content is None:
        return Afterwards.KEEP
    connection = session.connection
    was_used = connection.deliveries > 0
    mail, told = _mail(attempt.request, numbers), _forwarded(attempt.request)
    transaction, fault = await connection.carry(mail, content, parcel.style.conveyance, told)
    if was_used and _is_stale(transaction, fault):
        return Afterwards.STALE
    _note(attempt, session, numbers, (transaction, fault))
    if fault is not None or not connection.is_open:
        return Afterwards.DROP
    if transaction.needs_reset and not await connection.reset():
        return Afterwards.DROP
    return Afterwards.KEEP


def _forwarded(request: DeliveryRequest) -> Forwarded | None:
    """The primary of a domain that we back up judges the client that we had, and its trace goes on there."""
    if not request.nexthop.is_backup:
        return None
    client = request.client
    return Forwarded(client.address, 0, client.name, client.helo, client.protocol, request.trace_id)


async def inquire(attempt: Attempt, session: Session) -> Afterwards:
    """Ask the server for the one recipient of a probe, and note the answer as if it were a delivery's."""
    (number,) = attempt.open
    recipient = attempt.request.recipients[number]
    peer = session.connection.extensions
    unfit = fitness.refuse_nexthop(attempt.request, peer) or fitness.refuse_recipient(recipient, peer)
    if unfit is not None:
        attempt.meet([number], unfit, session.remote())
        return Afterwards.KEEP
    connection = session.connection
    was_used = connection.deliveries > 0
    mail = Mail(attempt.request.sender, [recipient], smtputf8=not recipient.address.isascii(), mbox=attempt.request.nexthop.mbox)
    inquiry, fault = await connection.inquire(mail)
    if was_used and _is_stale(inquiry, fault):
        return Afterwards.STALE
    (answer,) = inquiry.results
    if answer is None:
        assert fault is not None
        attempt.meet([number], policy.of_fault(fault), session.remote(fault.verb))
    elif answer.verb is Verb.RCPT and answer.reply.code // 100 == 2:
        attempt.deliver(number, Delivered(answer.reply, session.remote(answer.verb)))
    else:
        attempt.meet([number], policy.of_probe(answer), session.remote(answer.verb))
    is_kept = fault is None and connection.is_open and await connection.reset()
    return Afterwards.KEEP if is_kept else Afterwards.DROP


def _fitting(attempt: Attempt, session: Session, parcel: Parcel) -> list[int]:
    """The open recipients that the server can be asked for; the others meet their trouble."""
    request, peer = attempt.request, session.connection.extensions
    unfit = fitness.refuse_message(request, peer)
    if unfit is None and fitness.needs_header_scan(request, peer):
        unfit = _scan_header(parcel)
    if unfit is not None:
        attempt.meet(attempt.open, unfit, session.remote())
        return []
    for number in attempt.open:
        refused = fitness.refuse_recipient(request.recipients[number], peer)
        if refused is not None:
            attempt.meet([number], refused, session.remote())
    return attempt.open


async def _fit(attempt: Attempt, session: Session, parcel: Parcel) -> Content | None:
    """The content as this server can take it; without one the open recipients meet their trouble."""
    try:
        return await parcel.content(is_seven_bit=fitness.needs_conversion(session.connection.extensions))
    except NotConvertible as refusal:
        trouble = fitness.refuse_conversion(str(refusal))
    except ContentTrouble as fault:
        trouble = policy.local(Scope.HERE, "4.3.0", str(fault))
    attempt.meet(attempt.open, trouble, session.remote())
    return None


def _scan_header(parcel: Parcel) -> Trouble | None:
    try:
        return fitness.refuse_header(parcel.extent.read(0))
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
        mbox=request.nexthop.mbox,
    )


def _is_stale(transaction: Transaction | Inquiry, fault: Fault | None) -> bool:
    """Whether the server had closed the session, silently or by 421, before it saw MAIL."""
    if fault is not None:
        return fault.kind is FaultKind.LOST and transaction.awaited is Verb.MAIL
    return all(answer is not None and answer.verb is Verb.MAIL and answer.reply.code == 421 for answer in transaction.results)


def _note(attempt: Attempt, session: Session, numbers: list[int], ended: tuple[Transaction, Fault | None]) -> None:
    transaction, fault = ended
    is_complete = True
    is_lmtp = session.line.manner.is_lmtp  # RFC 2033 section 1: it is spoken to whoever has the mailboxes
    passes_dsn_on = session.connection.extensions.has_dsn and not is_lmtp
    for number, answer in zip(numbers, transaction.results, strict=True):
        if answer is not None and _is_delivery(answer):
            attempt.deliver(number, Delivered(answer.reply, session.remote(answer.verb), passes_dsn_on, is_lmtp))
            continue
        is_complete = False
        if answer is None:
            assert fault is not None
            trouble = policy.of_fault(fault, is_dot_sent=transaction.is_dot_sent)
            attempt.meet([number], trouble, session.remote(trouble.command))
        else:
            attempt.meet([number], policy.of_answer(answer), session.remote(answer.verb))
    if not is_complete:
        attempt.transcribe(str(session.remote()), session.connection.dialogue.lines())


def _is_delivery(answer: Answer) -> bool:
    return answer.verb in (Verb.DOT, Verb.BDAT) and answer.reply.code // 100 == 2
