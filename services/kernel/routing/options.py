"""How mail leaves: the options of a transport, which ``relay`` and ``qmgr`` go by.

The section ``relay`` sets them for all transports, ``routing.transports`` for one, as a master.cf entry does with ``-o``. ``resolve`` lays a
transport's own over those of ``relay``, and both over the defaults, which are written once, in the ``Effective...`` classes.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field, IPvAnyAddress, field_validator

from services.kernel.runtime.config import Section
from services.kernel.smtp.client_sasl import SecurityOption
from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import normal_fingerprint, parse_protocols

Count = Annotated[int, Field(ge=1)]
Seconds = Annotated[float, Field(ge=0)]
Digest = Literal["md5", "sha1", "sha256", "sha384", "sha512"]
Grade = Literal["high", "medium", "low", "export", "null"]


class TlsOptions(Section):
    """TLS towards servers. What a transport does not set is as in `relay.tls`."""

    level: TlsLevel | None = None
    """`none`, `may`, `encrypt`, `dane`, `dane-only`, `fingerprint`, `verify` or `secure` (Postfix `smtp_tls_security_level`).
    `relay.tls` says `may`."""
    policy_maps: tuple[str, ...] | None = None
    """Tables with the level and its attributes for a next hop (Postfix `smtp_tls_policy_maps`)."""
    ca_file: Path | None = None
    """PEM file of the trusted CAs (Postfix `smtp_tls_CAfile`); without it those of the image."""
    certificate_file: Path | None = None
    """PEM file with our client certificate and its chain (Postfix `smtp_tls_cert_file`)."""
    key_file: Path | None = None
    """PEM file with its private key (Postfix `smtp_tls_key_file`)."""
    fingerprint_digest: Digest | None = None
    """Digest of the fingerprints in policies (Postfix `smtp_tls_fingerprint_digest`); `sha256` in `relay.tls`."""
    fingerprint_cert_match: tuple[str, ...] | None = None
    """Fingerprints for the level `fingerprint` where the policy names none (Postfix `smtp_tls_fingerprint_cert_match`)."""
    verify_cert_match: tuple[str, ...] | None = None
    """Names a certificate may have at `verify`: `hostname`, `nexthop`, `dot-nexthop` or a name (Postfix `smtp_tls_verify_cert_match`)."""
    secure_cert_match: tuple[str, ...] | None = None
    """The same at `secure` (Postfix `smtp_tls_secure_cert_match`)."""
    protocols: str | None = None
    """Versions of TLS, as `>=TLSv1.2` (Postfix `smtp_tls_protocols`)."""
    mandatory_protocols: str | None = None
    """The same where TLS is required (Postfix `smtp_tls_mandatory_protocols`)."""
    ciphers: Grade | None = None
    """Grade of the ciphers below TLS 1.3 (Postfix `smtp_tls_ciphers`): `high` or `medium`; lower ones count as `medium`."""
    mandatory_ciphers: Grade | None = None
    """The same where TLS is required (Postfix `smtp_tls_mandatory_ciphers`)."""
    exclude_ciphers: tuple[str, ...] | None = None
    """Ciphers that are never used, in OpenSSL's words (Postfix `smtp_tls_exclude_ciphers`)."""
    wrappermode: bool | None = None
    """TLS from the first byte (Postfix `smtp_tls_wrappermode`); unset: on port 465 (RFC 8314)."""
    servername: str | None = None
    """Name asked for by SNI: `hostname`, `nexthop` or a name (Postfix `smtp_tls_servername`)."""

    @field_validator("protocols", "mandatory_protocols")
    @classmethod
    def _check_protocols(cls, value: str | None) -> str | None:
        if value is not None:
            parse_protocols(value)
        return value

    @field_validator("fingerprint_cert_match")
    @classmethod
    def _check_fingerprints(cls, value: tuple[str, ...] | None) -> tuple[str, ...] | None:
        return None if value is None else tuple(map(normal_fingerprint, value))


class SaslOptions(Section):
    """Login at servers. What a transport does not set is as in `relay.sasl`."""

    enable: bool | None = None
    """Sign in where a password is found (Postfix `smtp_sasl_auth_enable`); unset: when there are `password_maps`."""
    password_maps: tuple[str, ...] | None = None
    """Tables with `user:password` by sender, host or next hop (Postfix `smtp_sasl_password_maps`)."""
    mechanism_filter: tuple[str, ...] | None = None
    """Mechanisms that may be used, best first as the server offers them (Postfix `smtp_sasl_mechanism_filter`)."""
    security_options: tuple[SecurityOption, ...] | None = None
    """`noplaintext`, `noanonymous`, ... in clear text (Postfix `smtp_sasl_security_options`)."""
    tls_security_options: tuple[SecurityOption, ...] | None = None
    """The same under TLS (Postfix `smtp_sasl_tls_security_options`)."""
    token_file: Path | None = None
    """File with the OAuth 2.0 access token for XOAUTH2, read anew for each login; something else keeps it fresh."""


class OutgoingOptions(Section):
    """What `relay` and each transport can set about SMTP and LMTP."""

    helo_name: str | None = None
    """The name given in EHLO and LHLO; unset: `site.hostname` (Postfix `smtp_helo_name`)."""
    bind_address: IPvAnyAddress | None = None
    """Our IPv4 address for outgoing connections (Postfix `smtp_bind_address`)."""
    bind_address6: IPvAnyAddress | None = None
    """Our IPv6 address for outgoing connections (Postfix `smtp_bind_address6`)."""
    fallback_relay: tuple[str, ...] | None = None
    """Next hops tried when a destination cannot be found or reached (Postfix `smtp_fallback_relay`); never for domains of ours."""
    generic_maps: tuple[str, ...] | None = None
    """Tables that rewrite our addresses in envelope and header on the way out (Postfix `smtp_generic_maps`)."""
    disable_mime_output_conversion: bool | None = None
    """Send 8-bit content as it is also to servers without 8BITMIME (Postfix `disable_mime_output_conversion`); unset: convert it."""
    line_length_limit: Annotated[int, Field(ge=0)] | None = None
    """Longer lines are folded, in octets; 0 for never (Postfix `smtp_line_length_limit`); unset: 998 for SMTP, never for LMTP."""
    chunking: bool | None = None
    """Send content in chunks to servers that announce CHUNKING (RFC 3030); unset: no, as in Postfix."""
    tls: TlsOptions = TlsOptions()
    """TLS."""
    sasl: SaslOptions = SaslOptions()
    """Login."""


class Transport(OutgoingOptions):
    """One transport, named as in transport tables. What is not set is as in `relay` and `qmgr`."""

    program: Literal["smtp", "lmtp", "pipe"] = "smtp"
    """What carries the mail (the command of a master.cf entry)."""
    sender_dependent_authentication: bool | None = None
    """As `routing.sender_dependent_authentication`, for this transport."""
    destination_concurrency_limit: Count | None = None
    """Most deliveries at once to one destination (Postfix `transport_destination_concurrency_limit`)."""
    initial_destination_concurrency: Count | None = None
    """Deliveries at once to a new destination (Postfix `transport_initial_destination_concurrency`)."""
    destination_recipient_limit: Count | None = None
    """Most recipients in one delivery (Postfix `transport_destination_recipient_limit`)."""
    destination_rate_delay_seconds: Seconds | None = None
    """Wait between two deliveries to one destination (Postfix `transport_destination_rate_delay`)."""
    transport_rate_delay_seconds: Seconds | None = None
    """Wait between two deliveries of the transport, to whatever destination (Postfix `transport_transport_rate_delay`)."""
    argv: tuple[str, ...] = ()
    """For `pipe`: the command and its arguments with `${sender}`, `${recipient}`, `${nexthop}`, `${user}`, `${extension}` ... (pipe(8))."""
    user: str = ""
    """For `pipe`: the user, and after a colon the group, that the command runs as."""
    flags: str = ""
    """For `pipe`: the letters of pipe(8) that change what the command gets on standard input."""
    null_sender: str = "MAILER-DAEMON"
    """For `pipe`: what stands for the null sender (pipe(8) `null_sender=`)."""
    eol: str = "\n"
    """For `pipe`: the end of a line (pipe(8) `eol=`)."""
    directory: str = ""
    """For `pipe`: the folder in which the command starts; unset: /tmp (pipe(8) `directory=`)."""
    size_limit: int = 0
    """For `pipe`: larger messages are returned, in bytes; 0 for no limit (pipe(8) `size=`)."""
    time_limit_seconds: Annotated[float, Field(gt=0)] = 1000.0
    """For `pipe`: a command that takes longer is killed and its message waits (Postfix `command_time_limit`)."""


class EffectiveTls(TlsOptions):
    """TLS with nothing left open. Without ``ca_file`` the system's CAs are trusted, without ``certificate_file`` we show none."""

    level: TlsLevel = TlsLevel.MAY
    policy_maps: tuple[str, ...] = ()
    fingerprint_digest: Digest = "sha256"
    fingerprint_cert_match: tuple[str, ...] = ()
    verify_cert_match: tuple[str, ...] = ("hostname",)
    secure_cert_match: tuple[str, ...] = ("nexthop", "dot-nexthop")
    protocols: str = ">=TLSv1.2"  # RFC 8996; Postfix still begins with 1.0
    mandatory_protocols: str = ">=TLSv1.2"
    ciphers: Grade = "medium"
    mandatory_ciphers: Grade = "medium"
    exclude_ciphers: tuple[str, ...] = ()
    servername: str = "hostname"  # Postfix sends none; servers with many names want one

    def is_implicit(self, port: int) -> bool:
        """Whether TLS begins with the first byte on this port: RFC 8314 section 3.3 where nothing is set."""
        return self.wrappermode if self.wrappermode is not None else port == SUBMISSIONS_PORT


class EffectiveSasl(SaslOptions):
    """Login with nothing left open. No ``mechanism_filter`` lets every mechanism be used; without ``token_file`` there is no token."""

    enable: bool = False
    password_maps: tuple[str, ...] = ()
    mechanism_filter: tuple[str, ...] = ()
    security_options: tuple[SecurityOption, ...] = (SecurityOption.NOPLAINTEXT, SecurityOption.NOANONYMOUS)
    tls_security_options: tuple[SecurityOption, ...] = (SecurityOption.NOANONYMOUS,)  # Postfix forbids plain text here too, and everybody allows it


class Outgoing(OutgoingOptions):
    """How one transport speaks. ``None`` is no address to bind to, and for ``helo_name`` the site's own name."""

    fallback_relay: tuple[str, ...] = ()
    generic_maps: tuple[str, ...] = ()
    disable_mime_output_conversion: bool = False
    line_length_limit: int = 998  # RFC 5322 section 2.1.1
    chunking: bool = False  # it saves no round trip over pipelined DATA, and nearly no server sees it from anybody
    tls: EffectiveTls = EffectiveTls()
    sasl: EffectiveSasl = EffectiveSasl()


SUBMISSIONS_PORT = 465
"""TLS from the first byte (RFC 8314 section 3.3)."""

BUILTIN: Mapping[str, Transport] = {
    "smtp": Transport(),
    "relay": Transport(),
    "smtps": Transport(tls=TlsOptions(wrappermode=True)),
    "lmtp": Transport(program="lmtp"),
}
"""Transports that every site has. One of the same name in `routing.transports` takes the place of it."""


def resolve(relay: OutgoingOptions, transport: Transport | None = None) -> Outgoing:
    """The options of a transport over those of ``relay`` over the defaults.

    The TLS level, the login, the rewriting and the folding of `relay` are not for LMTP, as ``smtp_...`` parameters are not in Postfix:
    mda, next door, speaks no TLS, asks for no password and stores what came.
    """
    layers = (relay,) if transport is None else (relay, transport)
    options = {key: value for layer in layers for key, value in _said(layer) if key in OutgoingOptions.model_fields}
    tls = {key: value for layer in layers for key, value in _said(layer.tls)}
    sasl = {key: value for layer in layers for key, value in _said(layer.sasl)}
    if transport is not None and transport.program == "lmtp":
        tls["level"] = transport.tls.level or TlsLevel.MAY
        sasl = dict(_said(transport.sasl))
        options["generic_maps"] = transport.generic_maps or ()
        options["line_length_limit"] = transport.line_length_limit or 0
    if "enable" not in sasl:
        sasl["enable"] = bool(sasl.get("password_maps"))
    return Outgoing(**{**options, "tls": EffectiveTls(**tls), "sasl": EffectiveSasl(**sasl)})


def _said(options: Section) -> list[tuple[str, Any]]:
    """What is set, by its name."""
    return [(name, value) for name, value in options if value is not None]
