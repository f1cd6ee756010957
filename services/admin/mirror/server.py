"""The mirror's HTTPS side: who asks is known by his certificate, and gets what is new since he asked last."""

import ssl
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qs

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.admin.mirror.recipients import Lister
from services.admin.web import Answer
from services.kernel.directory.mirror import Recipients
from services.kernel.runtime.config import ConfigError
from services.kernel.tables.lookup import LookupTrouble
from services.kernel.wire.recipients import Whole, compare, seal

REMEMBERED = 8
"""Contents kept to compare with: a few secondaries, each at one of the last versions."""


@dataclass(frozen=True, slots=True)
class Identity:
    """The files of this site's own certificate and key."""

    certificate: Path
    key: Path

    def load_key(self) -> ec.EllipticCurvePrivateKey:
        """Raises ``OSError`` and ``ConfigError``."""
        key = serialization.load_pem_private_key(self.key.read_bytes(), None)
        if not isinstance(key, ec.EllipticCurvePrivateKey):
            raise ConfigError(f"{self.key}: an elliptic curve key is expected")
        return key

    def context(self, partners: Sequence[Path]) -> ssl.SSLContext:
        """TLS 1.3 with a certificate on both sides, theirs one of ``partners``. Raises ``OSError``, ``ConfigError``."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.minimum_version = ssl.TLSVersion.TLSv1_3
        context.load_cert_chain(self.certificate, self.key)
        for partner in partners:
            try:
                context.load_verify_locations(partner)
            except OSError as error:
                raise ConfigError(f"admin.mirror.secondaries: {partner}: {error}") from None
        context.verify_flags |= ssl.VerifyFlags.VERIFY_X509_PARTIAL_CHAIN
        context.verify_mode = ssl.CERT_REQUIRED
        return context


class MirrorServer:
    """Answers ``GET /recipients``."""

    def __init__(self, lister: Lister, key: ec.EllipticCurvePrivateKey) -> None:
        self.lister = lister
        self._key = key
        self._known: OrderedDict[str, Recipients] = OrderedDict()

    async def answer(self, query: str) -> Answer:
        """The whole, or the changes since a version that is still known."""
        facts = parse_qs(query)
        try:
            recipients = await self.lister.list_recipients(facts.get("domain", []))
        except LookupTrouble:
            return "503 Service Unavailable", "text/plain", b"the directory cannot be asked now\n"
        old = self._known.get(facts.get("since", [""])[0])
        self._remember(recipients)
        return "200 OK", "application/json", seal(Whole(recipients) if old is None else compare(old, recipients), self._key)

    def _remember(self, recipients: Recipients) -> None:
        version = recipients.version
        self._known[version] = recipients
        self._known.move_to_end(version)
        while len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
