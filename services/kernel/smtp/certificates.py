"""Does the certificate that a server shows satisfy the policy? Pure: the chain and the time come in, a word or a refusal goes out.

That a chain leads to a trusted CA is OpenSSL's to check, in the handshake, where the policy asks for it; here are names (RFC 6125), fingerprints
and TLSA records (RFC 6698, RFC 7672).
"""

import contextlib
import hashlib
import re
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from ipaddress import ip_address

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from cryptography.x509 import verification
from cryptography.x509.oid import NameOID

from services.kernel.smtp.tls import TlsLevel
from services.kernel.smtp.tls_policy import Tlsa, TlsPolicy

UNREADABLE = (ValueError, UnsupportedAlgorithm, x509.InvalidVersion, x509.DuplicateExtension, x509.UnsupportedGeneralNameType)
"""What the reader raises for certificates that OpenSSL let pass."""


class Standing(StrEnum):
    """How a server stands that is good enough for the policy, in the words of Postfix's log."""

    ANONYMOUS = "anonymous"
    """It showed no certificate."""
    UNTRUSTED = "untrusted"
    TRUSTED = "trusted"
    """Its chain leads to a trusted CA; whether it names the server was not asked."""
    VERIFIED = "verified"
    """It is who the policy says."""


class NotVerified(Exception):
    """The server is not who the policy says; the message says why, in Postfix's words."""


def judge(policy: TlsPolicy, chain: Sequence[bytes], now: datetime, anchors: Sequence[bytes] = ()) -> Standing:
    """How a server stands that shows this chain, its own certificate (DER) first. ``anchors`` are the CAs that the operator named, by which a
    server is told to be trusted where nothing depends on it. Raises ``NotVerified``.
    """
    match policy.level:
        case TlsLevel.FINGERPRINT:
            reason = _fingerprint_reason(policy, chain)
        case TlsLevel.VERIFY | TlsLevel.SECURE:
            reason = _name_reason(_leaf(chain), policy.names)
        case TlsLevel.DANE | TlsLevel.DANE_ONLY:
            reason = _dane_reason(policy, chain, now)
        case _:
            return _opportunistic_standing(chain, now, anchors)
    if reason:
        raise NotVerified(f"Server certificate not verified: {reason}")
    return Standing.VERIFIED


def fingerprints(certificate: bytes, digest: str) -> tuple[str, str]:
    """Fingerprints of a certificate and of its public key (Postfix TLS_README, "Certificate fingerprint verification")."""
    return _hex(digest, certificate), _hex(digest, _public_key(certificate))


def names_of(certificate: x509.Certificate) -> list[str]:
    """The host names and addresses that a certificate is for; the common name where it has no alternative DNS name (RFC 6125 section 6.4.4)."""
    try:
        alternatives = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        found: list[str] = []
    else:
        found = alternatives.get_values_for_type(x509.DNSName)
        found += [str(address) for address in alternatives.get_values_for_type(x509.IPAddress)]
    return found or [str(name.value) for name in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME)[-1:]]


def matches_name(presented: str, wanted: str) -> bool:
    """Whether a name in a certificate is the one wanted. ``.d.test`` wants any subdomain; ``*.d.test`` presents one label more than ``d.test``."""
    presented, wanted = presented.lower().rstrip("."), wanted.lower().rstrip(".")
    if wanted.startswith("."):
        return presented.endswith(wanted) and len(presented) > len(wanted)
    if presented.startswith("*."):
        _, dot, parent = wanted.partition(".")
        return bool(dot) and "." in parent and presented[2:] == parent and not _is_address(wanted)
    return presented == wanted


def matches_record(certificate: bytes, record: Tlsa) -> bool:
    """Whether a TLSA record speaks of this certificate (RFC 6698 section 2.1)."""
    selected = certificate if record.selector == 0 else _public_key(certificate)
    digest = {1: "sha256", 2: "sha512"}.get(record.matching)
    return record.data == (hashlib.new(digest, selected).digest() if digest else selected)


def _opportunistic_standing(chain: Sequence[bytes], now: datetime, anchors: Sequence[bytes]) -> Standing:
    if not chain:
        return Standing.ANONYMOUS
    with contextlib.suppress(NotVerified):
        if anchors and not chain_reason(chain, anchors, now):
            return Standing.TRUSTED
    return Standing.UNTRUSTED


def _leaf(chain: Sequence[bytes]) -> x509.Certificate | None:
    return _load(chain[0]) if chain else None


def _load(certificate: bytes) -> x509.Certificate:
    """Raises ``NotVerified`` for what OpenSSL could read and this reader cannot."""
    try:
        return x509.load_der_x509_certificate(certificate)
    except UNREADABLE as error:
        raise NotVerified(f"Server certificate not verified: {error}") from None


def _name_reason(certificate: x509.Certificate | None, wanted: Sequence[str]) -> str:
    if certificate is None:
        return "no certificate"
    try:
        presented = names_of(certificate)
    except UNREADABLE as error:  # an extension that does not parse
        return str(error)
    if any(matches_name(name, want) for name in presented for want in wanted):
        return ""
    return f"it is for {_list(presented)}, not for {_list(wanted)}"


def _fingerprint_reason(policy: TlsPolicy, chain: Sequence[bytes]) -> str:
    if not chain:
        return "no certificate"
    found = fingerprints(chain[0], policy.digest)
    return "" if set(found) & set(policy.fingerprints) else f"no fingerprint matches; certificate {found[0]}, public key {found[1]}"


def _dane_reason(policy: TlsPolicy, chain: Sequence[bytes], now: datetime) -> str:
    """RFC 7672 section 3.1: DANE-EE(3) is the certificate or its key and nothing else, DANE-TA(2) is in its chain, which then counts in full."""
    if not chain:
        return "no certificate"
    leaf = _load(chain[0])
    if any(record.usage == 3 and matches_record(chain[0], record) for record in policy.tlsa):
        return ""
    records = [record for record in policy.tlsa if record.usage == 2]
    anchors = [der for der in chain if any(matches_record(der, record) for record in records)]
    anchors += [record.data for record in records if (record.selector, record.matching) == (0, 0)]
    if not anchors:
        return "no TLSA record matches"
    reason = chain_reason(chain, anchors, now)
    return reason or _name_reason(leaf, policy.names)


def chain_reason(chain: Sequence[bytes], anchors: Sequence[bytes], now: datetime) -> str:
    """Why a chain does not lead to one of the anchors; empty if it does."""
    certificates = [_load(der) for der in chain]
    if certificates[0].not_valid_after_utc < now:
        return "certificate has expired"
    if certificates[0].not_valid_before_utc > now:
        return "certificate is not yet valid"
    if chain[0] in anchors:
        return ""  # the anchor itself, as OpenSSL has it
    agnostic = verification.Criticality.AGNOSTIC
    authority = verification.ExtensionPolicy.permit_all().require_present(x509.BasicConstraints, agnostic, None)
    store = verification.Store([_load(der) for der in anchors])
    builder = verification.PolicyBuilder().store(store).time(now.replace(tzinfo=None))
    builder = builder.extension_policies(ca_policy=authority, ee_policy=verification.ExtensionPolicy.permit_all())
    try:
        builder.build_client_verifier().verify(certificates[0], certificates[1:])
    except (verification.VerificationError, *UNREADABLE) as error:
        return re.sub(r"\s*\(encountered processing.*", "", " ".join(str(error).split()))
    return ""


def _public_key(certificate: bytes) -> bytes:
    try:
        return _load(certificate).public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    except UNREADABLE as error:
        raise NotVerified(f"Server certificate not verified: {error}") from None


def _hex(digest: str, data: bytes) -> str:
    return hashlib.new(digest, data).digest().hex(":").upper()


def _list(names: Sequence[str]) -> str:
    shown = ", ".join(names[:5]) or "nobody"
    return f"{shown}, ..." if len(names) > 5 else shown


def _is_address(name: str) -> bool:
    try:
        ip_address(name)
    except ValueError:
        return False
    return True
