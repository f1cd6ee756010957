"""The facts of IMAP's ENVELOPE: who, to whom, when, about what (RFC 3501 section 7.4.2)."""

import re

import msgspec

from services.kernel.mail.mime.addresses import Address, parse
from services.kernel.mail.mime.fields import join, unfold

MAX_HEADER_BYTES = 1 << 20
"""Ten times what Postfix lets a header have (``header_size_limit``); fields beyond are not read."""

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
    lists: dict[bytes, tuple[Address, ...]] = {}
    for name, raw in _FIELD.findall(header[:MAX_HEADER_BYTES]):
        key = name.lower()
        if key in (b"date", b"subject", b"in-reply-to", b"message-id"):
            texts[key] = unfold(raw) if key == b"subject" else join(raw)
        else:
            lists[key] = lists.get(key, ()) + parse(join(raw))
    author = lists.get(b"from", ())
    return Envelope(
        texts.get(b"date"),
        texts.get(b"subject"),
        author,
        lists.get(b"sender") or author,
        lists.get(b"reply-to") or author,
        lists.get(b"to", ()),
        lists.get(b"cc", ()),
        lists.get(b"bcc", ()),
        texts.get(b"in-reply-to"),
        texts.get(b"message-id"),
    )
