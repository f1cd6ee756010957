"""What is said to one client, and what is told about it: the handler behind each session."""

import time
from collections.abc import Callable
from dataclasses import dataclass

from prometheus_client import Gauge

from services.kernel.directory.reader import Directory
from services.kernel.mail.envelope import Client, Envelope, Recipient
from services.kernel.mail.headers import Trace, protocol_word
from services.kernel.mail.queueid import QueueId, TraceId
from services.kernel.mail.reply import Reply
from services.kernel.smtp.commands import Mail, Rcpt
from services.kernel.smtp.handler import Peer, Sink
from services.kernel.spool.intake import QueueFull, QueueTrouble
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire.events import Emitter, Kind
from services.kernel.wire.hint import Hinter
from services.smtpd.message import NO_ROOM, QUEUE_TROUBLE, Message, MessageRules
from services.smtpd.policy import Policy

_OK_SENDER = Reply(250, "2.1.0", "Ok")
_OK_RECIPIENT = Reply(250, "2.1.5", "Ok")
_SIGNED_IN = Reply(235, "2.7.0", "authentication successful")
_WRONG = Reply(535, "5.7.8", "authentication credentials invalid")
_AUTH_TROUBLE = Reply(454, "4.7.0", "temporary authentication trouble, try again later")
_LOOKUP_TROUBLE = Reply(451, "4.3.0", "temporary lookup trouble, try again later")
_TOO_MANY = Reply(452, "4.5.3", "too many recipients")


@dataclass(frozen=True, slots=True)
class House:
    """What all conversations of one role share."""

    hostname: str
    shows_client: bool
    """Name the client's address in the trace field."""
    expanded_recipient_limit: int
    policy: Policy
    directory: Directory
    message_rules: MessageRules
    hinter: Hinter
    emitter: Emitter
    sessions: Gauge
    mint_id: Callable[[], QueueId]


class Conversation:
    """One client; see ``kernel.smtp.handler`` for the order of the calls."""

    def __init__(self, house: House, peer: Peer) -> None:
        self._house = house
        self._peer = peer
        self._mail: Mail | None = None
        self._recipients: dict[str, Recipient] = {}
        self._given = ""
        self._is_told = False
        house.sessions.inc()

    async def connected(self) -> Reply | None:
        """Everybody may talk to us."""
        return None

    async def helo(self) -> Reply | None:
        """Every name will do."""
        return None

    async def auth(self, login: str, password: str) -> Reply:
        """Sign a user in by the directory."""
        self._tell_connected()
        try:
            account = await self._house.directory.authenticate(login, password)
        except LookupTrouble as trouble:
            self._tell_trouble("AUTH", trouble)
            return _AUTH_TROUBLE
        if account is None:
            self._house.emitter.emit(Kind.AUTH_FAILED, client=self._peer.address, login=login[:255], tls=self._peer.tls)
            return _WRONG
        self._peer.login = account.address
        self._house.emitter.emit(Kind.AUTHENTICATED, client=self._peer.address, login=account.address, tls=self._peer.tls)
        return _SIGNED_IN

    async def mail(self, mail: Mail) -> Reply:
        """May this be sent, and is there room for it (RFC 1870 section 6.1)?"""
        self._tell_connected()
        try:
            refusal = await self._house.policy.judge_sender(mail.sender, self._peer.login)
            self._house.message_rules.intake.check_room(mail.size)
        except LookupTrouble as trouble:
            self._tell_trouble("MAIL", trouble)
            return _LOOKUP_TROUBLE
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
            final = await self._house.policy.judge_recipient(rcpt.recipient)
        except LookupTrouble as trouble:
            self._tell_trouble("RCPT", trouble)
            return _LOOKUP_TROUBLE
        if isinstance(final, Reply):
            return final
        if len(self._recipients) + len(final) > self._house.expanded_recipient_limit:
            return _TOO_MANY
        for address in final:
            if address not in self._recipients:  # named twice, by itself or by aliases, it gets one copy
                self._recipients[address] = Recipient(address, rcpt.recipient, rcpt.orcpt, rcpt.notify)
        self._given = rcpt.recipient
        return _OK_RECIPIENT

    async def begin(self) -> Sink | Reply:
        """Open a message. Its queue id is also its trace id: this is where its life begins."""
        mail, peer = self._mail, self._peer
        assert mail is not None
        identity = self._house.mint_id()
        now = time.time()
        protocol = protocol_word(
            is_extended=peer.is_extended, is_utf8=mail.smtputf8, has_tls=bool(peer.tls), has_auth=bool(peer.login)
        )
        envelope = Envelope(
            queue_id=identity,
            trace_id=TraceId(identity),
            sender=mail.sender,
            arrived=now,
            body=mail.body,
            smtputf8=mail.smtputf8,
            ret=mail.ret,
            envid=mail.envid,
            client=Client(peer.address, "", peer.helo, peer.login, protocol, peer.tls),
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
        return Message(self._house.message_rules, envelope, list(self._recipients.values()), trace, self._tell_end)

    def reset(self) -> None:
        """Ready for the next message."""
        self._mail = None
        self._recipients = {}
        self._given = ""

    def rejected(self, stage: str, reply: Reply, subject: str) -> None:
        """Tell of a refusal."""
        named = subject.partition("<")[2].partition(">")[0][:512]
        known = self._mail.sender if self._mail is not None else None
        self._house.emitter.emit(
            Kind.REJECTED,
            stage=stage,
            reply=str(reply),
            client=self._peer.address,
            login=self._peer.login,
            sender=named if stage == "MAIL" else known,
            recipient=named if stage == "RCPT" else "",
        )

    def ended(self, reason: str) -> None:
        """Tell of an end that was not a proper one."""
        self._house.sessions.dec()
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
