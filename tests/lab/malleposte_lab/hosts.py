"""A world of scripted mail servers from a table: certificates, zone entries and the file that ``smtphost`` reads.

``Host("expired.tls", certificate="expired")`` makes the domain ``expired.tls.test``, its MX ``mx.expired.tls.test`` with an address of its own, and a
server there that shows an expired certificate.
"""

import dataclasses
import datetime
import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import trustme
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

EXTENSIONS = ("PIPELINING", "8BITMIME", "SMTPUTF8", "DSN", "ENHANCEDSTATUSCODES", "SIZE 100000000")
LONG_AGO = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
FIRST_ADDRESS = 40
"""Last octet of the first scripted host's address; those below are for servers of flesh and blood."""


@dataclass(frozen=True, slots=True)
class Host:
    """One scripted server. Its habits not named here are those of a good one."""

    name: str
    """``good.tls`` for the domain ``good.tls.test`` and the server ``mx.good.tls.test``."""
    certificate: str = "good"
    """``good`` (by the lab's CA for ``mx.NAME.test``), ``expired``, ``wrongname``, ``selfsigned``, ``otherca``, or ``none``."""
    starttls: str = "yes"
    """``no``: not offered, ``refused``: offered and answered 454, ``broken``: what follows the 220 is no TLS."""
    newest_tls: str = ""
    """``1.2`` for nothing newer."""
    asks_certificate: str = ""
    """``asks`` for a client certificate, or ``requires`` one by the lab's CA."""
    needs_tls: bool = False
    needs_login: bool = False
    extensions: tuple[str, ...] = EXTENSIONS
    mechanisms: tuple[str, ...] = ()
    """SASL mechanisms offered under TLS (without TLS where ``starttls`` is ``no``): PLAIN LOGIN CRAM-MD5 XOAUTH2."""
    script: dict[str, str] = field(default_factory=dict)
    """Fixed replies: ``greeting`` or a verb -> the reply, ``drop`` (connection cut) or ``silence`` (no reply ever)."""
    tlsa: tuple[str, ...] = ()
    """``3 1 1``: made from what the server shows; with ``wrong`` behind it, from another certificate; longer texts stand as they are."""
    sts: str = ""
    """MTA-STS: ``enforce`` or ``testing``, with ``other-mx`` behind it for a policy that does not name the MX."""
    sts_certificate: str = "good"
    """Of the policy host: ``good`` or ``selfsigned``."""


@dataclass(frozen=True, slots=True)
class World:
    """All hosts of a lab, and the folder that is made for them."""

    hosts: Sequence[Host]
    network: str
    """First three octets of the addresses."""
    users: dict[str, str]
    folder: Path

    def make(self, real_names: dict[str, list[str]]) -> str:
        """Fill the folder (``ca.pem``, ``client.pem``, certificates, ``hosts.json``) and return the zone entries.

        ``real_names``: certificates for other servers, file name -> host names.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        authority = _Authority(self.folder)
        for name, names in real_names.items():
            authority.issue(name, names)
        authority.issue("client", ["relay.example.test"])
        entries, described, policies = [], [], {}
        for number, host in enumerate(self.hosts, FIRST_ADDRESS + 2):
            address = f"{self.network}.{number}"
            described.append(self._describe(host, address, authority))
            entries.append(_entries(host, address, authority))
            if host.sts:
                policies[f"mta-sts.{host.name}.test"] = _policy(host)
                entries.append(self._sts_entries(host))
        good = authority.issue("policies", sorted(policies) or ["nothing.test"])
        bad = authority.self_signed("policies-selfsigned", "nobody.test")
        policy_hosts = [
            dataclasses.asdict(Host(f"policies{number}", certificate=file)) | {"address": f"{self.network}.{FIRST_ADDRESS + number}"}
            for number, file in enumerate([good, bad])
        ]
        text = {"hosts": described, "policy_hosts": policy_hosts, "policies": policies}
        (self.folder / "hosts.json").write_text(json.dumps(text, indent=1))
        return "\n".join(entries) + "\n"

    def _describe(self, host: Host, address: str, authority: "_Authority") -> dict[str, object]:
        return dataclasses.asdict(host) | {"address": address, "users": self.users, "certificate": authority.for_host(host)}

    def _sts_entries(self, host: Host) -> str:
        address = f"{self.network}.{FIRST_ADDRESS + (host.sts_certificate != 'good')}"
        return f'_mta-sts.{host.name} TXT "v=STSv1; id=20261128;"\nmta-sts.{host.name} A {address}'


class _Authority:
    """The lab's CA and one that nobody knows."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._ca, self._other = trustme.CA(), trustme.CA()
        (folder / "ca.pem").write_bytes(self._ca.cert_pem.bytes())
        (folder / "otherca.pem").write_bytes(self._other.cert_pem.bytes())

    def for_host(self, host: Host) -> str:
        """Make the certificate that a host shows and return its file's name."""
        name = f"mx.{host.name}.test"
        if host.certificate == "none":
            return ""
        if host.certificate == "selfsigned":
            return self.self_signed(host.name, name)
        if host.certificate == "wrongname":
            return self.issue(host.name, ["mx.somewhere-else.test"])
        if host.certificate == "expired":
            return self._write(host.name, self._ca.issue_cert(name, not_before=LONG_AGO, not_after=LONG_AGO + datetime.timedelta(days=90)))
        if host.certificate == "otherca":
            return self._write(host.name, self._other.issue_cert(name))
        return self.issue(host.name, [name])

    def issue(self, file: str, names: list[str]) -> str:
        """A good certificate for these names."""
        return self._write(file, self._ca.issue_cert(*names, common_name=names[0]))

    def _write(self, file: str, certificate: trustme.LeafCert) -> str:
        chain = [part.bytes() for part in certificate.cert_chain_pems]
        # the CA goes along: DANE-TA wants it in the chain (RFC 7671 section 5.2.2)
        (self._folder / f"{file}.pem").write_bytes(b"".join([certificate.private_key_pem.bytes(), *chain, self._ca.cert_pem.bytes()]))
        return f"{file}.pem"

    def self_signed(self, file: str, name: str) -> str:
        """A certificate that vouches for itself."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, name)])
        now = datetime.datetime.now(datetime.UTC)
        builder = x509.CertificateBuilder().subject_name(subject).issuer_name(subject).public_key(key.public_key())
        builder = builder.serial_number(x509.random_serial_number()).not_valid_before(now - datetime.timedelta(days=1))
        builder = builder.not_valid_after(now + datetime.timedelta(days=365))
        certificate = builder.add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False).sign(key, hashes.SHA256())
        private = key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
        )
        (self._folder / f"{file}.pem").write_bytes(private + certificate.public_bytes(serialization.Encoding.PEM))
        return f"{file}.pem"

    def tlsa(self, file: str, usage: int, selector: int, matching: int) -> str:
        """The TLSA association (RFC 6698) of a file's certificate, or of the CA for the usages 0 and 2."""
        pem = (self._folder / file).read_bytes() if usage in {1, 3} else self._ca.cert_pem.bytes()
        certificate = x509.load_pem_x509_certificates(pem)[0]
        spki = certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
        data = spki if selector == 1 else certificate.public_bytes(serialization.Encoding.DER)
        digest = {0: data, 1: hashlib.sha256(data).digest(), 2: hashlib.sha512(data).digest()}[matching]
        return digest.hex()


def fingerprint(pem: Path, *, of_key: bool = False) -> str:
    """SHA-256 of the first certificate in a file, or of its public key, as ``AB:CD:...`` (Postfix ``smtp_tls_fingerprint_cert_match``)."""
    certificate = x509.load_pem_x509_certificates(pem.read_bytes())[0]
    spki = certificate.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(spki if of_key else certificate.public_bytes(serialization.Encoding.DER)).digest().hex(":").upper()


def _entries(host: Host, address: str, authority: _Authority) -> str:
    lines = [f"{host.name} MX 10 mx.{host.name}", f"mx.{host.name} A {address}"]
    lines += [f"_25._tcp.mx.{host.name} TLSA {_tlsa(record, f'{host.name}.pem', authority)}" for record in host.tlsa]
    return "\n".join(lines)


def _tlsa(record: str, file: str, authority: _Authority) -> str:
    kind, *rest = re.fullmatch(r"(\d \d \d)(?: (.+))?", record).groups()  # type: ignore[union-attr]  # a record of another form is a mistake
    if rest not in ([None], ["wrong"]):
        return record
    data = authority.tlsa(file, *(int(word) for word in kind.split()))
    return f"{kind} {'00' * (len(data) // 2) if rest == ['wrong'] else data}"


def _policy(host: Host) -> str:
    mode, *other = host.sts.split()
    return f"version: STSv1\r\nmode: {mode}\r\nmx: mx.{'elsewhere' if other else host.name}.test\r\nmax_age: 86400\r\n"
