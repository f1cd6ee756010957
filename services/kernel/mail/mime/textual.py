"""From binary to text: a message with parts in the encoding ``binary`` in a form that every reader of mail takes (RFC 3516 section 4.4).

Each such part is encoded in base64, in its place, and says so; what encloses it says ``8bit``. All else stays byte for byte.
"""

import base64
from collections.abc import Iterator

from services.kernel.mail.mime import fields
from services.kernel.mail.mime.structure import Content, Part, scan

_LINE_BYTES = 57
"""Octets that make 76 characters, the longest line (RFC 2045 section 6.8)."""
_BLOCK_BYTES = 1024 * _LINE_BYTES
_UNENCODED = (None, b"7bit", b"8bit", b"binary")
_ENCODING = b"content-transfer-encoding"


def pieces(content: Content) -> Iterator[bytes]:
    """Yield the message without binary parts, in pieces of some 80 kB at most."""
    root = scan(content)
    position = 0
    for start, end, replacement in _changes(content, root):
        yield from _copied(content, position, start)
        yield from replacement
        position = end
    yield from _copied(content, position, len(content))


def _changes(content: Content, part: Part) -> Iterator[tuple[int, int, Iterator[bytes]]]:
    """What is put in the place of which octets, in order."""
    if part.children:
        if _encoding(part) == b"binary":
            yield part.start, part.body_start, iter((_header(content, part, b"8bit"),))
        for child in part.children:
            yield from _changes(content, child)
    elif _encoding(part) == b"binary" or (_encoding(part) in _UNENCODED and content.find(b"\0", part.body_start, part.end) >= 0):
        yield part.start, part.end, _encoded(content, part)


def _encoding(part: Part) -> bytes | None:
    return part.label.encoding.lower() if part.label.encoding is not None else None


def _encoded(content: Content, part: Part) -> Iterator[bytes]:
    yield _header(content, part, b"base64")
    for start in range(part.body_start, part.end, _BLOCK_BYTES):
        lines = base64.encodebytes(content[start : min(start + _BLOCK_BYTES, part.end)]).replace(b"\n", b"\r\n")
        is_last = start + _BLOCK_BYTES >= part.end
        # the line end before a boundary belongs to that, and the last line of a message has one
        yield lines.removesuffix(b"\r\n") if is_last and part.end < len(content) else lines


def _header(content: Content, part: Part, encoding: bytes) -> bytes:
    kept = b"".join(field for name, field in fields.split(content[part.start : part.body_start]) if name != _ENCODING)
    if kept and not kept.endswith(b"\n"):
        kept += b"\r\n"
    return kept + b"Content-Transfer-Encoding: " + encoding + b"\r\n\r\n"


def _copied(content: Content, start: int, end: int) -> Iterator[bytes]:
    for at in range(start, end, _BLOCK_BYTES):
        yield content[at : min(at + _BLOCK_BYTES, end)]
