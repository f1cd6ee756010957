"""How sure of the server a client must be before it hands over mail."""

from enum import StrEnum


class TlsLevel(StrEnum):
    """Postfix ``smtp_tls_security_level`` (TLS_README, "Client TLS security levels")."""

    NONE = "none"
    MAY = "may"
    """If offered; nothing is verified, and clear text will do."""
    ENCRYPT = "encrypt"
    """Always; nothing is verified."""
    DANE = "dane"
    """By the TLSA records of the server where DNSSEC vouches for them (RFC 7672), else ``may``."""
    DANE_ONLY = "dane-only"
    """By TLSA records or not at all."""
    FINGERPRINT = "fingerprint"
    """The certificate or its key is one that the operator named."""
    VERIFY = "verify"
    """The certificate is of a trusted CA and names the server as the DNS does."""
    SECURE = "secure"
    """The certificate is of a trusted CA and names the server as the operator or the recipient's domain does."""

    @property
    def is_mandatory(self) -> bool:
        """Without TLS there is no delivery. ``dane`` counts: where there are no TLSA records, ``may`` takes its place first."""
        return self not in (TlsLevel.NONE, TlsLevel.MAY)

    @property
    def is_proven(self) -> bool:
        """A server that does not prove who it is gets no mail."""
        return self not in (TlsLevel.NONE, TlsLevel.MAY, TlsLevel.ENCRYPT)
