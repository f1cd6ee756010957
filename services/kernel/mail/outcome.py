"""What became of one recipient in one delivery attempt.

A refusal is data: the remote reply with the host that gave it and the command it answered. The three words
are a closed set; whoever handles them ends with ``assert_never``.
"""

import msgspec

from services.kernel.mail.reply import Reply


class Remote(msgspec.Struct, frozen=True, gc=False):
    """The peer of an attempt, as far as it was reached.

    ``host`` is its name, ``address`` its IP, ``port`` 0 when nothing was connected; ``tls`` is the session in words
    (``TLSv1.3 TLS_AES_256_GCM_SHA384 untrusted``), empty in clear text; ``command`` the verb that was answered.
    """

    host: str = ""
    address: str = ""
    port: int = 0
    tls: str = ""
    command: str = ""

    def __str__(self) -> str:
        """Postfix's way to write a relay: ``mx.example[192.0.2.1]:25``."""
        return f"{self.host}[{self.address}]:{self.port}" if self.address else self.host or "none"


class Delivered(msgspec.Struct, frozen=True, tag="delivered", gc=False):
    """The next hop took responsibility for the recipient."""

    reply: Reply
    remote: Remote
    dsn_passed_on: bool = False
    """The next hop announced DSN, so the duty to report success went with the message (RFC 3461 section 5.2)."""
    is_final: bool = False
    """It lies in a mailbox now: a report says ``delivered`` and not ``relayed`` (RFC 3464 section 2.3.3)."""


class Deferred(msgspec.Struct, frozen=True, tag="deferred", gc=False):
    """Not now: try again later. ``site`` is true when the trouble is the destination's, not the recipient's."""

    reply: Reply
    remote: Remote
    site: bool = False


class Bounced(msgspec.Struct, frozen=True, tag="bounced", gc=False):
    """Never: the recipient is to be reported as failed to the sender."""

    reply: Reply
    remote: Remote


Outcome = Delivered | Deferred | Bounced
