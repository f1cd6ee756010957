"""The workload whose history is checked, and the quick check: what was accepted must arrive. ``checker`` judges the whole history.

A ``Workload`` sends messages that each carry a unique key in a header, and writes down what the server said about each. Afterwards ``check`` compares
with what is in the mailboxes: a message that got ``250`` and is nowhere is lost; one that is there more than once is a duplicate, which the
protocol allows only where a connection was lost after the final dot or a crash hid an answer, and which is therefore counted.
"""

import collections
import hashlib
import re
import smtplib
import threading
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

KEY_HEADER = "X-Lab-Key"
_KEY = re.compile(rb"(?im)^x-lab-key: *(\S+?)\r?$")


@dataclass(slots=True)
class Workload:
    """What was sent and what became of it at the front door. ``accepted`` and ``refused`` hold ``(key, recipient)``."""

    accepted: set[tuple[str, str]] = field(default_factory=set)
    refused: set[tuple[str, str]] = field(default_factory=set)
    unknown: set[tuple[str, str]] = field(default_factory=set)
    sent: dict[str, float] = field(default_factory=dict)
    """Key -> when it was first offered, in seconds since the epoch."""
    digests: dict[str, str] = field(default_factory=dict)
    """Key -> SHA-256 of its body, with ``\\n`` as line ends."""
    _lock: threading.Lock = field(default_factory=threading.Lock)

    @property
    def marks(self) -> set[tuple[str, str]]:
        """All that was offered, whatever was said about it."""
        return self.accepted | self.refused | self.unknown

    def send(self, client: smtplib.SMTP, sender: str, recipients: list[str], key: str, body: bytes = b"hello\r\n") -> bool:
        """Send one message on an open connection; return whether the connection can be used again."""
        marks = {(key, recipient) for recipient in recipients}
        self.sent.setdefault(key, time.time())
        self.digests[key] = hashlib.sha256(body.replace(b"\r\n", b"\n")).hexdigest()
        try:
            some = {(key, recipient) for recipient in client.sendmail(sender, recipients, message(key, sender, recipients, body))}
        except smtplib.SMTPResponseException:
            return self._note(self.refused, marks, usable=False)
        except smtplib.SMTPRecipientsRefused:
            return self._note(self.refused, marks, usable=True)
        except (OSError, smtplib.SMTPException):
            return self._note(self.unknown, marks, usable=False)
        self._note(self.refused, some, usable=True)
        return self._note(self.accepted, marks - some, usable=True)

    def _note(self, where: set[tuple[str, str]], marks: set[tuple[str, str]], *, usable: bool) -> bool:
        with self._lock:
            where |= marks
        return usable

    def run(self, connect: Callable[[], smtplib.SMTP], sender: str, recipients: list[str], keys: Iterable[str]) -> None:
        """Send one message for each key, connecting anew whenever the connection is lost."""
        client: smtplib.SMTP | None = None
        for key in keys:
            try:
                client = client or connect()
            except (OSError, smtplib.SMTPException):
                self._note(self.refused, {(key, recipient) for recipient in recipients}, usable=False)
                continue
            if not self.send(client, sender, recipients, key):
                client.close()
                client = None
        if client is not None:
            client.close()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The comparison of a workload with the mailboxes."""

    accepted: int
    lost: list[tuple[str, str]]
    duplicates: int

    def __str__(self) -> str:
        return f"{self.accepted} accepted, {len(self.lost)} lost, {self.duplicates} duplicates"


def check(workload: Workload, mailboxes: dict[str, list[bytes]]) -> Verdict:
    """Compare with the mailboxes: recipient -> contents."""
    found = collections.Counter(
        (match[1].decode(), recipient) for recipient, contents in mailboxes.items() for content in contents if (match := _KEY.search(content))
    )
    lost = sorted(mark for mark in workload.accepted if not found[mark])
    return Verdict(len(workload.accepted), lost, sum(count - 1 for count in found.values()))


def message(key: str, sender: str, recipients: list[str], body: bytes) -> bytes:
    """A small message that carries its key."""
    head = f"From: <{sender}>\r\nTo: {', '.join(recipients)}\r\nSubject: {key}\r\nMessage-ID: <{key}@lab.test>\r\n{KEY_HEADER}: {key}\r\n\r\n"
    return head.encode() + body
