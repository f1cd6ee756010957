"""TLS contexts for servers: modern by default, renewed without a restart.

A certificate that cannot be loaded leaves the one in use in place and raises for the caller to report.
"""

import ssl
from collections.abc import Callable
from pathlib import Path

from services.kernel.runtime.config import Section


class ServerTls(Section):
    """The certificate a server shows."""

    certificate_file: Path = Path("/certs/cert.pem")
    """PEM file with the certificate and its chain (Postfix `smtpd_tls_cert_file`)."""
    key_file: Path = Path("/certs/key.pem")
    """PEM file with the private key (Postfix `smtpd_tls_key_file`)."""


class ServerContext(ssl.SSLContext):
    """A context that remembers the certificate it shows, in DER: what channel binding hashes (RFC 5929 section 4)."""

    certificate = b""


class Certificate:
    """A server context that follows its files: ``refresh`` loads a new certificate when they have changed. ``adjust`` has the last word on it."""

    def __init__(self, settings: ServerTls, adjust: Callable[[ssl.SSLContext], None] = lambda _: None) -> None:
        self._settings = settings
        self._adjust = adjust
        self._stamp = self._read_stamp()
        self.context = self._make_context()

    def refresh(self) -> bool:
        """Load the files again if they changed; return whether they had. Raises ``OSError`` (``ssl.SSLError``)."""
        stamp = self._read_stamp()
        if stamp == self._stamp:
            return False
        self.context = self._make_context()
        self._stamp = stamp
        return True

    def _make_context(self) -> ssl.SSLContext:
        context = _server_context(self._settings)
        self._adjust(context)
        return context

    def _read_stamp(self) -> tuple[tuple[int, int], ...]:
        stats = (path.stat() for path in (self._settings.certificate_file, self._settings.key_file))
        return tuple((stat.st_mtime_ns, stat.st_ino) for stat in stats)


def _server_context(settings: ServerTls) -> ssl.SSLContext:
    """TLS 1.2 and later with OpenSSL's default ciphers (RFC 8996 retires the rest)."""
    context = ServerContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_CIPHER_SERVER_PREFERENCE
    context.load_cert_chain(settings.certificate_file, settings.key_file)
    context.certificate = _first_certificate(settings.certificate_file.read_text(encoding="ascii", errors="replace"))
    return context


def _first_certificate(pem: str) -> bytes:
    """The server's own: it comes before those of its chain (RFC 8446 section 4.4.2). Others may write comments around it."""
    head, _, rest = pem.partition(ssl.PEM_HEADER)
    return ssl.PEM_cert_to_DER_cert(f"{ssl.PEM_HEADER}{rest.partition(ssl.PEM_FOOTER)[0]}{ssl.PEM_FOOTER}") if rest else head[:0].encode()


def shown_certificate(session: ssl.SSLObject | ssl.SSLSocket | None) -> bytes:
    """The certificate that the server showed in a session, in DER; empty without TLS."""
    return session.context.certificate if session is not None and isinstance(session.context, ServerContext) else b""


def describe(session: ssl.SSLObject | ssl.SSLSocket | None) -> str:
    """Name a TLS session for headers and events: ``TLSv1.3 TLS_AES_256_GCM_SHA384``; empty for none."""
    if session is None:
        return ""
    cipher = session.cipher()
    return f"{session.version()} {cipher[0]}" if cipher else str(session.version())
