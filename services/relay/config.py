"""The ``relay`` section."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, IPvAnyAddress

from services.kernel.routing.options import OutgoingOptions
from services.kernel.runtime.config import Section

Seconds = Annotated[float, Field(gt=0)]
Count = Annotated[int, Field(ge=1)]


class Timeouts(Section):
    """The longest waits on a server, in seconds."""

    connect: Seconds = 30.0
    """For a TCP connection (Postfix `smtp_connect_timeout`)."""
    greeting: Seconds = 300.0
    """For the greeting (RFC 5321 section 4.5.3.2.1: 5 minutes)."""
    hello: Seconds = 300.0
    """For the reply to EHLO, HELO or LHLO (Postfix `smtp_helo_timeout`)."""
    starttls: Seconds = 300.0
    """For the reply to STARTTLS, and again for the handshake (Postfix `smtp_starttls_timeout`)."""
    auth: Seconds = 300.0
    """For each reply to AUTH (Postfix `smtp_helo_timeout`)."""
    mail: Seconds = 300.0
    """For the reply to MAIL (RFC 5321 section 4.5.3.2.2)."""
    rcpt: Seconds = 300.0
    """For each reply to RCPT (RFC 5321 section 4.5.3.2.3)."""
    data: Seconds = 120.0
    """For the reply to DATA (RFC 5321 section 4.5.3.2.4)."""
    content: Seconds = 180.0
    """For the server to take a block of content (RFC 5321 section 4.5.3.2.5)."""
    dot: Seconds = 600.0
    """For the reply to the end of data (RFC 5321 section 4.5.3.2.6)."""
    reset: Seconds = 20.0
    """For the reply to RSET (Postfix `smtp_rset_timeout`)."""


class Connections(Section):
    """How many connections there may be, and how long one is used."""

    limit: Count = 500
    """Most connections at the same time; at least qmgr's `deliveries_limit`, or deliveries wait here."""
    smtp_rest_seconds: Seconds = 2.0
    """How long an SMTP connection without work is kept (Postfix `smtp_connection_cache_time_limit`)."""
    lmtp_rest_seconds: Seconds = 30.0
    """The same for LMTP: mda is ours and expects it."""
    age_limit_seconds: Seconds = 300.0
    """No connection is used again after this (Postfix `smtp_connection_reuse_time_limit`)."""
    deliveries_limit: Annotated[int, Field(ge=0)] = 0
    """Most messages over one connection; 0 for any number (Postfix `smtp_connection_reuse_count_limit`)."""


class RelaySettings(OutgoingOptions):
    """Outgoing SMTP and LMTP: what holds for each transport that says nothing else in `routing.transports`."""

    listen: str = "tcp:relay-core:7025"
    """Where the delivery hop is answered: by its name on the inner network, and on no other, as who asks is not asked who it is."""
    queue_directory: Path = Path("/queue")
    """The queue volume; only read."""
    own_names: tuple[str, ...] = ()
    """Other names of this site's MX: one of them in an MX list, like `site.hostname`, is where the list is cut."""
    own_addresses: tuple[IPvAnyAddress, ...] = ()
    """Public addresses of this site's MX, for the same purpose (Postfix `proxy_interfaces`). The containers do not know them."""
    name_servers: tuple[str, ...] = ()
    """Name servers as `address` or `address@port`; none for those of the system."""
    dns_support_level: Literal["enabled", "dnssec"] = "enabled"
    """`dnssec`: the name servers validate, and the way to them is safe, so what they vouch for is believed; the levels `dane` and `dane-only` need it
    (Postfix `smtp_dns_support_level`)."""
    mta_sts: bool = True
    """Keep to the MTA-STS policies of recipient domains (RFC 8461) where the level is `may` or `encrypt` and no policy table has an entry.
    Policies are remembered in memory only."""
    addresses_limit: Count = 5
    """Most addresses tried in one attempt (Postfix `smtp_mx_address_limit`)."""
    sessions_limit: Count = 2
    """Most servers spoken to in one attempt (Postfix `smtp_mx_session_limit`)."""
    timeouts: Timeouts = Timeouts()
    """Time limits."""
    connections: Connections = Connections()
    """Limits of connections."""
    events_directory: Path = Path("/events")
    """Where events are written for `admin`."""
    metrics_address: str = "relay-core:9100"
    """Where Prometheus metrics are answered: on the inner network."""
