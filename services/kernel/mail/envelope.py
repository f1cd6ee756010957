"""The envelope of a queued message: what SMTP said about it, apart from its content."""

from enum import StrEnum

import msgspec


class Body(StrEnum):
    """RFC 6152 and RFC 3030 BODY parameter."""

    SEVEN_BIT = "7BIT"
    EIGHT_BIT_MIME = "8BITMIME"
    BINARY_MIME = "BINARYMIME"


class Client(msgspec.Struct, frozen=True, gc=False):
    """Who handed the message in, as far as the accepting server knows."""

    address: str = ""
    name: str = ""
    helo: str = ""
    login: str = ""
    protocol: str = ""
    """The ``with`` word of RFC 3848: ``ESMTP``, ``ESMTPSA`` ..."""
    tls: str = ""


class Recipient(msgspec.Struct, frozen=True, gc=False):
    """One final recipient: aliases are already expanded when a message enters the queue.

    ``address`` is where the message goes, ``original`` what the client gave in RCPT TO, ``orcpt`` the decoded
    ``type;address`` of RFC 3461 section 4.2 or empty, ``notify`` the comma-separated words of section 4.1 or empty.
    """

    address: str
    original: str
    orcpt: str = ""
    notify: str = ""

    @property
    def wants_failure(self) -> bool:
        """A failure is reported unless NOTIFY says otherwise (RFC 3461 section 4.1)."""
        return not self.notify or "FAILURE" in self.notify

    @property
    def wants_delay(self) -> bool:
        """A delay is reported unless NOTIFY says otherwise (RFC 3461 section 4.1)."""
        return not self.notify or "DELAY" in self.notify

    @property
    def wants_success(self) -> bool:
        """Success is reported only when asked for (RFC 3461 section 4.1)."""
        return "SUCCESS" in self.notify


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """Facts of one message that hold for all its recipients.

    ``sender`` is the reverse-path without brackets, ``""`` the null sender. ``arrived`` is seconds since the epoch.
    ``ret`` is ``FULL``, ``HDRS`` or empty and ``envid`` the decoded ENVID (RFC 3461). ``lifetime_seconds`` of 0 means
    the site's own. ``is_bounce`` marks reports made here, which expire by their own lifetime.
    """

    queue_id: str
    trace_id: str
    sender: str
    arrived: float
    message_id: str = ""
    body: Body = Body.SEVEN_BIT
    smtputf8: bool = False
    ret: str = ""
    envid: str = ""
    client: Client = Client()
    is_bounce: bool = False
