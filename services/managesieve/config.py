"""The ``managesieve`` section."""

from pathlib import Path

from pydantic import Field

from services.kernel.runtime.config import Section
from services.kernel.runtime.tls import ServerTls


class ManagesieveSettings(Section):
    """ManageSieve: users' rules, edited from their mail programs. What scripts may do is in the section `sieve`."""

    listen: tuple[str, ...] = (":4190",)
    """Addresses to listen on, `host:port`; without a host on all of them, IPv4 and IPv6. Users sign in after STARTTLS."""
    tls: ServerTls = ServerTls()
    """The certificate."""
    session_limit: int = Field(500, ge=1)
    """Most connections at the same time; more are told to come back."""
    sessions_per_user: int = Field(10, ge=1)
    """Of those, of one user (Dovecot `mail_max_userip_connections`); each may have a script in hand."""
    login_seconds: float = Field(180.0, gt=0)
    """Time for all of the sign-in, TLS included (Dovecot gives 3 minutes)."""
    inactivity_seconds: float = Field(1800.0, ge=1800.0)
    """A session without a command for this long is ended (RFC 5804 section 1.2: at least 30 minutes)."""
    stall_seconds: float = Field(60.0, gt=0)
    """How long a client may stop in the middle of a command, or take no output."""
    upload_seconds: float = Field(300.0, gt=0)
    """How long a command of a user may take to come in after its first line, a script included."""
    command_seconds: float = Field(60.0, gt=0)
    """How long a password check or an access to scripts may take."""
    failed_login_limit: int = Field(3, ge=1)
    """Wrong passwords in one connection before it is ended."""
    failure_delay_seconds: float = Field(2.0, ge=0)
    """How long the answer to a wrong password is held back (Dovecot `auth_failure_delay`)."""
    error_limit: int = Field(20, ge=1)
    """Commands that are none, in one connection, before it is ended."""
    events_directory: Path | None = Path("/events")
    """Where events are written for `admin`; `null` for standard output only."""
    metrics_address: str = ":9100"
    """Where Prometheus metrics are answered."""
