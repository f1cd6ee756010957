"""What ties a login to the TLS connection it is made on (channel binding, RFC 5056)."""

from collections.abc import Mapping
from functools import lru_cache

END_POINT = "tls-server-end-point"

Bindings = Mapping[str, bytes]
"""The data of each type of binding that a connection has; empty in clear text. Python gives no ``tls-exporter`` (RFC 9266)."""


def of_certificate(certificate: bytes) -> Bindings:
    """The bindings of a connection on which the server showed this certificate (DER); none for none."""
    return {END_POINT: _end_point(certificate)} if certificate else {}


@lru_cache(maxsize=16)
def _end_point(certificate: bytes) -> bytes:
    """RFC 5929 section 4.1: the certificate's hash by the hash of its signature; SHA-256 for weaker ones and for signatures that have none."""
    from cryptography import x509
    from cryptography.hazmat.primitives.hashes import SHA256

    parsed = x509.load_der_x509_certificate(certificate)
    algorithm = parsed.signature_hash_algorithm
    if algorithm is None or algorithm.name in ("md5", "sha1"):
        algorithm = SHA256()
    return parsed.fingerprint(algorithm)
