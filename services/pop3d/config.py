"""The ``pop3d`` section."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from services.kernel.runtime.config import Section
from services.kernel.runtime.tls import ServerTls


class UidlForm(StrEnum):
    """How a message is named for ever."""

    UID = "uid"
    DOVECOT = "dovecot"


class Pop3dSettings(Section):
    """POP3 for mail programs: clear text with STLS, and TLS from the start."""

    listen: tuple[str, ...] = (":110",)
    """Addresses to listen on, `host:port`; without a host on all of them, IPv4 and IPv6. A password is taken only after `STLS`."""
    listen_tls: tuple[str, ...] = (":995",)
    """The same for TLS from the start (RFC 8314)."""
    tls: ServerTls = ServerTls()
    """The certificate."""
    workers: int = Field(1, ge=1, le=64)
    """Processes that share the ports."""
    session_limit: int = Field(1000, ge=1)
    """Most connections of one process at the same time; more are told to come back."""
    login_seconds: float = Field(180.0, gt=0)
    """Time for all of the sign-in, TLS included (Dovecot gives 3 minutes)."""
    inactivity_seconds: float = Field(600.0, gt=0)
    """A session without a command, or that takes no output, for this long is ended (RFC 1939 section 3: at least 10 minutes)."""
    command_seconds: float = Field(60.0, gt=0)
    """How long a password check or an opening of a mailbox may take."""
    failed_login_limit: int = Field(3, ge=1)
    """Wrong passwords in one connection before it is ended."""
    failure_delay_seconds: float = Field(2.0, ge=0)
    """How long the answer to a wrong password is held back (Dovecot `auth_failure_delay`)."""
    error_limit: int = Field(20, ge=1)
    """Commands that are none, in one connection, before it is ended (Postfix `smtpd_hard_error_limit`)."""
    mark_seen: bool = True
    """Whether messages that were retrieved get IMAP's `\\Seen` when the session ends with QUIT (Dovecot `pop3_no_flag_updates`, negated)."""
    login_delay_seconds: int = Field(0, ge=0)
    """How long a user must wait between two sign-ins (RFC 2449 section 6.5); 0 for none. It keeps clients from asking every few seconds."""
    uidl: UidlForm = UidlForm.UID
    """What UIDL tells of a message: `uid` is `<UIDVALIDITY>.<UID>`; `dovecot` is Dovecot's `%08Xu%08Xv`, for a site that moved from there, so that
    clients which leave mail on the server fetch nothing twice. Changing it makes every message new to them."""
    events_directory: Path = Path("/events")
    """Where events are written for `admin`."""
    metrics_address: str = ":9100"
    """Where Prometheus metrics are answered."""
