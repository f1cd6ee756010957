"""Delivery status notifications as messages (RFC 3461 section 6, RFC 3462/6522, RFC 3464; RFC 6533 for internationalised mail).

``build`` makes the content of a report from values. Whom it is for, whether it is wanted and when it is sent is qmgr's.
"""

import re
from binascii import b2a_qp
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime
from enum import StrEnum
from hashlib import sha256
from textwrap import wrap

from services.kernel.mail.reply import Reply

LINE_BYTES = 900
"""Under the 998 octets of RFC 5322 section 2.1.1, with room for the field name."""
WIDTH = 76


class Action(StrEnum):
    """RFC 3464 section 2.3.3."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"


@dataclass(frozen=True, slots=True)
class RecipientReport:
    """What is said of one recipient. ``orcpt`` is decoded ``type;address`` or empty; times are seconds since the epoch, 0 for none."""

    action: Action
    address: str
    reply: Reply
    orcpt: str = ""
    remote_mta: str = ""
    last_attempt: float = 0.0
    retry_until: float = 0.0
    explanation: str = ""
    """Our own words where the reply alone does not say it: the message was given up after five days."""


@dataclass(frozen=True, slots=True)
class Original:
    """The message reported on. ``content`` is all of it, or its header when not ``is_whole``."""

    content: bytes
    is_whole: bool
    arrived: float
    envid: str = ""
    message_id: str = ""


@dataclass(frozen=True, slots=True)
class Report:
    """A report to ``sender``. ``hostname`` names this MTA; ``report_id`` makes Message-ID and boundary; ``now`` is its date."""

    hostname: str
    report_id: str
    sender: str
    now: float
    recipients: tuple[RecipientReport, ...]
    original: Original
    smtputf8: bool = False


_SUBJECTS = {
    Action.FAILED: "Undelivered Mail Returned to Sender",
    Action.DELAYED: "Delayed Mail (still being retried)",
    Action.DELIVERED: "Successful Mail Delivery Report",
    Action.RELAYED: "Successful Mail Delivery Report",
    Action.EXPANDED: "Successful Mail Delivery Report",
}
_OPENINGS = {
    Action.FAILED: "Your message could not be delivered to the recipients below. It is attached.",
    Action.DELAYED: "Your message is not delivered yet to the recipients below. Nothing needs to be done: delivery is still being tried.",
    Action.DELIVERED: "Your message reached the recipients below.",
    Action.RELAYED: "Your message was passed on for the recipients below, by a path that sends no further reports.",
    Action.EXPANDED: "Your message was passed on for the recipients below.",
}
_STATUS_CODE = re.compile(r"[245]\.[0-9]{1,3}\.[0-9]{1,3}")
_DEFAULT_STATUS = {Action.FAILED: "5.0.0", Action.DELAYED: "4.0.0"}


def build(report: Report) -> bytes:
    """The whole message, CRLF line ends; 8-bit only where the original is, or the envelope is internationalised."""
    boundary = _boundary(report)
    parts = [
        _text(report),
        (_status_type(report), _status(report)),
        (_original_type(report), report.original.content),
    ]
    out = [_header(report, boundary)]
    for fields, content in parts:
        out.append(f"\r\n--{boundary}\r\n{fields}\r\n\r\n".encode())
        out.append(content)
    out.append(f"\r\n--{boundary}--\r\n".encode())
    return b"".join(out)


def is_eight_bit(content: bytes) -> bool:
    """Tell whether a message must travel as 8BITMIME."""
    return not content.isascii()


def _boundary(report: Report) -> str:
    """A line that the original does not hold, and always the same one for the same report."""
    number = 0
    while True:
        boundary = sha256(f"{report.report_id}/{number}".encode()).hexdigest()[:32]
        if boundary.encode() not in report.original.content:
            return boundary
        number += 1


def _header(report: Report, boundary: str) -> bytes:
    subject = _SUBJECTS[report.recipients[0].action]
    fields = [
        f"Date: {_date(report.now)}",
        f"From: Mail Delivery System <MAILER-DAEMON@{report.hostname}>",
        f"To: <{_clean(report.sender, utf8=report.smtputf8)}>",
        f"Subject: {subject}",
        f"Message-ID: <{report.report_id}@{report.hostname}>",
        "Auto-Submitted: auto-replied",  # RFC 3834 section 5
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;\r\n boundary="{boundary}"',
    ]
    if report.original.message_id.startswith("<"):
        fields.insert(5, f"References: {_clean(report.original.message_id, utf8=report.smtputf8)}")
    if report.smtputf8 or is_eight_bit(report.original.content):
        fields.append("Content-Transfer-Encoding: 8bit")
    top = "\r\n".join(fields)
    return f"{top}\r\n\r\nThis is a report about mail delivery in MIME format.\r\n".encode()


def _text(report: Report) -> tuple[str, bytes]:
    """The part for people. What a server or a recipient's rules say may be in any language; it travels in ASCII unless the report may be UTF-8."""
    text = _explain(report)
    if report.smtputf8:
        return "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit", text
    if text.isascii():
        return "Content-Type: text/plain; charset=us-ascii", text
    return "Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable", b2a_qp(text)


def _status_type(report: Report) -> str:
    """RFC 6533 section 4 names the internationalised form."""
    if report.smtputf8:
        return "Content-Type: message/global-delivery-status\r\nContent-Transfer-Encoding: 8bit"
    return "Content-Type: message/delivery-status"


def _original_type(report: Report) -> str:
    original = report.original
    if report.smtputf8:
        kind = "message/global" if original.is_whole else "message/global-headers"
    else:
        kind = "message/rfc822" if original.is_whole else "text/rfc822-headers"
    encoding = "\r\nContent-Transfer-Encoding: 8bit" if is_eight_bit(original.content) else ""
    return f"Content-Type: {kind}{encoding}"


def _explain(report: Report) -> bytes:
    """RFC 6522 section 3."""
    lines = [f"This is the mail system at {report.hostname}.", ""]
    opened = None
    for recipient in sorted(report.recipients, key=lambda one: one.action):
        if recipient.action is not opened:
            opened = recipient.action
            lines += [*wrap(_OPENINGS[opened], WIDTH), ""]
        words = f"{recipient.explanation} {_who(recipient)}{recipient.reply}".strip()
        lines.append(f"<{_clean(recipient.address, utf8=report.smtputf8)}>:")
        lines += [f"    {line}" for line in wrap(_clean(words, utf8=True), WIDTH - 4)]
        lines.append("")
    return "\r\n".join(lines).encode()


def _who(recipient: RecipientReport) -> str:
    return f"{recipient.remote_mta} said: " if recipient.remote_mta else ""


def _status(report: Report) -> bytes:
    """The part for programs (RFC 3464 section 2): fields about the message, then a group a recipient."""
    utf8 = report.smtputf8
    message = []
    if report.original.envid:
        message.append(f"Original-Envelope-Id: {_clean(report.original.envid, utf8=utf8)}")
    message += [f"Reporting-MTA: dns; {report.hostname}", f"Arrival-Date: {_date(report.original.arrived)}"]
    groups = [message, *(list(_recipient_fields(recipient, utf8=utf8)) for recipient in report.recipients)]
    return "\r\n\r\n".join("\r\n".join(group) for group in groups).encode() + b"\r\n"


def _recipient_fields(recipient: RecipientReport, *, utf8: bool) -> Iterator[str]:
    """RFC 3464 section 2.3."""
    kind, _, address = recipient.orcpt.partition(";")
    if address:
        yield f"Original-Recipient: {_clean(kind, utf8=utf8)}; {_clean(address, utf8=utf8)}"
    # RFC 6533 section 3: an address that ASCII cannot carry has a type of its own
    final = "rfc822" if recipient.address.isascii() else "utf-8"
    yield f"Final-Recipient: {final}; {_clean(recipient.address, utf8=utf8)}"
    yield f"Action: {recipient.action}"
    yield f"Status: {_status_code(recipient)}"
    if recipient.remote_mta:
        yield f"Remote-MTA: dns; {_clean(recipient.remote_mta, utf8=utf8)}"
        yield from _fold(f"Diagnostic-Code: smtp; {_clean(str(recipient.reply), utf8=utf8)}")
    else:
        # RFC 3464 section 2.3.6: the type says whose words they are; without a peer they are our own
        yield from _fold(f"Diagnostic-Code: x-malleposte; {_clean(recipient.reply.text, utf8=utf8)}")
    if recipient.last_attempt:
        yield f"Last-Attempt-Date: {_date(recipient.last_attempt)}"
    if recipient.retry_until and recipient.action is Action.DELAYED:
        yield f"Will-Retry-Until: {_date(recipient.retry_until)}"


def _status_code(recipient: RecipientReport) -> str:
    """The enhanced code with the class that the action must have: a message that expired failed, whatever was said last."""
    code = recipient.reply.enhanced
    default = _DEFAULT_STATUS.get(recipient.action, "2.0.0")
    if _STATUS_CODE.fullmatch(code) is None:
        return default
    return default[0] + code[1:] if code[0] != default[0] else code


def _fold(field: str) -> Iterator[str]:
    lines = wrap(field, WIDTH, break_long_words=False, break_on_hyphens=False)
    yield lines[0]
    yield from (f" {line[:LINE_BYTES]}" for line in lines[1:])


def _clean(text: str, *, utf8: bool) -> str:
    """Text that cannot break out of its field: no controls, and nothing but ASCII unless the report is internationalised."""
    words = "".join(char if char.isprintable() else " " for char in text)[:LINE_BYTES]
    return words if utf8 else words.encode("ascii", "replace").decode()


def _date(seconds: float) -> str:
    return format_datetime(datetime.fromtimestamp(seconds, UTC))
