"""What the catalogue keeps of a message."""

import msgspec

FIELDS = ("from", "to", "cc", "bcc", "subject", "message-id", "in-reply-to", "references", "reply-to", "sender", "list-id")
"""Header fields that are kept for searching: those that mail programs ask for."""
MOST_CHARACTERS = 200_000
"""Kept of the header and of the body of one message: a book chapter; nearly all mail is shorter."""
MOST_FIELD_CHARACTERS = 20_000
"""Kept of one header field: 500 addresses. Of a longer one nothing is kept, and the message is looked at."""


class Heading(msgspec.Struct, frozen=True, gc=False):
    """Facts of a header. Texts are folded.

    ``sent`` is the Date field in seconds since the epoch and ``day`` its day as written there (``date.toordinal``), ``None`` without a
    date that makes sense. ``base`` is the base subject and ``is_reply`` whether that of a reply or forward (RFC 5256 sections 2.1 and 3). The
    mailboxes and displayed names are those of the first address (RFC 5256 section 3, RFC 5957). ``ids`` are hashes of 8 bytes: of the
    message's own id, zeros for none, then of those it refers to. ``fields`` are the values of ``FIELDS``, several joined by line feeds, ``None``
    where there is no such field.
    """

    sent: int | None
    day: int | None
    base: str
    is_reply: bool
    from_mailbox: str
    to_mailbox: str
    cc_mailbox: str
    display_from: str
    display_to: str
    ids: bytes
    fields: tuple[str | None, ...]

    @property
    def is_complete(self) -> bool:
        """Whether it can be kept: no field is beyond the limit."""
        return all(value is None or len(value) <= MOST_FIELD_CHARACTERS for value in self.fields)


class SortFacts(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What of a ``Heading`` matters for the order of messages."""

    sent: int | None
    base: str
    is_reply: bool
    from_mailbox: str
    to_mailbox: str
    cc_mailbox: str
    display_from: str
    display_to: str
    ids: bytes


class Words(msgspec.Struct, frozen=True, gc=False):
    """The texts of a message: its header, and the text of its parts. Folded, without NUL."""

    header: str
    body: str

    @property
    def is_whole(self) -> bool:
        """Whether all of it can be kept."""
        return len(self.header) <= MOST_CHARACTERS and len(self.body) <= MOST_CHARACTERS
