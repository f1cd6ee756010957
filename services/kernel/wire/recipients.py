"""The hop between two sites: a secondary's backupmx asks the primary's admin which recipients its domains have.

HTTPS with a certificate on both sides, each pinned by the other's configuration: ``GET /recipients?since=VERSION&domain=...&domain=...``. The
body is the signature, base64 on a line, then the signed JSON of one ``Answer``. The signature is the primary's over exactly these bytes (ECDSA with
SHA-256, by the key of its certificate), so what a secondary keeps can be checked later too.
"""

import base64
import binascii

import msgspec
from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

from services.kernel.directory.mirror import DomainRecipients, Recipients

PATH = "/recipients"
ANSWER_BYTES = 64 * 1024 * 1024
"""More than a million recipients."""


class Unauthentic(ValueError):
    """An answer is not what the primary signed, or no answer at all."""


class Whole(msgspec.Struct, frozen=True, tag="whole"):
    """All recipients of the domains asked for that are the primary's."""

    recipients: Recipients


class Change(msgspec.Struct, frozen=True):
    """What is new of one domain."""

    added: list[str] = []
    removed: list[str] = []
    is_complete: bool = True
    takes_all: bool = False


class Changes(msgspec.Struct, frozen=True, tag="changes"):
    """From version ``since`` to ``version``. ``gone`` are domains that the primary has no more."""

    site: str
    made: float
    delimiter: str
    since: str
    version: str
    domains: dict[str, Change] = {}
    gone: list[str] = []


Answer = Whole | Changes

_decoder: msgspec.json.Decoder[Answer] = msgspec.json.Decoder(Answer)


def seal(answer: Answer, key: ec.EllipticCurvePrivateKey) -> bytes:
    """Encode and sign."""
    body = msgspec.json.encode(answer)
    return base64.b64encode(key.sign(body, ec.ECDSA(hashes.SHA256()))) + b"\n" + body


def unseal(data: bytes, certificate: x509.Certificate) -> Answer:
    """Check and decode. Raises ``Unauthentic``."""
    signature, _, body = data.partition(b"\n")
    key = certificate.public_key()
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Unauthentic("the primary's certificate has no elliptic curve key")
    try:
        key.verify(base64.b64decode(signature, validate=True), body, ec.ECDSA(hashes.SHA256()))
        return _decoder.decode(body)
    except (InvalidSignature, binascii.Error):
        raise Unauthentic("the signature is not the primary's") from None
    except msgspec.DecodeError as error:
        raise Unauthentic(f"signed, but not understood: {error}") from None


def compare(old: Recipients, new: Recipients) -> Changes:
    """What changed from ``old`` to ``new``."""
    return Changes(
        site=new.site,
        made=new.made,
        delimiter=new.delimiter,
        since=old.version,
        version=new.version,
        domains={name: _change(old.domains.get(name), domain) for name, domain in new.domains.items() if old.domains.get(name) != domain},
        gone=sorted(set(old.domains) - set(new.domains)),
    )


def _change(old: DomainRecipients | None, new: DomainRecipients) -> Change:
    before, after = set(old.local_parts if old else ()), set(new.local_parts)
    return Change(sorted(after - before), sorted(before - after), new.is_complete, new.takes_all)


def apply(old: Recipients, changes: Changes) -> Recipients:
    """The recipients after the changes. Raises ``Unauthentic`` when these are of another version, or lead to another one than they say."""
    if changes.since != old.version:
        raise Unauthentic("changes of another version")
    domains = {name: domain for name, domain in old.domains.items() if name not in changes.gone}
    for name, change in changes.domains.items():
        before = set(domains[name].local_parts) if name in domains else set()
        local_parts = sorted((before - set(change.removed)) | set(change.added))
        domains[name] = DomainRecipients(local_parts, change.is_complete, change.takes_all)
    new = Recipients(changes.site, changes.made, changes.delimiter, domains)
    if new.version != changes.version:
        raise Unauthentic("the changes do not lead to the version that they name")
    return new
