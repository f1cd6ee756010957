"""From a message to what the catalogue keeps of it."""

import hashlib
import re

from services.imapd import datefield
from services.imapd.datefield import Sent
from services.imapd.subject import base_subject
from services.imapd.text import Document, comparable_line
from services.kernel.mail.decoding import decode_header
from services.kernel.mail.mime.addresses import Address, parse
from services.kernel.mailbox.catalog.records import FIELDS, MOST_CHARACTERS, Heading, Words

MAX_IDS = 1_000
"""Of one References field that count; mail programs keep the first and the last dozen."""
MAX_IDS_BYTES = 1 << 16
"""Of such a field that are looked at, the last ones: 1,000 ids."""
MAX_KEY_CHARACTERS = 1_000
"""Of a name or subject by which messages are put in order: the longest line (RFC 5322 section 2.1.1). Messages that differ beyond are equal."""
_NO_ID = bytes(8)
_MESSAGE_ID = re.compile(rb'<((?:[^<>"@\s]++|"(?:[^"\\]|\\.){0,250}+"){1,8}+)@([^<>@\s]++)>')
"""Nothing is tried a second time, and little looked at from each ``<``: strangers write these. A quoted string may hold ``<``, so it is bounded, by a
quarter of the longest line (RFC 5322 section 2.1.1)."""
_QUOTED = re.compile(rb'"((?:[^"\\]|\\.)*)"')
_ESCAPE = re.compile(rb"\\(.)")


def sent(document: Document) -> Sent | None:
    """Return when a message was sent; ``None`` without a Date field that makes sense."""
    values = document.raw(b"date")
    return datefield.parse(values[0]) if values else None


def heading(document: Document) -> Heading:
    """Return the facts of a header. Never fails."""
    when = sent(document)
    subjects = document.raw(b"subject")
    base, is_reply = base_subject(decode_header(subjects[0]) if subjects else "")
    author, recipient, copied = (_first_address(document, name) for name in (b"from", b"to", b"cc"))
    return Heading(
        when.seconds if when else None,
        when.day.toordinal() if when else None,
        _key(base),
        is_reply,
        _mailbox(author),
        _mailbox(recipient),
        _mailbox(copied),
        _displayed(author),
        _displayed(recipient),
        _ids(document),
        tuple("\n".join(values) if (values := document.field(name.encode())) else None for name in FIELDS),
    )


def words(document: Document) -> Words:
    """Return the texts of a message, cut where more than what is kept would be no use. Never fails."""
    return Words(*document.beginnings(MOST_CHARACTERS))


def _key(text: str) -> str:
    return comparable_line(text[:MAX_KEY_CHARACTERS])[:MAX_KEY_CHARACTERS]


def _first_address(document: Document, name: bytes) -> Address:
    return next((address for value in document.raw(name) for address in parse(value)), Address())


def _mailbox(address: Address) -> str:
    """RFC 5256 section 3: ``addr-mailbox`` of ENVELOPE."""
    return _key((address.mailbox or b"").decode("utf-8", "replace"))


def _displayed(address: Address) -> str:
    """RFC 5957 section 3: the displayed name, or the address where there is none."""
    if address.name:
        return _key(decode_header(address.name))
    if address.mailbox is None or address.host is None:
        return _mailbox(address)
    full = b"%b@%b" % (address.mailbox, address.host)
    return _key(full.decode("utf-8", "replace"))


def _ids(document: Document) -> bytes:
    """RFC 5256 section 3, step 1: the message's own id, then what it refers to; In-Reply-To counts only without References."""
    own = [one for value in document.raw(b"message-id")[:1] for one in _found(value)][:1]
    parents = [one for value in document.raw(b"references")[:1] for one in _found(value)][-MAX_IDS:]
    if not parents:
        parents = [one for value in document.raw(b"in-reply-to")[:1] for one in _found(value)][:1]
    return b"".join((own or [_NO_ID]) + parents)


def _found(value: bytes) -> list[bytes]:
    return [_hash(left, right) for left, right in _MESSAGE_ID.findall(value[-MAX_IDS_BYTES:])]


def _hash(left: bytes, right: bytes) -> bytes:
    """Ids that differ only in quoting are the same (RFC 5256 section 3, step 1)."""
    if b'"' in left:
        left = _QUOTED.sub(lambda quoted: _ESCAPE.sub(rb"\1", quoted[1]), left)
    return hashlib.blake2b(left + b"@" + right, digest_size=len(_NO_ID)).digest()
