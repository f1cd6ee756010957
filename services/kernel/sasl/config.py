"""The section ``sasl``: how users sign in, the same for IMAP, POP3, ManageSieve and submission."""

from enum import StrEnum
from pathlib import Path

from pydantic import Field

from services.kernel.runtime.config import Section


class Scram(StrEnum):
    """When SCRAM-SHA-256 is offered."""

    AUTO = "auto"
    ALWAYS = "always"
    NEVER = "never"


class OAuthSettings(Section):
    """Bearer tokens (OAUTHBEARER, XOAUTH2), each checked with its issuer by introspection (RFC 7662). Off without a URL."""

    introspection_url: str = ""
    """Where the issuer tells whether a token is good, `https://...`; empty: bearer tokens are not offered."""
    client_id: str = ""
    """The name by which we sign in to the issuer (HTTP Basic authentication); empty for none."""
    client_secret_file: Path | None = None
    """File that holds the secret of `client_id`; a Docker secret."""
    username_claim: str = "username"
    """The member of the issuer's answer that holds the address of the account (Dovecot `username_attribute`)."""
    scope: str = ""
    """What a token must be good for, one word; empty: whatever the issuer takes for active."""
    ca_file: Path | None = None
    """Certificates that vouch for the issuer, PEM; `null` for those of the system."""
    timeout_seconds: float = Field(default=5.0, gt=0)
    """How long the issuer may take. When it does not answer, a login fails as temporary."""
    cache_seconds: float = Field(default=60.0, ge=0)
    """How long a good token is not asked about again, never beyond its own end; a revoked one is good for so long."""


class SaslSettings(Section):
    """How users sign in."""

    scram: Scram = Scram.AUTO
    """When SCRAM-SHA-256 is offered: `auto` once every account with a password has keys for it (`malle account passwd` makes them), since a
    client that finds it on offer tries nothing else; `always`; `never`."""
    channel_binding: bool = False
    """Whether SCRAM-SHA-256-PLUS is offered over TLS, bound by the certificate (`tls-server-end-point`). Off, since Python gives no `tls-exporter`,
    and a client that knows only that one (GNU SASL) would fail rather than sign in without."""
    oauth: OAuthSettings = OAuthSettings()
    """Bearer tokens."""
