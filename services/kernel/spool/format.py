"""The queue file as bytes; no I/O.

::

    malleposte-queue 1 00000215 000002 00000118 000000004096      version, then bytes of envelope, recipients, bytes of them, bytes of content
    -d                                                            one status byte a recipient
    {"queue_id":...}                                              envelope
    {"address":...}                                               a line a recipient
    {"address":...}
    Received: from ...                                            content, byte for byte

Numbers have fixed width, so the status bytes always begin at the same offset and content at one that the first line gives. Dashes
in place of the last number mean that the content is still being written.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

import msgspec

from services.kernel.mail.envelope import Envelope, Recipient

MAGIC = b"malleposte-queue 1 "
_WIDTHS = (8, 6, 8, 12)
HEAD_BYTES = len(MAGIC) + sum(_WIDTHS) + len(_WIDTHS)
STATUS_OFFSET = HEAD_BYTES
_OPEN = b"-" * _WIDTHS[3]
MAX_PREFIX_BYTES = 64 * 1024 * 1024
"""Over 100,000 recipients; a larger number in a version line is damage."""


class Status(IntEnum):
    """What is still to do for a recipient, as it stands in the file."""

    PENDING = ord("-")
    WARNED = ord("w")
    """Pending, and the sender was told of the delay."""
    SENT = ord("s")
    """Delivered, and the sender asked to be told and was not yet."""
    DELIVERED = ord("d")
    FAILED = ord("f")
    """Failed for good, and the sender is to be told and was not yet."""
    CLOSED = ord("x")
    """Failed for good, and nobody is left to be told."""

    @property
    def is_pending(self) -> bool:
        """A delivery is still to be tried."""
        return self in (Status.PENDING, Status.WARNED)

    @property
    def is_owed(self) -> bool:
        """A report to the sender is still to be made."""
        return self in (Status.SENT, Status.FAILED)


_KNOWN = bytes(Status)


class Corrupt(ValueError):
    """The file is not what the store writes; the words say where it ceases to be."""


class Unfinished(Exception):
    """The content is still being written, or its writer died before it promised anything."""


class Truncated(Unfinished):
    """The file is shorter than it says: its last write is under way, or it lost its end."""


@dataclass(frozen=True, slots=True)
class Layout:
    """The numbers of a version line. ``content_bytes`` is -1 while the content is being written."""

    envelope_bytes: int
    recipients: int
    recipient_bytes: int
    content_bytes: int

    @property
    def content_offset(self) -> int:
        """Where the content begins."""
        return HEAD_BYTES + self.recipients + 1 + self.envelope_bytes + self.recipient_bytes

    @property
    def file_bytes(self) -> int:
        """The length of the whole file."""
        return self.content_offset + self.content_bytes

    def encode(self) -> bytes:
        """The version line."""
        content = b"%012d" % self.content_bytes if self.content_bytes >= 0 else _OPEN
        return b"%b%08d %06d %08d %b\n" % (MAGIC, self.envelope_bytes, self.recipients, self.recipient_bytes, content)


@dataclass(slots=True)
class QueueFile:
    """What stands before the content. ``statuses`` is one ``Status`` value a recipient."""

    layout: Layout
    envelope: Envelope
    recipients: list[Recipient]
    statuses: bytearray


_encoder = msgspec.json.Encoder()
_envelope_decoder = msgspec.json.Decoder(Envelope)
_recipient_decoder = msgspec.json.Decoder(Recipient)


@dataclass(frozen=True, slots=True)
class Prefix:
    """All of a new file but its content, whose length may come later."""

    layout: Layout
    rest: bytes

    def encode(self, content_bytes: int) -> bytes:
        """The bytes before content of this length; -1 while it is not known. The length of the result is always the same."""
        layout = self.layout
        return Layout(layout.envelope_bytes, layout.recipients, layout.recipient_bytes, content_bytes).encode() + self.rest


def prefix(envelope: Envelope, recipients: Sequence[Recipient]) -> Prefix:
    """What a new file begins with: every recipient pending."""
    table = _encoder.encode_lines(recipients)
    first = _encoder.encode(envelope) + b"\n"
    layout = Layout(len(first), len(recipients), len(table), -1)
    return Prefix(layout, bytes([Status.PENDING]) * len(recipients) + b"\n" + first + table)


def parse_layout(head: bytes) -> Layout:
    """Read the version line from the first ``HEAD_BYTES`` of a file. Raises ``Corrupt``, or ``Unfinished`` for less."""
    if not head:
        raise Unfinished("empty")
    if len(head) < HEAD_BYTES and (MAGIC.startswith(head[: len(MAGIC)])):
        raise Truncated("shorter than a version line")
    if len(head) < HEAD_BYTES or not head.startswith(MAGIC) or head[HEAD_BYTES - 1] != 0x0A:
        raise Corrupt("no version line")
    fields = head[len(MAGIC) : HEAD_BYTES - 1].split(b" ")
    if tuple(map(len, fields)) != _WIDTHS or not all(field.isdigit() for field in fields[:3]):
        raise Corrupt("version line with wrong numbers")
    if fields[3] == _OPEN:
        content = -1
    elif fields[3].isdigit():
        content = int(fields[3])
    else:
        raise Corrupt("version line with wrong numbers")
    layout = Layout(int(fields[0]), int(fields[1]), int(fields[2]), content)
    if layout.content_offset > MAX_PREFIX_BYTES:
        raise Corrupt("version line with absurd numbers")
    return layout


def parse(layout: Layout, block: bytes, file_bytes: int) -> QueueFile:
    """Read what stands before the content; ``block`` holds the file at least up to there. Raises ``Corrupt`` or ``Unfinished``."""
    if layout.content_bytes < 0:
        raise Unfinished("content is being written")
    if file_bytes < layout.file_bytes:
        raise Truncated(f"{file_bytes} bytes long instead of {layout.file_bytes}")
    if file_bytes > layout.file_bytes:
        raise Corrupt(f"{file_bytes} bytes long instead of {layout.file_bytes}")
    end = STATUS_OFFSET + layout.recipients
    statuses = bytearray(block[STATUS_OFFSET:end])
    if statuses.translate(None, _KNOWN) or block[end : end + 1] != b"\n":
        raise Corrupt("status bytes with other values")
    middle = end + 1 + layout.envelope_bytes
    try:
        envelope = _envelope_decoder.decode(block[end + 1 : middle])
        recipients = _recipient_decoder.decode_lines(block[middle : layout.content_offset])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Corrupt(f"envelope or recipients: {error}") from None
    if len(recipients) != layout.recipients or not recipients:
        raise Corrupt(f"{len(recipients)} recipients instead of {layout.recipients}")
    return QueueFile(layout, envelope, recipients, statuses)
