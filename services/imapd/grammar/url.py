"""URLs of messages and their parts on this server (RFC 5092), as CATENATE names them."""

import re
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from services.imapd.grammar.fetch import parse_section
from services.imapd.grammar.requests import Section
from services.imapd.grammar.scanner import BadSyntax

_NUMBER = r"[0-9]{1,10}"
_URL = re.compile(
    r"(?:(?i:imap)://(?:(?P<user>[^/@;]*)(?:;[^/@]*)?@)?(?P<host>[^/@]+))?"
    r"(?:/(?P<mailbox>[^;/][^;]*?))?(?:;(?i:uidvalidity)=(?P<uidvalidity>" + _NUMBER + r"))?"
    r"/?;(?i:uid)=(?P<uid>" + _NUMBER + r")"
    r"(?:/?;(?i:section)=(?P<section>[^;]+?))?"
    r"(?:/?;(?i:partial)=(?P<first>" + _NUMBER + r")(?:\.(?P<count>" + _NUMBER + r"))?)?/?"
)


@dataclass(frozen=True, slots=True)
class MessageUrl:
    """A message, or what ``section`` and ``partial`` leave of it. Without a mailbox it is in the selected one.

    ``host`` and ``user`` are empty in a relative URL. A ``partial`` without a count goes on to the end.
    """

    host: str
    user: str
    mailbox: str
    uidvalidity: int | None
    uid: int
    section: Section
    partial: tuple[int, int] | None


def parse_url(text: bytes) -> MessageUrl | None:
    """Read a URL of a message; ``None`` for any other."""
    try:
        found = _URL.fullmatch(text.decode("ascii"))
        if found is None:
            return None
        mailbox = _decoded(found["mailbox"] or "").rstrip("/")
        section, _ = parse_section(_decoded(found["section"] or "").encode("ascii"))
    except (ValueError, BadSyntax):
        return None
    partial = (int(found["first"]), int(found["count"]) if found["count"] else 1 << 32) if found["first"] else None
    uidvalidity = int(found["uidvalidity"]) if found["uidvalidity"] else None
    host, user = (found["host"] or "").partition(":")[0].lower(), _decoded(found["user"] or "")
    return MessageUrl(host, user, mailbox, uidvalidity, int(found["uid"]), section, partial)


def _decoded(text: str) -> str:
    """Undo ``%XX``; what is encoded is UTF-8 (RFC 5092 section 3)."""
    return unquote_to_bytes(text).decode()
