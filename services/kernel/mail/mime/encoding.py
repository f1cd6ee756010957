"""Transfer encodings undone (RFC 2045 section 6), piece by piece and whatever is wrong with the text."""

import binascii
import re
from collections.abc import Iterator

from services.kernel.mail.mime.structure import Content

_PIECE_BYTES = 1 << 20
_NOT_BASE64 = re.compile(rb"[^A-Za-z0-9+/=]+")
_TRAILING_SPACE = re.compile(rb"(?<![ \t])[ \t]++(?=\r?\n|\Z)")
"""Looked for only where white space begins: from each blank of a long run on, it would take quadratic time."""
_IDENTITY = frozenset({b"", b"7bit", b"8bit", b"binary"})


def decode(content: Content, start: int, end: int, encoding: bytes) -> bytes | None:
    """Return what a body that lies in ``content`` means in its encoding (compared without case); ``None`` for an encoding that is not known."""
    found = pieces(content, start, end, encoding)
    return None if found is None else b"".join(found)


def pieces(content: Content, start: int, end: int, encoding: bytes) -> Iterator[bytes] | None:
    """The same in pieces, of a mebibyte or two at most."""
    match encoding.strip().lower():
        case b"base64":
            return _from_base64(content, start, end)
        case b"quoted-printable":
            return _from_quoted_printable(content, start, end)
        case word if word in _IDENTITY:
            return (content[at : min(at + _PIECE_BYTES, end)] for at in range(start, end, _PIECE_BYTES))
        case _:
            return None


def from_base64(content: Content, start: int, end: int) -> bytes:
    """Decode what there is, complete or not: what is no letter of base64 is passed over (section 6.8), and padding ends it."""
    return b"".join(_from_base64(content, start, end))


def _from_base64(content: Content, start: int, end: int) -> Iterator[bytes]:
    left = b""
    for at in range(start, end, _PIECE_BYTES):
        letters, padding, _ = (left + _NOT_BASE64.sub(b"", content[at : min(at + _PIECE_BYTES, end)])).partition(b"=")
        whole = len(letters) - len(letters) % 4
        yield binascii.a2b_base64(letters[:whole])
        left = letters[whole:]
        if padding:
            break
    if len(left) > 1:
        yield binascii.a2b_base64(left + b"=" * (-len(left) % 4))


def _from_quoted_printable(content: Content, start: int, end: int) -> Iterator[bytes]:
    """White space before a line end was added on the way (section 6.7, rule 3). Pieces end with a line, unless one is a mebibyte long."""
    while start < end:
        line_end = content.find(b"\n", min(start + _PIECE_BYTES, end), min(start + 2 * _PIECE_BYTES, end))
        stop = line_end + 1 if line_end >= 0 else _before_escape(content, min(start + 2 * _PIECE_BYTES, end), end)
        yield binascii.a2b_qp(_TRAILING_SPACE.sub(b"", content[start:stop]))
        start = stop


def _before_escape(content: Content, stop: int, end: int) -> int:
    """No place within ``=C3``."""
    escape = content.find(b"=", stop - 2, stop)
    return escape if stop < end and escape >= 0 else stop
