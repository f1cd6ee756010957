"""What is said to one client, which is relay: the handler behind each LMTP session."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from prometheus_client import Gauge

from services.kernel.directory import MailboxFormat
from services.kernel.directory.reader import Directory
from services.kernel.mail.queueid import is_queue_id
from services.kernel.mail.reply import Reply
from services.kernel.mailbox.records import Place, Quota
from services.kernel.mailbox.store import MailStore
from services.kernel.smtp.commands import Mail, Rcpt
from services.kernel.smtp.handler import Peer, Sink
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire.events import Emitter, Kind
from services.mda import trace
from services.mda.mbox.home import SITE
from services.mda.message import Mailroom, Message
from services.mda.transfer import Target, Transfer

XTRACE = "XTRACE"
"""Announced in LHLO; ``MAIL FROM:<> XTRACE=<trace id>/<queue id>`` lets the message's trace go on here."""
XMBOX = "XMBOX"
"""Announced as well; ``MAIL FROM:<> XMBOX=<name>`` wants the message in that file of the site's, whoever it is for."""

_OK_SENDER = Reply(250, "2.1.0", "Ok")
_OK_RECIPIENT = Reply(250, "2.1.5", "Ok")
_UNKNOWN = Reply(550, "5.1.1", "no such mailbox")
_DISABLED = Reply(550, "5.2.1", "mailbox is disabled")
_NO_MBOX = Reply(451, "4.3.5", "there is no such mbox in routing.mboxes of mda")
_LOOKUP_TROUBLE = Reply(451, "4.3.0", "temporary lookup trouble, try again later")


@dataclass(frozen=True, slots=True)
class House:
    """What all conversations share."""

    directory: Directory
    store: MailStore
    mailroom: Mailroom
    emitter: Emitter
    sessions: Gauge
    mboxes: set[str]
    """The names of the site's files, which a reload may change."""


class Conversation:
    """One client; see ``kernel.smtp.handler`` for the order of the calls."""

    def __init__(self, house: House, peer: Peer) -> None:
        self._house = house
        self._peer = peer
        self._transfer = Transfer("", "", "")
        house.sessions.inc()

    async def connected(self) -> Reply | None:
        """The network decides who can."""
        return None

    async def helo(self) -> Reply | None:
        """Every name will do."""
        return None

    def mechanisms(self) -> Sequence[str]:
        """Nobody signs in."""
        return ()

    def login(self, mechanism: str) -> None:
        """Not offered."""

    async def mail(self, mail: Mail) -> Reply:
        """Any sender: smtpd has judged it."""
        trace_id, _, queue_id = mail.private.get(XTRACE, "").partition("/")
        if not (is_queue_id(trace_id) and is_queue_id(queue_id)):
            trace_id = queue_id = ""
        mbox = mail.private.get(XMBOX)
        if mbox is not None and mbox not in self._house.mboxes:
            return _NO_MBOX
        self._transfer = Transfer(mail.sender, trace_id, queue_id, [], mail.body, mail.smtputf8, mail.ret, mail.envid, mbox=mbox or "")
        return _OK_SENDER

    async def rcpt(self, rcpt: Rcpt) -> Reply:
        """Is there a mailbox? For a file of the site's that is nothing to ask."""
        original = trace.original_recipient(rcpt.recipient, rcpt.orcpt)
        if mbox := self._transfer.mbox:
            target = Target(rcpt.recipient, original, SITE, Quota(), rcpt.orcpt, rcpt.notify, MailboxFormat.MBOX, Place(mbox))
            self._transfer.targets.append(target)
            return _OK_RECIPIENT
        try:
            account = await self._house.directory.account(rcpt.recipient)
        except LookupTrouble as trouble:
            self._house.emitter.emit(Kind.TROUBLE, stage="RCPT", reason=str(trouble), trace=self._transfer.trace_id, recipient=rcpt.recipient)
            return _LOOKUP_TROUBLE
        if account is None:
            return _UNKNOWN
        if not account.enabled:
            return _DISABLED
        quota = Quota(account.quota_bytes, account.quota_messages)
        target = Target(rcpt.recipient, original, account.address, quota, rcpt.orcpt, rcpt.notify, account.mailbox_format)
        self._transfer.targets.append(target)
        return _OK_RECIPIENT

    async def begin(self) -> Sink | Reply:
        """Open a message."""
        self._transfer.begun = time.monotonic()
        return Message(self._transfer, self._house.store.draft(), self._house.mailroom)

    def reset(self) -> None:
        """Ready for the next message."""
        self._transfer = Transfer("", "", "")

    def rejected(self, stage: str, reply: Reply, subject: str) -> None:
        """Tell of a refusal."""
        self._house.emitter.emit(
            Kind.REJECTED,
            stage=stage,
            reply=str(reply),
            client=self._peer.address,
            trace=self._transfer.trace_id,
            queue_id=self._transfer.queue_id,
            sender=self._transfer.sender,
            recipient=subject.partition("<")[2].partition(">")[0][:512] if stage == "RCPT" else "",
        )

    def ended(self, reason: str) -> None:
        """Tell of an end that was not a proper one."""
        self._house.sessions.dec()
        if reason:
            self._house.emitter.emit(Kind.REJECTED, stage="END", reason=reason[:512], client=self._peer.address)
