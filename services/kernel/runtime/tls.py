"""TLS contexts for servers: modern by default, renewed without a restart.

A certificate that cannot be loaded leaves the one in use in place and raises for the caller to report.
"""

import ssl
from pathlib import Path

from services.kernel.runtime.config import Section


class ServerTls(Section):
    """The certificate a server shows."""

    certificate_file: Path = Path("/certs/cert.pem")
    """PEM file with the certificate and its chain (Postfix `smtpd_tls_cert_file`)."""
    key_file: Path = Path("/certs/key.pem")
    """PEM file with the private key (Postfix `smtpd_tls_key_file`)."""


class Certificate:
    """A server context that follows its files: ``refresh`` loads a new certificate when they have changed."""

    def __init__(self, settings: ServerTls) -> None:
        self._settings = settings
        self._stamp = self._read_stamp()
        self.context = _server_context(settings)

    def refresh(self) -> bool:
        """Load the files again if they changed; return whether they had. Raises ``OSError`` (``ssl.SSLError``)."""
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return False
        self.context = _server_context(self._settings)
        self._stamp = stamp
        return True

    def _read_stamp(self) -> tuple[tuple[int, int], ...]:
        stats = (path.stat() for path in (self._settings.certificate_file, self._settings.key_file))
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in stats)


def _server_context(settings: ServerTls) -> ssl.SSLContext:
    """TLS 1.2 and later with OpenSSL's default ciphers (RFC 8996 retires the rest)."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(settings.certificate_file, settings.key_file)
    return context


def describe(session: ssl.SSLObject | ssl.SSLSocket | None) -> str:
    """Name a TLS session for headers and events: ``TLSv1.3 TLS_AES_256_GCM_SHA384``; empty for none."""
    if session is None:
        return ""
    cipher = session.cipher()
    return f"{session.version()} {cipher[0]}" if cipher else str(session.version())
