"""What is said to one client, and what is told about it: the handler behind each session."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

from msgspec import structs

from services.kernel.directory.account import Account
from services.kernel.directory.reader import Directory
from services.kernel.mail.envelope import Client, Envelope, Recipient
from services.kernel.mail.headers import Trace, protocol_word
from services.kernel.mail.queueid import QueueId, TraceId
from services.kernel.mail.reply import Reply
from services.kernel.routing import Accepted, Copy, Router, Sender
from services.kernel.sasl import Challenge, Exchange, Refused, Sasl, SignedIn, Why
from services.kernel.smtp.commands import Mail, Rcpt
from services.kernel.smtp.forwarding import Forwarded
from services.kernel.smtp.handler import Peer, Sink
from services.kernel.spool.intake import QueueFull, QueueTrouble
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire.events import Emitter, Kind
from services.kernel.wire.hint import Hinter
from services.smtpd.capacity import Capacity
from services.smtpd.lists import Parcels, member, of_list
from services.smtpd.message import LOOKUP_TROUBLE, NO_ROOM, QUEUE_TROUBLE, Message, MessageRules
from services.smtpd.policy import Policy
from services.smtpd.verification import Refusal, Verification

_OK_SENDER = Reply(250, "2.1.0", "Ok")
_OK_RECIPIENT = Reply(250, "2.1.5", "Ok")
_SIGNED_IN = Reply(235, "2.7.0", "authentication successful")
_WRONG = Reply(535, "5.7.8", "authentication credentials invalid")
_AUTH_TROUBLE = Reply(454, "4.7.0", "temporary authentication trouble, try again later")
_TOO_MANY = Reply(452, "4.5.3", "too many recipients")


@dataclass(frozen=True, slots=True)
class House:
    """What all conversations of one role share."""

    hostname: str
    shows_client: bool
    """Name the client's address in the trace field."""
    expanded_recipient_limit: int
    policy: Policy
    router: Router
    directory: Directory
    sasl: Sasl | None
    """Where users sign in; ``None`` where they cannot."""
    message_rules: MessageRules
    hinter: Hinter
    emitter: Emitter
    count_sessions: Callable[[int], None]
    mint_id: Callable[[], QueueId]
    verification: Verification | None = None
    capacity: Capacity | None = None


class Login:
    """One login of a client (``kernel.smtp.handler.Login``)."""

    def __init__(self, exchange: Exchange, conversation: "Conversation") -> None:
        self._exchange = exchange
        self._conversation = conversation

    @property
    def starts_with_client(self) -> bool:
        return self._exchange.starts_with_client

    async def answer(self, response: bytes) -> bytes | Reply:
        try:
            step = await self._exchange.answer(response)
        except LookupTrouble as trouble:
            return self._conversation.login_trouble(trouble)
        match step:
            case Challenge(data):
                return data
            case SignedIn(account):
                return self._conversation.signed_in(account)
            case Refused():
                return self._conversation.not_signed_in(step)


class Conversation:
    """One client; see ``kernel.smtp.handler`` for the order of the calls."""

    def __init__(self, house: House, peer: Peer) -> None:
        self._house = house
        self._peer = peer
        self._mail: Mail | None = None
        self._sender = Sender("")
        self._recipients: dict[str, Recipient] = {}
        self._copies: list[Copy] = []
        self._owners: dict[str, str] = {}
        self._given = ""
        self._sender_refusal: Refusal | None = None
        self._is_sender_judged = False
        self._cause = ""
        self._is_told = False
        house.count_sessions(1)

    async def connected(self) -> Reply | None:
        """Everybody may talk to us."""
        if self._house.sasl is not None:
            await self._house.sasl.look()
        return None

    async def helo(self) -> Reply | None:
        """Every name will do."""
        return None

    def mechanisms(self) -> Sequence[str]:
        """Without channel binding: no client of submission is known to use it."""
        return self._house.sasl.mechanisms() if self._house.sasl is not None else ()

    def login(self, mechanism: str) -> Login | None:
        """Sign a user in by the directory."""
        self._tell_connected()
        exchange = self._house.sasl.begin(mechanism) if self._house.sasl is not None else None
        return Login(exchange, self) if exchange is not None else None

    def signed_in(self, account: Account) -> Reply:
        """A login succeeded."""
        self._peer.login = account.address
        self._house.emitter.emit(Kind.AUTHENTICATED, client=self._peer.address, login=account.address, tls=self._peer.tls)
        return _SIGNED_IN

    def not_signed_in(self, refused: Refused) -> Reply:
        """A login failed. A message that makes no sense guesses no password."""
        if refused.why is not Why.MALFORMED:
            self._house.emitter.emit(Kind.AUTH_FAILED, client=self._peer.address, login=refused.login[:255], tls=self._peer.tls)
        return _WRONG

    def login_trouble(self, trouble: LookupTrouble) -> Reply:
        """A login could not be checked."""
        self._tell_trouble("AUTH", trouble)
        return _AUTH_TROUBLE

    async def mail(self, mail: Mail) -> Reply:
        """May this be sent, and is there room for it (RFC 1870 section 6.1)?"""
        self._tell_connected()
        try:
            refusal = await self._house.policy.judge_sender(mail.sender, self._peer.login)
            self._house.message_rules.intake.check_room(mail.size)
            if refusal is None:
                self._sender = await self._house.router.sender(mail.sender)
        except LookupTrouble as trouble:
            self._tell_trouble("MAIL", trouble)
            return LOOKUP_TROUBLE
        except QueueTrouble as trouble:
            self._tell_trouble("MAIL", trouble)
            return NO_ROOM if isinstance(trouble, QueueFull) else QUEUE_TROUBLE
        if refusal is not None:
            return refusal
        self._mail = mail
        return _OK_SENDER

    async def rcpt(self, rcpt: Rcpt) -> Reply:
        """May this recipient be reached through us?"""
        try:
            accepted = await self._house.policy.judge_recipient(rcpt.recipient)
            if self._house.verification is not None and not isinstance(accepted, Reply):
                accepted = await self._verify(self._house.verification, rcpt.recipient, accepted)
            if self._house.capacity is not None and not isinstance(accepted, Reply):
                assert self._mail is not None
                accepted = await self._house.capacity.judge(accepted, self._mail.size) or accepted
        except LookupTrouble as trouble:
            self._tell_trouble("RCPT", trouble)
            return LOOKUP_TROUBLE
        if isinstance(accepted, Reply):
            return accepted
        if len(self._recipients) + len(accepted.final) + len(accepted.copies) > self._house.expanded_recipient_limit:
            return _TOO_MANY
        for address in accepted.final:
            if address not in self._recipients:  # named twice, by itself or by aliases, it gets one copy
                self._recipients[address] = Recipient(address, rcpt.recipient, rcpt.orcpt, rcpt.notify)
                if accepted.owners:
                    self._owners.update(each for each in accepted.owners if each[0] == address)
        self._copies += accepted.copies
        self._given = rcpt.recipient
        return _OK_RECIPIENT

    async def _verify(self, verification: Verification, given: str, accepted: Accepted) -> Accepted | Reply:
        """Verify the sender, once a message and only when it has a recipient that we would take, and then the recipient.

        Whoever signed in, and a partner that passes on what it has taken, may use any sender.
        """
        assert self._mail is not None
        if not self._is_sender_judged and not self._peer.login and self._peer.forwarded is None:
            self._sender_refusal = await verification.judge_sender(self._mail.sender, given)
        self._is_sender_judged = True
        refusal = self._sender_refusal or await verification.judge_recipient(given, accepted)
        if refusal is None:
            return accepted
        self._cause = refusal.cause
        return refusal.reply

    async def begin(self) -> Sink | Reply:
        """Open a message. Its queue id is also its trace id, as its life begins here, unless a partner says that it has one."""
        mail, peer = self._mail, self._peer
        assert mail is not None
        identity = self._house.mint_id()
        now = time.time()
        protocol = protocol_word(is_extended=peer.is_extended, is_utf8=mail.smtputf8, has_tls=bool(peer.tls), has_auth=bool(peer.login))
        forwarded = peer.forwarded or Forwarded()
        envelope = Envelope(
            queue_id=identity,
            trace_id=TraceId(forwarded.identity or identity),
            sender=self._sender.address,
            arrived=now,
            body=mail.body,
            smtputf8=mail.smtputf8,
            ret=mail.ret,
            envid=mail.envid,
            client=self._client(protocol),
        )
        trace = Trace(
            helo=peer.helo,
            address=peer.address if self._house.shows_client else "",
            hostname=self._house.hostname,
            protocol=protocol,
            identity=identity,
            time=now,
            tls=peer.tls,
            recipient=self._given if len(self._recipients) == 1 else "",
        )
        recipients = self._all_recipients()
        if self._owners:
            return Parcels(self._messages(envelope, trace, recipients))
        return Message(self._house.message_rules, envelope, recipients, trace, self._tell_end)

    def _messages(self, envelope: Envelope, trace: Trace, recipients: list[Recipient]) -> Iterator[Message]:
        """One of the sender, if anybody gets it, and one of each owner of a list."""
        rules, owners = self._house.message_rules, self._owners
        for owner in dict.fromkeys(owners.get(each.address, "") for each in recipients):
            some = [each for each in recipients if owners.get(each.address, "") == owner]
            if not owner:
                yield Message(rules, envelope, some, trace, self._tell_end)
                continue
            identity = self._house.mint_id()
            own = of_list(structs.replace(envelope, queue_id=identity), owner)
            yield Message(rules, own, list(map(member, some)), replace(trace, identity=identity), self._tell_end)

    def _all_recipients(self) -> list[Recipient]:
        """Those that the client named, and those that get a copy: nobody is told what becomes of that (cleanup_addr_bcc, NOTIFY=NEVER)."""
        for copy in (*self._sender.copies, *self._copies):
            self._recipients.setdefault(copy.address, Recipient(copy.address, copy.original, notify="NEVER"))
        return list(self._recipients.values())

    def _client(self, protocol: str) -> Client:
        """Who gave us the message; or a partner, which then says for whom it speaks."""
        peer, told = self._peer, self._peer.forwarded
        if told is None or not told.address:
            return Client(peer.address, "", peer.helo, peer.login, protocol, peer.tls)
        return Client(told.address, told.name, told.helo, peer.login, told.protocol or protocol, peer.tls)

    def reset(self) -> None:
        """Ready for the next message."""
        self._mail = None
        self._recipients = {}
        self._copies = []
        self._owners = {}
        self._given = ""
        self._sender_refusal, self._is_sender_judged = None, False

    def rejected(self, stage: str, reply: Reply, subject: str) -> None:
        """Tell of a refusal."""
        named = subject.partition("<")[2].partition(">")[0][:512]
        known = self._mail.sender if self._mail is not None else None
        cause, self._cause = self._cause, ""
        self._house.emitter.emit(
            Kind.REJECTED,
            stage=stage,
            reply=str(reply),
            client=(self._peer.forwarded.address if self._peer.forwarded else "") or self._peer.address,
            login=self._peer.login,
            sender=named if stage == "MAIL" else known,
            recipient=named if stage == "RCPT" else "",
            reason=cause,
        )

    def ended(self, reason: str) -> None:
        """Tell of an end that was not a proper one."""
        self._house.count_sessions(-1)
        if reason:
            self._house.emitter.emit(Kind.REJECTED, stage="END", reason=reason[:512], client=self._peer.address)

    def _tell_connected(self) -> None:
        """Once, when the client wants something: health probes and port scanners are not worth a line."""
        if not self._is_told:
            self._is_told = True
            self._house.emitter.emit(Kind.CONNECTED, client=self._peer.address, tls=self._peer.tls)

    def _tell_end(self, message: Message) -> None:
        """The message is in the queue, or has met trouble there."""
        if message.trouble is not None:
            self._tell_trouble("DATA", message.trouble)
            return
        envelope = message.envelope
        self._house.hinter.send([envelope.queue_id])
        self._house.emitter.emit(
            Kind.ACCEPTED,
            trace=envelope.trace_id,
            queue_id=envelope.queue_id,
            message_id=envelope.message_id,
            sender=envelope.sender,
            recipients=len(message.recipients),
            bytes=message.content_bytes,
            client=envelope.client.address,
            login=envelope.client.login,
            tls=envelope.client.tls,
            reason="sent more than it might before our answer" if self._peer.is_hasty else "",
        )

    def _tell_trouble(self, stage: str, trouble: Exception) -> None:
        self._house.emitter.emit(Kind.TROUBLE, stage=stage, reason=str(trouble), client=self._peer.address)
