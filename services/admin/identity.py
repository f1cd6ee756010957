"""The identity of a site towards other sites: a key and a certificate of its own making, which the other operator puts into his configuration.

``identity.pem`` and ``identity-key.pem`` lie beside the certificate that clients see. They are made once: the other site has pinned them. relay shows
the certificate to primaries, backupmx to their mirrors, and the mirror of this site shows it and signs with its key.
"""

import datetime
import grp
import os
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID

from services.admin.certificates import make_builder, make_name, pem, pem_key, write

YEARS_DAYS = 3650
"""As long as the private CA: a new one has to be given to every partner."""
GROUP = "identity"
"""Who may read the key."""


def ensure_identity(folder: Path, hostname: str, now: datetime.datetime) -> list[str]:
    """Make what is missing; return the names of the files made. Raises ``OSError``."""
    certificate_file, key_file = folder / "identity.pem", folder / "identity-key.pem"
    if certificate_file.exists() and key_file.exists():
        return []
    key = ec.generate_private_key(ec.SECP256R1())
    write(key_file, pem_key(key), 0o640)
    _give_to_group(key_file)
    write(certificate_file, pem(_make(key, hostname, now)), 0o644)
    return [key_file.name, certificate_file.name]


def _make(key: ec.EllipticCurvePrivateKey, hostname: str, now: datetime.datetime) -> x509.Certificate:
    name = make_name(hostname[:64])  # RFC 5280 appendix A: ub-common-name is 64
    builder = make_builder(name, name, key.public_key(), (now, now + datetime.timedelta(days=YEARS_DAYS)))
    usage = x509.ExtendedKeyUsage([ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH])
    builder = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(hostname)]), critical=False)
    return builder.add_extension(usage, critical=False).sign(key, hashes.SHA256())


def _give_to_group(path: Path) -> None:
    """Outside of our images the group is not there, and whoever made the file keeps it."""
    try:
        os.chown(path, -1, grp.getgrnam(GROUP).gr_gid)
    except KeyError:
        return
