"""Which TLS context a client meets: partners that must show a certificate are asked for one, and nobody else."""

import ssl
from collections.abc import Callable

from services.kernel.runtime.tls import Certificate, ServerTls
from services.kernel.smtp.handler import Peer
from services.smtpd.partners import Partners


class Handshakes:
    """The contexts of one role. Raises ``OSError`` when the certificate cannot be loaded."""

    def __init__(self, settings: ServerTls, partners: Partners, on_trouble: Callable[[str], None]) -> None:
        self._partners = partners
        self._on_trouble = on_trouble
        self._common = Certificate(settings)
        self._asking = Certificate(settings, partners.ask_certificate) if partners.asks_certificate else None

    def context(self, peer: Peer) -> ssl.SSLContext:
        """For one client. The files are looked at for each handshake: two stats are nothing beside it."""
        certificate = self._asking if self._asking is not None and self._partners.looks_known(peer) else self._common
        try:
            certificate.refresh()
        except OSError as error:
            self._on_trouble(f"new certificate not used: {error}")
        return certificate.context
