"""The section ``mda``."""

from pathlib import Path

from pydantic import Field

from services.kernel.runtime.config import Section


class MboxSettings(Section):
    """Accounts whose mail is stored as mbox files (`malle account format`); each has `mbox` and `mail/<folder>` in its home."""

    size_limit: int = Field(default=0, ge=0)
    """Bytes that one file may have, 0 for no limit (Postfix `mailbox_size_limit`); the mailbox is full then. A quota of bytes is for all files of
    an account together; one of messages does not hold."""
    lock_seconds: float = Field(default=20.0, ge=0, le=300)
    """How long a delivery waits for a file that another program has locked (Postfix `deliver_lock_attempts` times `deliver_lock_delay`); then it is
    `451 4.2.0`. relay waits for 10 minutes (`relay.timeouts.dot`)."""
    stale_lock_seconds: float = Field(default=500.0, ge=60)
    """Age at which a file `<mbox>.lock` belongs to nobody any more and is removed (Postfix `stale_lock_time`)."""


class MdaSettings(Section):
    """Local delivery by LMTP."""

    listen: tuple[str, ...] = (":24",)
    """Addresses to listen on, `host:port`. There is no authentication: reachable from the site's own containers only."""
    control: str = "unix:/run/mailboxes/mda"
    """Where `malle mailbox` asks; empty listens nowhere."""
    defers_over_quota: bool = False
    """Answer a full mailbox with `452 4.2.2` instead of `552 5.2.2`, so that mail waits in the queue until there is room."""
    recipient_limit: int = Field(default=1000, ge=100)
    """Recipients of one transaction (Postfix `lmtp_destination_recipient_limit` is 50 on the other side)."""
    session_limit: int = Field(default=500, ge=1)
    """Connections at a time; one relay keeps at most as many as its own limit for a destination."""
    data_seconds: float = Field(default=300.0, gt=0)
    """How long relay may be silent within a message (RFC 5321 section 4.5.3.2.5 wants 3 minutes)."""
    mbox: MboxSettings = Field(default_factory=MboxSettings)
    room_directory: Path | None = Path("/room")
    """The volume in which smtpd finds the mailboxes with little room (`smtpd.mx.over_quota`); `null` for none."""
    queue_directory: Path = Path("/queue")
    """The queue's volume, for what users' rules send on or answer."""
    metrics_address: str = ":9100"
    """Where `/metrics` is served."""
    events_directory: Path | None = Path("/events")
    """The events' volume; `null` writes them to stdout only."""
