"""Messages that a user's rules send in his name: the answer of a vacation (RFC 5230), a notification (RFC 5436). Pure functions."""

from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP, SMTPUTF8
from email.utils import getaddresses

from services.kernel.mail.headers import format_date
from services.kernel.sieve.actions import Notify, Vacation

REFERENCES_CHARACTERS = 2000
"""Of the identities that an answer refers to; the first and oldest go."""
FIELD_CHARACTERS = 2000
"""Of any other field."""
_IMPORTANCE = {1: ("high", "1 (Highest)"), 2: ("normal", "3 (Normal)"), 3: ("low", "5 (Lowest)")}


@dataclass(frozen=True, slots=True)
class Occasion:
    """The message that made the rules act, and who acts. ``head`` is its header section, ``identity`` the id of the new message."""

    owner: str
    hostname: str
    identity: str
    now: float
    sender: str
    head: bytes

    @property
    def message_id(self) -> str:
        """The Message-ID of the new message."""
        return f"<{self.identity}@{self.hostname}>"


def answer(action: Vacation, occasion: Occasion) -> bytes:
    """RFC 5230 section 5: what the answer of a vacation says of itself."""
    fields = [
        ("From", action.sender or action.addressee or occasion.owner),
        ("To", action.to or action.recipient),
        ("Subject", action.subject),
        ("In-Reply-To", action.message_id),
        ("References", _references(action)),
        ("Auto-Submitted", "auto-replied (vacation)"),
        ("Precedence", "bulk"),
        ("X-Auto-Response-Suppress", "All"),
    ]
    if action.is_mime:
        return _entity(_message(fields, occasion), action.reason)
    message = _message(fields, occasion)
    message.set_content(_clean(action.reason))
    return message.as_bytes()


def notification(action: Notify, occasion: Occasion) -> bytes:
    """RFC 5436 section 2: a message about a message. It carries the trace of the other, so that a circle is found (section 2.7.1)."""
    own = {name.lower(): value for name, value in action.fields}
    word, priority = _IMPORTANCE.get(action.importance, _IMPORTANCE[2])
    fields = [
        ("From", action.sender or occasion.owner),
        ("To", ", ".join(action.recipients)),
        ("Cc", ", ".join(action.copies)),
        ("Subject", action.message or own.get("subject", "") or f"New message from {occasion.sender or 'a mail system'}"),
        ("Importance", word),
        ("X-Priority", priority),
        ("Auto-Submitted", f'auto-notified; owner-email="{occasion.owner}"'),
        ("Precedence", "bulk"),
        *action.fields,  # last: what is there already stays
    ]
    message = _message(fields, occasion)
    message.set_content(_clean(action.body or f"A message from {occasion.sender or 'a mail system'} has arrived for {occasion.owner}.\n"))
    return received_fields(occasion.head) + message.as_bytes()


def is_international(*values: str) -> bool:
    """Whether address fields have an address outside ASCII, so that the message needs SMTPUTF8 (RFC 6531); names are encoded."""
    return not all(address.isascii() for _, address in getaddresses(values))


def received_fields(head: bytes) -> bytes:
    """The Received fields of a header section, as they are."""
    kept, is_kept = list[bytes](), False
    for line in head.splitlines(keepends=True):
        is_kept = is_kept if line.startswith((b" ", b"\t")) else line.lower().startswith(b"received:")
        if is_kept:
            kept.append(line)
    return b"".join(kept)


def _message(fields: list[tuple[str, str]], occasion: Occasion) -> EmailMessage:
    message = EmailMessage(SMTPUTF8 if is_international(*(value for name, value in fields if name in ("From", "To", "Cc"))) else SMTP)
    message["Date"] = format_date(int(occasion.now))
    message["Message-ID"] = occasion.message_id
    for name, value in fields:
        text = " ".join(_clean(value).split())
        if text and name not in message:
            message[name] = text if name == "References" else text[:FIELD_CHARACTERS]
    return message


def _references(action: Vacation) -> str:
    """RFC 5322 section 3.6.4: those of the message, then its own."""
    known = action.references.split()
    words = known if action.message_id in known or not action.message_id else [*known, action.message_id]
    while words and sum(map(len, words)) > REFERENCES_CHARACTERS:
        words = words[1:]
    return " ".join(words)


def _entity(message: EmailMessage, reason: str) -> bytes:
    """The header of ``message`` before a MIME entity: of its header only what describes content may come along."""
    text = "\n".join(_clean(reason).splitlines())
    head, _, body = text.partition("\n\n") if not text.startswith("\n") else ("", "", text[1:])
    kept, is_kept = list[str](), False
    for line in head.split("\n"):
        is_kept = is_kept if line.startswith((" ", "\t")) else line.lower().startswith("content-")
        if is_kept:
            kept.append(line)
    own = message.as_bytes().partition(b"\r\n\r\n")[0]
    lines = ["MIME-Version: 1.0", *kept, "", *body.split("\n")]
    return own + b"\r\n" + "\r\n".join(lines).encode() + b"\r\n"


def _clean(text: str) -> str:
    """Text without what is no UTF-8."""
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
