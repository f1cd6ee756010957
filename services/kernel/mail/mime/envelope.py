"""The facts of IMAP's ENVELOPE: who, to whom, when, about what (RFC 3501 section 7.4.2)."""

import re

import msgspec

from services.kernel.mail.mime.addresses import Address, parse
from services.kernel.mail.mime.fields import MAX_HEADER_BYTES, join, unfold

MAX_ADDRESSES = 5_000
"""In each list, over all its fields: what fills a field as long as is read (``addresses.MAX_FIELD_BYTES``). Those beyond are left out."""

_FIELD = re.compile(
    rb"^(date|subject|from|sender|reply-to|to|cc|bcc|in-reply-to|message-id)[ \t]*:([^\n]*(?:\n[ \t][^\n]*)*)",
    re.IGNORECASE | re.MULTILINE,
)


class Envelope(msgspec.Struct, frozen=True, gc=False):
    """Texts are unfolded and otherwise as written, ``None`` where there is no such field; lists are empty where there is none."""

    date: bytes | None
    subject: bytes | None
    from_: tuple[Address, ...]
    sender: tuple[Address, ...]
    reply_to: tuple[Address, ...]
    to: tuple[Address, ...]
    cc: tuple[Address, ...]
    bcc: tuple[Address, ...]
    in_reply_to: bytes | None
    message_id: bytes | None


def envelope(header: bytes) -> Envelope:
    """Read the facts from a header.

    Of a repeated text the last counts, repeated lists are joined, both as in Dovecot. A missing or empty Sender or Reply-To is
    From (RFC 3501 section 7.4.2).
    """
    texts: dict[bytes, bytes] = {}
    lists: dict[bytes, list[Address]] = {}
    for match in _FIELD.finditer(header[:MAX_HEADER_BYTES]):
        key, raw = match[1].lower(), match[2]
        if key in (b"date", b"subject", b"in-reply-to", b"message-id"):
            texts[key] = unfold(raw) if key == b"subject" else join(raw)
        elif (left := MAX_ADDRESSES - len(lists.setdefault(key, []))) > 0:
            lists[key].extend(parse(join(raw), left))
    author = tuple(lists.get(b"from", ()))
    return Envelope(
        texts.get(b"date"),
        texts.get(b"subject"),
        author,
        tuple(lists.get(b"sender", ())) or author,
        tuple(lists.get(b"reply-to", ())) or author,
        tuple(lists.get(b"to", ())),
        tuple(lists.get(b"cc", ())),
        tuple(lists.get(b"bcc", ())),
        texts.get(b"in-reply-to"),
        texts.get(b"message-id"),
    )
