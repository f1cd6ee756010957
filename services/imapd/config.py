"""The section ``imapd``."""

from pathlib import Path

from pydantic import Field

from services.kernel.runtime.config import Section
from services.kernel.runtime.tls import ServerTls


class ImapdSettings(Section):
    """IMAP."""

    listen: tuple[str, ...] = (":143",)
    """Addresses for IMAP with STARTTLS, `host:port`; without a host on all of them, IPv4 and IPv6."""
    listen_tls: tuple[str, ...] = (":993",)
    """Addresses for IMAP over TLS from the first byte (RFC 8314)."""
    metrics_address: str = ":9100"
    """Where Prometheus finds the metrics."""
    events_directory: Path | None = Path("/events")
    """Directory of the event files; `null` for standard output only."""
    tls: ServerTls = ServerTls()
    """The certificate."""
    workers: int = Field(1, ge=1, le=64)
    """Processes that share the ports; one carries some hundred busy sessions. The limits below are for each."""
    sessions: int = Field(1000, ge=1)
    """Sessions at the same time; an idle one takes some 100 kB with TLS. What comes above is told BYE."""
    sessions_per_user: int = Field(256, ge=1)
    """Sessions of one user at the same time. A mail program takes up to ten, several devices add up."""
    idle_seconds: float = Field(1800.0, ge=1800.0)
    """Autologout of a session that says nothing, IDLE included (RFC 3501 section 5.4: at least 30 minutes)."""
    login_seconds: float = Field(180.0, gt=0)
    """How long a client may take to sign in (Dovecot's 3 minutes)."""
    stall_seconds: float = Field(300.0, gt=0)
    """How long a client may stop in the middle of a message, its own or ours (Postfix `smtpd_timeout`)."""
    keepalive_seconds: float = Field(120.0, gt=0)
    """How often a client in IDLE hears that the server is there, so that no router forgets the connection (Dovecot `imap_idle_notify_interval`)."""
    failure_delay_seconds: float = Field(2.0, ge=0)
    """How long a wrong password is answered late (Dovecot `auth_failure_delay`), and a bad command once there were too many."""
    login_failures: int = Field(5, ge=1)
    """Wrong passwords in one session before it ends."""
    catalogue_in_background: bool = True
    """Whether headers and words of a folder that is opened are catalogued at once, at a quarter of a core; `false` leaves it to the first search."""
    bad_commands: int = Field(20, ge=1)
    """Commands in a row that make no sense (Dovecot's limit of 20): the last ends the session of a client that has not signed in; to one that has, it
    and those that follow are answered late."""
