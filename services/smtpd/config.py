"""The sections ``smtpd.mx`` and ``smtpd.submission``."""

from ipaddress import IPv4Address, IPv6Address
from pathlib import Path
from typing import Literal

from pydantic import Field

from services.kernel.runtime.config import Section
from services.kernel.runtime.tls import ServerTls
from services.kernel.sasl.config import Scram


class Role(Section):
    """What both roles have; the defaults are those of the MX."""

    listen: tuple[str, ...] = (":25",)
    """Addresses to listen on, `host:port`; without a host on all of them, IPv4 and IPv6."""
    listen_tls: tuple[str, ...] = ()
    """Addresses with implicit TLS (RFC 8314)."""
    workers: int = Field(default=2, ge=1)
    """Processes that share the ports; one a core, each with the session limits below."""
    tls: ServerTls | None = ServerTls()
    """Certificate for STARTTLS and implicit TLS; renewed files are used for the next handshake. `null` offers no TLS."""
    own_addresses: tuple[IPv4Address | IPv6Address, ...] = ()
    """Our addresses as the world sees them: mail for `user@[192.0.2.1]` is taken as mail for the site's hostname (Postfix `proxy_interfaces`)."""
    recipient_limit: int = Field(default=1000, ge=100)
    """Recipients of one message that are accepted, the rest gets `452 4.5.3` (Postfix `smtpd_recipient_limit`)."""
    expanded_recipient_limit: int = Field(default=10_000, ge=100)
    """Recipients of one message after aliases are expanded; bounds the memory of a session."""
    command_seconds: float = Field(default=300.0, gt=0)
    """How long a client may take for a command (Postfix `smtpd_timeout`; RFC 5321 section 4.5.3.2.7 wants 5 minutes)."""
    data_seconds: float = Field(default=300.0, gt=0)
    """How long a client may be silent within a message; every block that comes starts it anew (Postfix `smtpd_timeout`)."""
    text_line_limit: int = Field(default=1_048_576, ge=1000)
    """Octets of a line of content beyond which the message is refused; long lines up to it are kept as they are."""
    soft_error_limit: int = Field(default=10, ge=1)
    """Errors after which each further one is answered late (Postfix `smtpd_soft_error_limit`)."""
    hard_error_limit: int = Field(default=20, ge=1)
    """Errors without a message in between that end the connection (Postfix `smtpd_hard_error_limit`)."""
    error_delay_seconds: float = Field(default=1.0, ge=0)
    """How late (Postfix `smtpd_error_sleep_time`)."""
    junk_limit: int = Field(default=100, ge=1)
    """Commands such as NOOP and VRFY without a message in between before they count as errors (Postfix `smtpd_junk_command_limit`)."""
    session_limit: int = Field(default=1000, ge=1)
    """Connections of a worker at a time; the next one hears `421 4.3.2`. Postfix has 100 processes; a session here is some 10 KB."""
    client_session_limit: int = Field(default=300, ge=1)
    """Connections of a worker from one address. Above Postfix's 50 (`smtpd_client_connection_count_limit`), as a published port can
    show one address for everybody."""
    hop_limit: int = Field(default=50, ge=1)
    """Received fields in a message beyond which it runs in circles (Postfix `hopcount_limit`)."""
    queue_minfree: int = Field(default=0, ge=0)
    """Bytes that stay free on the queue's volume (Postfix `queue_minfree`); 0 takes one and a half times the site's `message_size_limit`."""
    over_quota: Literal["reject", "defer", "ignore"] = "reject"
    """What a recipient whose mailbox has no room for the message hears before it is sent: `552 5.2.2`, `452 4.2.2`, or nothing, as mda decides
    when the message comes. How much room there is mda says within seconds; what it has not said is for it to decide."""
    room_directory: Path = Path("/room")
    """The volume in which mda says so."""
    reject_unverified_recipient: tuple[str, ...] = ()
    """Domains of recipients, with their subdomains, whose addresses are verified before mail is taken: names, tables of them (`type:file`)
    or `*`. In a table the value `accept` or `defer` is that domain's `verify_unknown`, and `DUNNO` leaves it out (Postfix
    `reject_unverified_recipient`)."""
    reject_unverified_sender: tuple[str, ...] = ()
    """The same for the domains of senders (Postfix `reject_unverified_sender`). The null sender, our own domains and signed-in users are
    never verified."""
    verify_unknown: Literal["accept", "defer"] = "defer"
    """What is done with an address of which nothing is known, as while its server is down. Known good ones are accepted and known bad ones
    refused all the same (Postfix `unverified_recipient_tempfail_action`; `accept` is its `permit`)."""
    verify_seconds: float = Field(default=9.0, gt=0)
    """How long a client waits for a probe; after that the address is unknown (Postfix `address_verify_poll_count` times
    `address_verify_poll_delay`)."""
    verify: str = "unix:/run/verdict/verify"
    """Where verify is asked; no connection is made while nothing is verified."""
    unverified_recipient_reject_code: int = Field(default=550, ge=400, le=599)
    """Code for a known bad recipient (Postfix, the same name, 450 there: it hopes that the operator looks at the log first)."""
    unverified_recipient_defer_code: int = Field(default=450, ge=400, le=499)
    """Code for an unknown recipient (Postfix, the same name)."""
    unverified_sender_reject_code: int = Field(default=550, ge=400, le=599)
    """Code for a known bad sender (Postfix, the same name, 450 there)."""
    unverified_sender_defer_code: int = Field(default=450, ge=400, le=499)
    """Code for an unknown sender (Postfix, the same name)."""
    metrics_address: str = ":9100"
    """Where `/metrics` is served."""
    queue_directory: Path = Path("/queue")
    """The queue's volume."""
    events_directory: Path | None = Path("/events")
    """The events' volume; `null` writes them to stdout only."""


class Mx(Role):
    """Port 25: mail from the world for our own domains."""

    authorized_xforward_hosts: tuple[str, ...] = ()
    """Our secondaries: addresses, networks or host names that may say which client gave them a message. It is then judged by that client,
    and limits for one client do not hold for them (Postfix `smtpd_authorized_xforward_hosts`)."""
    authorized_xforward_certificate_file: Path | None = None
    """PEM file with their client certificates, or the CA of these: with it the address alone does not suffice. These hosts are asked for
    a certificate, and no others. One that greets with its name and shows its very certificate may come from any address."""
    mirror_directory: Path = Path("/mirror")
    """On a secondary: where backupmx keeps the recipients of primaries. Of a domain that is not there each recipient is verified."""
    mirror_max_age_seconds: float = Field(default=604_800.0, gt=0)
    """How long a recipient that the mirror does not have is refused for that after the primary last confirmed it: 7 days. Older, it is verified."""


class Submission(Role):
    """Ports 587 and 465: mail from users to anybody (RFC 6409, RFC 8314)."""

    listen: tuple[str, ...] = (":587",)
    """Addresses to listen on, `host:port`; without a host on all of them, IPv4 and IPv6. Users sign in after STARTTLS."""
    listen_tls: tuple[str, ...] = (":465",)
    """Addresses with implicit TLS (RFC 8314)."""
    workers: int = Field(default=1, ge=1)
    """Processes that share the ports; one a core, each with the session limits below."""
    scram: Scram = Scram.NEVER
    """When SCRAM-SHA-256 is offered, as `sasl.scram` says it for the other services. Not here at first: msmtp 1.8.28 with GNU SASL 2.2.2 (Debian 13)
    gives up before its first word when it is offered without channel binding by `tls-exporter`, and tries nothing else."""


class SmtpdSettings(Section):
    """The accepting side, one section a role."""

    mx: Mx = Mx()
    """Port 25."""
    submission: Submission = Submission()
    """Ports 587 and 465."""
