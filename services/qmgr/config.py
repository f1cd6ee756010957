"""The ``qmgr`` section."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from services.kernel.runtime.config import Section
from services.kernel.wire.delivery import WAIT_SECONDS


class QmgrSettings(Section):
    """The queue manager: how often, how long and how much at once. Times are in seconds."""

    queue_directory: Path = Path("/queue")
    """The queue volume."""
    relay: str = "tcp:relay-core:7025"
    """Where the delivery hop is answered."""
    pipe: str = "unix:/run/pipe/delivery"
    """Where the delivery hop is answered for transports that run a command; asked only when there is mail for one."""
    relay_connections: int = Field(2, ge=1, le=64)
    """Connections kept to relay; requests are spread over them."""
    deliveries_limit: int = Field(400, ge=1)
    """Most deliveries under way at once, over all destinations; relay holds a connection for each."""
    control: str = "unix:/run/malleposte/qmgr"
    """Where `malle queue` is answered."""
    active_limit: int = Field(20_000, ge=1)
    """Most messages in memory, some 2 KB each (Postfix `qmgr_message_active_limit`); the rest waits on disk."""
    recipients_per_delivery: int = Field(50, ge=1, le=1000)
    """Most recipients of a message in one delivery (Postfix `default_destination_recipient_limit`)."""
    initial_destination_concurrency: int = Field(5, ge=1)
    """Deliveries at once to a destination that nothing is known of (Postfix `initial_destination_concurrency`)."""
    destination_concurrency_limit: int = Field(20, ge=1)
    """Most deliveries at once to one destination (Postfix `default_destination_concurrency_limit`)."""
    destination_rate_delay_seconds: float = Field(0.0, ge=0)
    """Wait between two deliveries to one destination, which then come one at a time; not for LMTP (Postfix `default_destination_rate_delay`)."""
    mailbox_concurrency_limit: int = Field(100, ge=1)
    """The same for LMTP: mda writes what arrives together in one go."""
    destination_failed_cohort_limit: float = Field(1.0, gt=0)
    """A destination is dead when this many times its concurrency failed in a row (Postfix `default_destination_concurrency_failed_cohort_limit`)."""
    minimal_backoff_seconds: float = Field(300, gt=0)
    """First wait after a failure (Postfix `minimal_backoff_time`)."""
    maximal_backoff_seconds: float = Field(4200, gt=0)
    """Longest wait between two attempts (Postfix `maximal_backoff_time` is 4000)."""
    mailbox_backoff_seconds: float = Field(10, gt=0)
    """First wait after a failure of an LMTP destination: it is a container of this site and soon back."""
    lifetime_seconds: float = Field(432_000, ge=0)
    """A message that is still here after this is returned to its sender: 5 days (RFC 5321 section 4.5.4.1, Postfix `maximal_queue_lifetime`)."""
    bounce_lifetime_seconds: float = Field(432_000, ge=0)
    """The same for reports of our own (Postfix `bounce_queue_lifetime`)."""
    backup_lifetime_seconds: float = Field(1_728_000, ge=0)
    """The same for mail of domains that we back up: 20 days, as their primary may be away for long."""
    backup_rate_limit: float = Field(50.0, ge=0)
    """Most deliveries a second to the primary of such a domain, so that one that comes back is not overrun; 0 for no limit."""
    backup_concurrency_limit: int = Field(10, ge=1)
    """Most of them at once."""
    backup_refused: Literal["hold", "bounce"] = "hold"
    """What becomes of a message that the primary of such a domain refuses for good: it waits in `hold` for the operator, or is returned. Its sender
    may be forged, so a return can be backscatter."""
    delay_warning_seconds: float = Field(14_400, ge=0)
    """The sender hears of a delay after this, once: 4 hours; 0 for never (Postfix `delay_warning_time`)."""
    bounce_size_limit: int = Field(50_000, ge=0)
    """Most bytes of the original in a report; of a larger message only the header is returned (Postfix `bounce_size_limit`)."""
    scan_seconds: float = Field(10.0, gt=0)
    """How often `incoming` is looked through for messages that no hint told of."""
    delivery_limit_seconds: float = Field(WAIT_SECONDS, gt=0)
    """A delivery without an answer for this long is given up and tried again; relay is told, and ends it at five sixths of this."""
    events_directory: Path = Path("/events")
    """Where events are written for `admin`."""
    metrics_address: str = ":9100"
    """Where Prometheus metrics are answered."""
