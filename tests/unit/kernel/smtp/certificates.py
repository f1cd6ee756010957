"""Certificates for tests: a CA, and what servers may have from it or in its place."""

import datetime
import ssl
from dataclasses import dataclass
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from cryptography.x509.oid import NameOID

NOW = datetime.datetime.now(datetime.UTC)
DAY = datetime.timedelta(days=1)


@dataclass(frozen=True)
class Shown:
    """What a server shows: its chain (DER, its own first) and a context that shows it."""

    chain: list[bytes]
    context: ssl.SSLContext


class Authority:
    """A CA whose certificate lies in ``file``, with an intermediate under it."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._root = trustme.CA()
        self._intermediate = self._root.create_child_ca()
        self.file = directory / "ca.pem"
        self.file.write_bytes(self._root.cert_pem.bytes())
        self.certificate = der(self._root.cert_pem.bytes())
        self.intermediate = der(self._intermediate.cert_pem.bytes())

    def shown(self, *names: str, expired: bool = False) -> Shown:
        """By a server with a certificate for ``names``, which comes with the intermediate."""
        ending = NOW - DAY if expired else NOW + DAY
        made = self._intermediate.issue_cert(*names, not_before=NOW - 9 * DAY, not_after=ending)
        chain = [der(blob.bytes()) for blob in made.cert_chain_pems]
        if self.intermediate not in chain:
            chain.append(self.intermediate)
        pem = b"".join(ssl.DER_cert_to_PEM_cert(certificate).encode() for certificate in chain)
        return Shown(chain, _context(self._directory, pem, made.private_key_pem.bytes()))


def self_signed(directory: Path, name: str) -> Shown:
    """A certificate that nobody vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), NOW - DAY, NOW + DAY)
    made = builder.sign(key, hashes.SHA256())
    pem = made.public_bytes(Encoding.PEM)
    return Shown([der(pem)], _context(directory, pem, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())))


def unreadable(name: str) -> tuple[bytes, bytes]:
    """Two certificates that OpenSSL takes and a stricter reader does not: with an extension twice, and of a version that there is not."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    builder = x509.CertificateBuilder(subject, subject, key.public_key(), x509.random_serial_number(), NOW - DAY, NOW + DAY)
    for kind in ("1.2.3.4", "1.2.3.5"):
        builder = builder.add_extension(x509.UnrecognizedExtension(x509.ObjectIdentifier(kind), b"\x05\x00"), critical=False)
    made = builder.sign(key, hashes.SHA256()).public_bytes(Encoding.DER)
    twice = made.replace(b"\x06\x03\x2a\x03\x05", b"\x06\x03\x2a\x03\x04")
    return twice, made.replace(b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x05", 1)


def der(pem: bytes) -> bytes:
    return ssl.PEM_cert_to_DER_cert(pem.decode())


def _context(directory: Path, chain: bytes, key: bytes) -> ssl.SSLContext:
    file = directory / "server.pem"
    file.write_bytes(key + chain)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file)
    return context
