"""The ``backupmx`` section."""

from pathlib import Path

from pydantic import Field

from services.kernel.runtime.config import Section


class Primary(Section):
    """One site that we stand in for."""

    url: str
    """Where its admin answers for its recipients, as `https://mx1.example.org:8443`."""
    certificate_file: Path
    """PEM file with its certificate: what `malle mx identity` prints there."""
    domains: tuple[str, ...] = ()
    """The domains that it speaks for; none for all that we back up. With primaries of several owners each should have its own: who may speak for a
    domain can have its recipients refused here."""


class BackupmxSettings(Section):
    """On a secondary: the primaries, how often they are asked for their recipients, and how often they are looked at. Times are in seconds."""

    primaries: dict[str, Primary] = Field(default_factory=dict)
    """The primaries, by names of your own. A domain that none of them has gets no mirror."""
    certificate_file: Path = Path("/certs/identity.pem")
    """The certificate of this site towards others."""
    key_file: Path = Path("/certs/identity-key.pem")
    """Its key."""
    mirror_directory: Path = Path("/mirror")
    """Where the recipients are kept; smtpd reads them."""
    sync_seconds: float = Field(60.0, gt=0)
    """How often the recipients are fetched."""
    stale_seconds: float = Field(3600.0, gt=0)
    """A mirror that is older than this is told as trouble."""
    watch_seconds: float = Field(15.0, gt=0)
    """How often a primary that does not answer is looked at; one that does, four times as seldom."""
    watch_limit: int = Field(10, ge=1)
    """Most domains looked at at once."""
    relay: str = "tcp:relay-core:7025"
    """Where relay makes the probes."""
    qmgr: str = "unix:/run/malleposte/qmgr"
    """Where qmgr takes the wish to try what waits."""
    control: str = "unix:/run/malleposte/backupmx"
    """Where `malle mx` is answered."""
    events_directory: Path = Path("/events")
    """Where events are written for `admin`."""
    metrics_address: str = "backupmx-core:9100"
    """Where Prometheus metrics are answered: on the inner network."""
