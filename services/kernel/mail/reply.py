"""An SMTP reply as a value (RFC 5321 section 4.2, enhanced codes RFC 3463)."""

import msgspec


class Reply(msgspec.Struct, frozen=True, gc=False):
    """One reply of an SMTP or LMTP server.

    ``code`` is the three-digit code, ``enhanced`` the RFC 3463 code (``""`` when the peer gave none),
    ``text`` the words without codes, lines joined by ``\\n``.
    """

    code: int
    enhanced: str
    text: str

    @property
    def is_positive(self) -> bool:
        """2yz or 3yz."""
        return 200 <= self.code < 400

    @property
    def is_permanent(self) -> bool:
        """5yz: the same request will not succeed later."""
        return 500 <= self.code < 600

    def lines(self) -> list[str]:
        """The reply as it stands on the wire, without line ends."""
        prefix = f"{self.enhanced} " if self.enhanced else ""
        *first, last = self.text.split("\n")
        return [*[f"{self.code}-{prefix}{line}" for line in first], f"{self.code} {prefix}{last}"]

    def encode(self) -> bytes:
        """The reply as bytes, CRLF included; characters outside UTF-8 cannot occur in ``text``."""
        return ("\r\n".join(self.lines()) + "\r\n").encode()

    def __str__(self) -> str:
        """One line for logs and reports: ``550 5.1.1 no such user``."""
        words = self.text.replace("\n", " ")
        return f"{self.code} {self.enhanced} {words}" if self.enhanced else f"{self.code} {words}"
