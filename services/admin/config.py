"""The ``admin`` section."""

from pathlib import Path

from pydantic import Field

from services.kernel.runtime.config import Section


class Certificates(Section):
    """The private CA and certificate that `malle init` makes when none are given."""

    directory: Path = Path("/certs")
    """Where `ca.pem`, `cert.pem` and `key.pem` are; a certificate found there without `ca-key.pem` was given and is left alone."""
    names: tuple[str, ...] = ("localhost",)
    """Further names in the certificate, beside `site.hostname`: what clients are told to connect to."""
    days: int = Field(default=825, ge=1)
    """How long a certificate is valid (Apple's limit for certificates of private CAs: support.apple.com/HT210176)."""
    renew_days: int = Field(default=30, ge=0)
    """A certificate with fewer days left is made anew at the next start."""


class MirrorSettings(Section):
    """For secondaries that back our domains up: the recipients of these domains, over HTTPS with a certificate on both sides."""

    listen: str = ":8443"
    """Where secondaries ask."""
    secondaries: tuple[Path, ...] = ()
    """PEM files with the certificates of those who may ask, what `malle mx identity` prints there; with none, nothing listens."""
    certificate_file: Path = Path("/certs/identity.pem")
    """The certificate of this site towards others."""
    key_file: Path = Path("/certs/identity-key.pem")
    """Its key, which also signs what is told."""


class AdminSettings(Section):
    """The operator's program: `malle` and its daemon."""

    address: str = ":8080"
    """Where the daemon answers `/healthz` and `/metrics`."""
    metrics_address: str = "admin-core:9100"
    """Where Prometheus metrics are answered, as by every service."""
    control: str = "unix:/run/malleposte/qmgr"
    """Where qmgr takes the operator's requests."""
    verify: str = "tcp:verify:7026"
    """Where verify takes the operator's requests."""
    relay: str = "tcp:relay-core:7025"
    """Where relay takes the operator's requests: `malle relay test` and `malle explain`."""
    mailboxes: str = "unix:/run/mailboxes/mda"
    """Where mda takes the operator's requests: `malle mailbox`."""
    events_directory: Path = Path("/events")
    """The folder of the event files, where the trace index is kept as well."""
    index_seconds: float = Field(default=5.0, gt=0)
    """How often new events are put into the index; `malle trace` puts in what is missing before it answers."""
    retention_days: int = Field(default=30, ge=1)
    """How long the index remembers a message."""
    probes: tuple[str, ...] = (
        "smtp mx:25",
        "smtp submission:587",
        "channel relay-core:7025",
        "channel verify:7026",
        "lmtp mda:24",
        "imap imapd:143",
        "pop3 pop3d:110",
    )
    """What `malle health` asks beside qmgr and the directory: a word of the health probe and where."""
    certificates: Certificates = Certificates()
    """The private CA."""
    mirror: MirrorSettings = MirrorSettings()
    """The recipients, for secondaries."""
    standby: str = "unix:/run/malleposte/backupmx"
    """On a site that backs others up: where backupmx takes the operator's requests."""
