"""The header section: what a server must know of it, and the trace field it puts on top.

Nothing here changes what a client sent. Only whole field names at the start of a line count.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

from services.kernel.mail.domain import address_to_ascii, to_literal

MESSAGE_ID_CHARACTERS = 250
"""Long enough for every real one; what is indexed and logged is cut there."""

_END_OF_HEAD = b"\r\n\r\n"
_FOLDED_VALUE = re.compile(rb"[^\r\n]*(?:\r\n[ \t][^\r\n]*)*")
_INVISIBLE = re.compile(r"[\x00-\x20\x7f]+")


@dataclass(frozen=True, slots=True)
class Head:
    """Facts of a header section. ``message_id`` is cleaned for logs; ``hops`` counts the Received fields."""

    message_id: str
    hops: int
    has_message_id: bool
    has_date: bool


def head_end(content: bytes | bytearray) -> int:
    """Return where the header section ends, after its last CRLF; -1 when the end is not in ``content``."""
    if content.startswith(b"\r\n"):
        return 0
    position = content.find(_END_OF_HEAD)
    return position + 2 if position >= 0 else -1


def scan(head: bytes) -> Head:
    """Read the facts from a header section, or from what there is of one."""
    folded = b"\n" + head.lower()
    position = folded.find(b"\nmessage-id:")
    return Head(
        message_id=_message_id(head, position + 11) if position >= 0 else "",
        hops=folded.count(b"\nreceived:"),
        has_message_id=position >= 0,
        has_date=b"\ndate:" in folded,
    )


def _message_id(head: bytes, position: int) -> str:
    value = _FOLDED_VALUE.match(head, position, position + 4 * MESSAGE_ID_CHARACTERS)
    text = value[0].decode("utf-8", "replace") if value else ""
    return _INVISIBLE.sub("", text)[:MESSAGE_ID_CHARACTERS]


@dataclass(frozen=True, slots=True)
class Trace:
    """What a Received field tells (RFC 5321 section 4.4).

    ``recipient`` is given only when it is the single one, so that no recipient learns of another; one outside ASCII is left out, so that the field
    alone never keeps a message from a server without SMTPUTF8. ``address`` is empty for a client that is not
    to be shown: then the field says ``localhost``. ``protocol`` is the word of RFC 3848 and RFC 6531.
    """

    helo: str
    address: str
    hostname: str
    protocol: str
    identity: str
    time: float
    tls: str = ""
    recipient: str = ""


def received(trace: Trace) -> bytes:
    """Build the Received field, CRLF included."""
    literal = to_literal(trace.address) if trace.address else ""
    origin = f"{address_to_ascii(trace.helo) or literal} ({literal})" if literal else "localhost (localhost [127.0.0.1])"
    tls = f"\r\n\t(using {trace.tls})" if trace.tls else ""
    final = address_to_ascii(trace.recipient)
    recipient = f"\r\n\tfor <{final}>" if final and final.isascii() else ""
    by = f"by {trace.hostname} with {trace.protocol} id {trace.identity}"
    return f"Received: from {origin}\r\n\t{by}{tls}{recipient};\r\n\t{format_date(int(trace.time))}\r\n".encode()


def protocol_word(*, is_extended: bool, is_utf8: bool, has_tls: bool, has_auth: bool, is_lmtp: bool = False) -> str:
    """Return the ``with`` word: ``SMTP``, ``ESMTP`` or ``LMTP`` with ``S`` and ``A`` (RFC 3848), or ``UTF8SMTP`` (RFC 6531 section 4.3)."""
    if not is_extended:
        return "SMTP"
    stem = "LMTP" if is_lmtp else "SMTP" if is_utf8 else "ESMTP"
    return f"{'UTF8' if is_utf8 else ''}{stem}{'S' if has_tls else ''}{'A' if has_auth else ''}"


@lru_cache(maxsize=8)
def format_date(seconds: int) -> str:
    """Write a time (seconds since the epoch) as RFC 5322 section 3.3 does, in UTC."""
    return format_datetime(datetime.fromtimestamp(seconds, UTC))
