"""A TLS session and the certificates that the server showed, in words for the operator."""

from cryptography import x509

from services.kernel.runtime.tls import describe
from services.kernel.smtp.certificates import UNREADABLE
from services.kernel.smtp.client_tls import peer_chain
from services.kernel.smtp.client_wire import Wire


def describe_session(wire: Wire) -> list[str]:
    """Protocol and standing, then a line a certificate, the server's own first."""
    if wire.tls is None:
        return []
    first = f"{describe(wire.tls)} {wire.standing}" if wire.standing else describe(wire.tls)
    return [first, *(_describe_certificate(der) for der in peer_chain(wire.tls))]


def _describe_certificate(der: bytes) -> str:
    try:
        certificate = x509.load_der_x509_certificate(der)
        subject, issuer = certificate.subject.rfc4514_string(), certificate.issuer.rfc4514_string()
    except UNREADABLE as error:
        return f"a certificate that cannot be read: {error}"
    return f"subject {subject or '(none)'}, issuer {issuer or '(none)'}, until {certificate.not_valid_after_utc:%Y-%m-%d}"
