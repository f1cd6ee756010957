"""Mail as a person reads it: encoded words and charsets undone. Never fails: what cannot be undone stays as it is."""

import binascii
import codecs
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache

from services.kernel.mail.mime import encoding

_ENCODED_WORD = re.compile(rb"=\?([A-Za-z0-9._:+-]{1,40})(?:\*[A-Za-z0-9-]*)?\?([BbQq])\?([^? ]*)\?=(?:[ \t]+(?==\?))?")
"""RFC 2047 section 2; white space between two of them is none (section 6.2)."""
_NOT_FOR_MAIL = frozenset({"idna", "punycode", "raw-unicode-escape", "raw_unicode_escape", "undefined", "unicode-escape", "unicode_escape"})
"""Codecs of Python that no mail is written in; some take quadratic time."""

_NOT_IN_PIECES = frozenset({"utf-16", "utf-32"})
"""Python reads them in pieces only when they begin with a byte order mark."""


def decode_header(value: bytes) -> str:
    """Return an unfolded header value with its encoded words decoded (RFC 2047)."""
    if b"=?" not in value:
        return decode_text(value, b"utf-8")
    pieces = []
    at = 0
    for found in _ENCODED_WORD.finditer(value):
        pieces.append(decode_text(value[at : found.start()], b"utf-8"))
        raw = encoding.from_base64(found[3], 0, len(found[3])) if found[2] in b"Bb" else binascii.a2b_qp(found[3], header=True)
        pieces.append(decode_text(raw, found[1]))
        at = found.end()
    pieces.append(decode_text(value[at:], b"utf-8"))
    return "".join(pieces)


def decode_text(raw: bytes, charset: bytes) -> str:
    """What says to be ASCII, or says nothing, is often UTF-8, which holds ASCII; what is in no charset we know has at least its ASCII right."""
    return raw.decode(_reading_name(charset), "replace")


def decode_pieces(pieces: Iterable[bytes], charset: bytes) -> Iterator[str]:
    """The same for a text in pieces, which may end within a character."""
    name = _reading_name(charset)
    if name in _NOT_IN_PIECES:
        yield b"".join(pieces).decode(name, "replace")
        return
    decoder = codecs.getincrementaldecoder(name)("replace")
    for piece in pieces:
        yield decoder.decode(piece)
    yield decoder.decode(b"", final=True)


def _reading_name(charset: bytes) -> str:
    name = find_charset(charset) or "latin-1"
    return "utf-8" if name == "ascii" else name


@lru_cache(maxsize=256)
def find_charset(name: bytes) -> str | None:
    """Return Python's name of a charset; ``None`` when it is not known or none that mail is written in."""
    try:
        codec = codecs.lookup(name.decode("ascii"))
        bytes(4).decode(codec.name)  # refuses codecs from bytes to bytes, such as zlib
    except (LookupError, ValueError):
        return None
    return None if codec.name in _NOT_FOR_MAIL else codec.name
