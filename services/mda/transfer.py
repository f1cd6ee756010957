"""The envelope of a transaction, and one message of it for one recipient."""

import time
from dataclasses import dataclass, field

from services.kernel.directory import MailboxFormat
from services.kernel.mail.envelope import Body
from services.kernel.mail.headers import Head
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.records import Place, Quota
from services.kernel.mailbox.user import INBOX
from services.mda.mbox.home import SITE

HEAD_OCTETS = 102_400
"""As far as a header section is looked at (Postfix ``header_size_limit``)."""


@dataclass(frozen=True, slots=True)
class Target:
    """An accepted recipient: as it was named, the mailbox it belongs to, and its limits. ``orcpt`` and ``notify`` are RFC 3461's."""

    recipient: str
    original: str
    mailbox: str
    quota: Quota
    orcpt: str = ""
    notify: str = ""
    mailbox_format: MailboxFormat = MailboxFormat.MAILDIR
    place: Place = INBOX

    @property
    def is_of_site(self) -> bool:
        """Whether a file of the site's is meant, ``place``, and nobody's mailbox."""
        return self.mailbox == SITE


@dataclass(slots=True)
class Transfer:
    """The envelope of the transaction."""

    sender: str
    trace_id: str
    queue_id: str
    targets: list[Target] = field(default_factory=list)
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    mbox: str = ""
    """The file of the site's that all recipients' mail goes to."""
    begun: float = field(default_factory=time.monotonic)


@dataclass(frozen=True, slots=True)
class Parcel:
    """One message for one recipient. ``prefix`` goes on top of his copy; ``head`` is the header section as it came, as far as it is looked at."""

    transfer: Transfer
    target: Target
    draft: Draft
    prefix: bytes
    head: bytes
    facts: Head
