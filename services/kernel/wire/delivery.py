"""The delivery hop: qmgr (and verify) ask, relay answers.

One request is one message for one next hop with at most a batch of its recipients. Relay reads the content from the queue
itself, by queue id; qmgr alone writes to the queue, so relay's whole answer is the outcome of each recipient. When
the hop is lost the outcome is unknown: the recipients are deferred, and a second delivery is possible, never a loss.
"""

from enum import StrEnum

import msgspec

from services.kernel.mail.envelope import Body, Recipient
from services.kernel.mail.outcome import Outcome


class Protocol(StrEnum):
    """What is spoken to the next hop."""

    SMTP = "smtp"
    LMTP = "lmtp"


class TlsLevel(StrEnum):
    """Postfix ``smtp_tls_security_level``, as far as it is offered."""

    NONE = "none"
    MAY = "may"
    ENCRYPT = "encrypt"


class NextHop(msgspec.Struct, frozen=True, gc=False):
    """Where one request goes.

    ``host`` is a domain whose MX hosts are looked up, unless ``is_literal`` (Postfix's ``[host]``, or LMTP): then it is the host itself.
    ``is_ours`` is set for domains of the ``relay`` and ``backup`` classes, where an MX list that holds ourselves is cut at our preference.
    ``port`` 0 means the protocol's own (SMTP 25, LMTP 24). ``transport`` is the name of the transport, for events and limits.
    """

    protocol: Protocol
    host: str
    port: int = 0
    is_literal: bool = False
    is_ours: bool = False
    transport: str = "smtp"
    tls: TlsLevel | None = None

    def __str__(self) -> str:
        """Postfix's way to write it: ``smtp:[host]:587``."""
        host = f"[{self.host}]" if self.is_literal else self.host
        return f"{self.transport}:{host}:{self.port}" if self.port else f"{self.transport}:{host}"


class DeliveryRequest(msgspec.Struct, frozen=True, gc=False):
    """Deliver one queued message to ``recipients`` at ``nexthop``. ``numbers`` are their positions in the queue file."""

    queue_id: str
    trace_id: str
    sender: str
    nexthop: NextHop
    numbers: list[int]
    recipients: list[Recipient]
    content_bytes: int
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    message_id: str = ""


class DeliveryResponse(msgspec.Struct, frozen=True, gc=False):
    """One outcome for each recipient, in the order of the request."""

    outcomes: list[Outcome]
