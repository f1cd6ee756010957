"""A private CA and a certificate of it, for a site that was given none.

Files of one folder: ``ca.pem`` (for clients to trust), ``ca-key.pem`` (ours alone), ``cert.pem`` (the chain), ``key.pem`` (for the group that the
folder belongs to). A ``cert.pem`` without ``ca-key.pem`` was given by the operator and is never touched.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

CA_DAYS = 3650
"""Ten years: a new CA has to be given to every client."""
CLOCK_SLACK = datetime.timedelta(days=1)
"""Clients with a clock that is somewhat slow."""


@dataclass(frozen=True, slots=True)
class Wish:
    """What the certificate must be: its names, the first one its subject; its life; and when less than how much of it is too little."""

    names: tuple[str, ...]
    life: datetime.timedelta
    reserve: datetime.timedelta


def ensure(folder: Path, wish: Wish, now: datetime.datetime) -> list[str]:
    """Make what is missing or too old in ``folder``; return the names of the files made. Raises ``OSError``."""
    ca_file, ca_key_file, certificate_file = folder / "ca.pem", folder / "ca-key.pem", folder / "cert.pem"
    if certificate_file.exists() and not ca_key_file.exists():
        return []
    made = []
    if not (ca_file.exists() and ca_key_file.exists()):
        key = ec.generate_private_key(ec.SECP256R1())
        write(ca_key_file, pem_key(key), 0o600)
        write(ca_file, pem(_make_ca(key, wish.names[0], now)), 0o644)
        made += ["ca-key.pem", "ca.pem"]
    ca = x509.load_pem_x509_certificate(ca_file.read_bytes())
    if made or not _is_good(folder, ca, wish, now):
        ca_key = serialization.load_pem_private_key(ca_key_file.read_bytes(), None)
        assert isinstance(ca_key, ec.EllipticCurvePrivateKey)
        key = ec.generate_private_key(ec.SECP256R1())
        leaf = _make_leaf(key, (ca, ca_key), wish, now)
        # first the key: services load both when either has changed, and keep the old pair while the new one does not fit
        write(folder / "key.pem", pem_key(key), 0o640)
        write(certificate_file, pem(leaf) + pem(ca), 0o644)
        made += ["key.pem", "cert.pem"]
    return made


def _is_good(folder: Path, ca: x509.Certificate, wish: Wish, now: datetime.datetime) -> bool:
    try:
        leaf = x509.load_pem_x509_certificate((folder / "cert.pem").read_bytes())
        key = serialization.load_pem_private_key((folder / "key.pem").read_bytes(), None)
        names = leaf.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName)
    except (OSError, ValueError, x509.ExtensionNotFound):
        return False
    return (
        set(names) == set(wish.names)
        and leaf.issuer == ca.subject
        and leaf.public_key() == key.public_key()
        and leaf.not_valid_after_utc - now > wish.reserve
    )


def _make_ca(key: ec.EllipticCurvePrivateKey, name: str, now: datetime.datetime) -> x509.Certificate:
    subject = make_name(f"Malleposte CA of {name}"[:64])  # RFC 5280 appendix A: ub-common-name is 64
    usage = x509.KeyUsage(
        digital_signature=False,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
    builder = make_builder(subject, subject, key.public_key(), (now, now + datetime.timedelta(days=CA_DAYS)))
    builder = builder.add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True).add_extension(usage, critical=True)
    return builder.add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False).sign(key, hashes.SHA256())


def _make_leaf(
    key: ec.EllipticCurvePrivateKey, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey], wish: Wish, now: datetime.datetime
) -> x509.Certificate:
    ca, ca_key = issuer
    builder = make_builder(make_name(wish.names[0][:64]), ca.subject, key.public_key(), (now, now + wish.life))
    extensions: Sequence[tuple[x509.ExtensionType, bool]] = (
        (x509.BasicConstraints(ca=False, path_length=None), True),
        (x509.SubjectAlternativeName([x509.DNSName(name) for name in wish.names]), False),
        (x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH]), False),
        (x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False),
        (x509.AuthorityKeyIdentifier.from_issuer_public_key(ca_key.public_key()), False),
    )
    for extension, is_critical in extensions:
        builder = builder.add_extension(extension, critical=is_critical)
    return builder.sign(ca_key, hashes.SHA256())


def make_builder(
    subject: x509.Name, issuer: x509.Name, key: ec.EllipticCurvePublicKey, life: tuple[datetime.datetime, datetime.datetime]
) -> x509.CertificateBuilder:
    builder = x509.CertificateBuilder().subject_name(subject).issuer_name(issuer).public_key(key)
    return builder.serial_number(x509.random_serial_number()).not_valid_before(life[0] - CLOCK_SLACK).not_valid_after(life[1])


def make_name(text: str) -> x509.Name:
    return x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, text)])


def pem(certificate: x509.Certificate) -> bytes:
    return certificate.public_bytes(serialization.Encoding.PEM)


def pem_key(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def write(path: Path, data: bytes, mode: int) -> None:
    """Under a temporary name that nobody else may read, then in one step."""
    draft = path.with_suffix(".new")
    draft.unlink(missing_ok=True)
    draft.touch(0o600)
    draft.write_bytes(data)
    draft.chmod(mode)
    draft.replace(path)
