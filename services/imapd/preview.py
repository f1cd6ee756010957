"""The beginning of a message's text, for lists of messages (RFC 8970)."""

import html
import re
from collections.abc import Iterator

from services.kernel.mail.decoding import decode_text
from services.kernel.mail.mime import encoding
from services.kernel.mail.mime.structure import Part
from services.kernel.mailbox.served import Content

CHARACTERS = 200
"""RFC 8970 section 3.1: at most 256, and 200 are enough for most uses."""
_RAW_BYTES = 16 * 1024
"""Of a part that is looked at: style sheets may stand before the first word."""
_TAG = re.compile(r"(<[^<>]*>)")
_TAG_NAME = re.compile(r"</?([a-zA-Z]+)")
_UNSEEN_TAGS = frozenset({"head", "script", "style", "title"})


def preview(content: Content, root: Part) -> str:
    """Return the beginning of the text that a person would read first, in one line; empty when there is none. Never fails."""
    parts = list(_texts(root))
    for kind in (b"plain", b"html"):
        for part in parts:
            if part.media.subtype.lower() == kind and (found := _beginning(content, part)):
                return found
    return ""


def _texts(part: Part) -> Iterator[Part]:
    """The text parts, but for those that are attached or lie in a message inside."""
    if part.is_multipart:
        for child in part.children:
            yield from _texts(child)
    elif part.media.is_a(b"text") and not (part.label.disposition and part.label.disposition.word.lower() == b"attachment"):
        yield part


def _beginning(content: Content, part: Part) -> str:
    end = min(part.end, part.body_start + _RAW_BYTES)
    raw = encoding.decode(content, part.body_start, end, part.label.encoding or b"")
    text = decode_text(raw or b"", part.media.parameter(b"charset") or b"utf-8")
    if part.media.subtype.lower() == b"html":
        text = html.unescape("".join(_visible(text))[: 20 * CHARACTERS])
    words = text.replace("\0", "").replace("\ufffd", "").split(maxsplit=CHARACTERS)[:CHARACTERS]
    return " ".join(words)[:CHARACTERS].rstrip()


def _visible(text: str) -> Iterator[str]:
    """The text between the tags, a space in place of each. Linear, whatever the tags."""
    hidden = ""
    for token in _TAG.split(text):
        if found := _TAG_NAME.match(token):
            name = found[1].lower()
            if token.startswith("</"):
                hidden = "" if name == hidden else hidden
            elif not hidden and name in _UNSEEN_TAGS:
                hidden = name
            yield " "
        elif not hidden and not token.startswith("<"):
            yield token
