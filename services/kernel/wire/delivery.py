"""The delivery hop: qmgr, verify and admin ask; relay answers, and pipe for its transports.

``DeliveryRequest`` is one message for one next hop with at most a batch of its recipients. Relay reads the content from the queue
itself, by queue id; qmgr alone writes to the queue, so relay's whole answer is the outcome of each recipient. When
the hop is lost the outcome is unknown: the recipients are deferred, and a second delivery is possible, never a loss.

``ProbeRequest`` asks whether a next hop would take one recipient: the same way up to RCPT, and no content. ``TrialRequest`` goes that way for the
operator and tells of every step; ``InspectRequest`` asks how it would go.
"""

from enum import StrEnum

import msgspec

from services.kernel.mail.envelope import Body, Client, Recipient
from services.kernel.mail.outcome import Outcome
from services.kernel.mail.transcript import Transcript


class Protocol(StrEnum):
    """What is spoken to the next hop. ``PIPE`` is a command of the operator's, run by the service pipe."""

    SMTP = "smtp"
    LMTP = "lmtp"
    PIPE = "pipe"


class Server(msgspec.Struct, frozen=True, gc=False):
    """One place of a next hop. ``host`` is a domain whose MX hosts are looked up, unless ``is_literal``; port 0 is the protocol's own.

    A host that begins with ``/`` is a Unix socket (LMTP).
    """

    host: str
    port: int = 0
    is_literal: bool = False

    def __str__(self) -> str:
        """Postfix's way to write it: ``[host]:587``."""
        host = f"[{self.host}]" if self.is_literal else self.host
        return f"{host}:{self.port}" if self.port else host


class NextHop(msgspec.Struct, frozen=True, gc=False):
    """Where one request goes; also the name under which qmgr keeps the destination's queue and relay its connections.

    ``transport`` names the options that relay goes by (``routing.transports``). ``host``, ``port``, ``is_literal`` are as in ``Server``;
    ``others`` are tried after it in order, when it has failed (Postfix 3.5 lists of next hops). ``is_ours`` is set for domains of the
    ``relay`` and ``backup`` classes, where an MX list that holds ourselves is cut at our preference; ``is_backup`` for the latter alone.
    ``is_smarthost`` is set where the operator named the way out, not the recipient's domain: only there may a login be looked up by sender.
    ``sender`` is the envelope sender where the login depends on it (Postfix ``smtp_sender_dependent_authentication``): such mail shares no
    connection with another sender's.
    For ``PIPE``, ``host`` is ``${nexthop}``. ``mbox`` names the file of the site's that mda, there, appends the message to, whoever it is for.
    """

    protocol: Protocol
    host: str
    port: int = 0
    is_literal: bool = False
    is_ours: bool = False
    transport: str = "smtp"
    others: tuple[Server, ...] = ()
    is_smarthost: bool = False
    sender: str = ""
    is_backup: bool = False
    mbox: str = ""

    def __str__(self) -> str:
        """Postfix's way to write it: ``smtp:[host]:587``; a list where there are several."""
        if self.mbox:
            return f"mbox:{self.mbox}"
        return f"{self.transport}:{','.join(str(server) for server in self.servers)}"

    @property
    def servers(self) -> tuple[Server, ...]:
        """All places, in the order in which they are tried."""
        return (Server(self.host, self.port, self.is_literal), *self.others)


WAIT_SECONDS = 3600.0
"""How long who asks for a delivery waits for its outcome, unless he says otherwise."""
WORK_SHARE = 5 / 6
"""Of that wait who delivers may work. What became of a message must be heard in time, or it is delivered again: a server with 50 recipients and a
slow answer to each could take hours within the limits of its replies."""


class DeliveryRequest(msgspec.Struct, frozen=True, gc=False, tag="deliver"):
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
    client: Client = Client()
    """Whom we have the message from; told only where ``nexthop.is_backup`` and to commands."""
    wait_seconds: float = WAIT_SECONDS

    @property
    def work_seconds(self) -> float:
        """When this is over the delivery ends, and what has no outcome is deferred."""
        return self.wait_seconds * WORK_SHARE


class DeliveryResponse(msgspec.Struct, frozen=True, gc=False, tag="delivered"):
    """One outcome for each recipient, in the order of the request; ``transcripts`` of what failed on the way."""

    outcomes: list[Outcome]
    transcripts: list[Transcript] = []


class ProbeRequest(msgspec.Struct, frozen=True, gc=False, tag="probe"):
    """Would ``nexthop`` take mail from ``sender`` for ``recipient``? Asked with RCPT and taken back by RSET or QUIT."""

    nexthop: NextHop
    sender: str
    recipient: str


class ProbeResponse(msgspec.Struct, frozen=True, gc=False, tag="probed"):
    """``Delivered`` for yes, ``Bounced`` for no, ``Deferred`` when it could not be found out."""

    outcome: Outcome


class TrialRequest(msgspec.Struct, frozen=True, gc=False, tag="try"):
    """Go the way to ``nexthop`` step by step, up to RCPT, and tell of each step. Nothing is sent."""

    nexthop: NextHop
    sender: str
    recipient: str


class TrialStep(msgspec.Struct, frozen=True, gc=False):
    """One step at one server: what was done, how long it took, and what was heard, or how it failed."""

    server: str
    name: str
    seconds: float
    is_ok: bool
    lines: list[str]


class TrialResponse(msgspec.Struct, frozen=True, gc=False, tag="tried"):
    """All steps in their order."""

    steps: list[TrialStep]


class InspectRequest(msgspec.Struct, frozen=True, gc=False, tag="inspect"):
    """How would a message go to ``nexthop``? Asked of tables and the DNS alone; no server hears of it.

    ``head`` is a header section, or empty; with sender and recipient it is answered as generic maps make it.
    """

    nexthop: NextHop
    sender: str = ""
    recipient: str = ""
    head: bytes = b""


class InspectedHost(msgspec.Struct, frozen=True, gc=False, omit_defaults=True):
    """One host in the order of trying, and how it would be spoken to.

    ``place`` is the server of the next hop that led to it, as written; ``trouble`` says why it cannot be used, or a place has no host. ``source`` is
    our address, empty where the system chooses. ``tls_source`` says where the TLS level comes from. ``login`` is the user, ``login_key`` and
    ``login_place`` how his password was found; ``mechanisms`` may be used under TLS, ``clear_mechanisms`` without.
    """

    place: str
    host: str = ""
    address: str = ""
    port: int = 0
    is_fallback: bool = False
    hello: str = ""
    source: str = ""
    tls_level: str = ""
    tls_source: str = ""
    login: str = ""
    login_key: str = ""
    login_place: str = ""
    mechanisms: list[str] = []
    clear_mechanisms: list[str] = []
    trouble: str = ""


class InspectResponse(msgspec.Struct, frozen=True, gc=False, tag="inspected"):
    """The hosts in order; ``trouble`` where the transport itself is not there. The others as they leave."""

    hosts: list[InspectedHost]
    trouble: str = ""
    sender: str = ""
    recipient: str = ""
    head: bytes = b""


Request = DeliveryRequest | ProbeRequest | TrialRequest | InspectRequest
Response = DeliveryResponse | ProbeResponse | TrialResponse | InspectResponse
