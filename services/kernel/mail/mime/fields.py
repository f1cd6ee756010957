"""Header fields: cutting a header into fields, choosing some of them, unfolding a value."""

import re
from collections.abc import Collection, Iterator

MAX_HEADER_BYTES = 1 << 20
"""Ten times what Postfix lets a header have (``header_size_limit``); of what is beyond, no facts are told."""

_FIELD = re.compile(rb"[^\n]*(?:\n[ \t][^\n]*)*\n?")
"""One field: a line and those that continue it (RFC 5322 section 2.2.3). Matches nothing only at the end."""
_IS_CLOSED = re.compile(rb"(?:\A|\n)\r?\n\Z")
_BARE_LF = re.compile(rb"(?<!\r)\n")


def split(header: bytes) -> Iterator[tuple[bytes, bytes]]:
    """Yield ``(name in lower case, whole field with its line end)``; the name is empty where a line has no colon.

    Ends at the empty line that closes the header, which is not yielded.
    """
    for match in _FIELD.finditer(header):
        field = match[0]
        if field in (b"\n", b"\r\n", b""):
            return
        name, colon, _ = field.partition(b":")
        yield (name.rstrip(b" \t").lower() if colon else b""), field


def join(raw: bytes) -> bytes:
    """Return what stands after a field's colon without line ends (RFC 5322 section 2.2.3): white space stays but where the first line begins."""
    text = raw.removesuffix(b"\r").lstrip(b" \t")
    if b"\n" in text or b"\r" in text:
        return text.replace(b"\r\n", b"").replace(b"\n", b"").replace(b"\r", b" ")
    return text


def unfold(value: bytes) -> bytes:
    """Return a field's value on one line: a fold, with the white space around it, becomes one space."""
    value = value.strip(b" \t\r\n")
    if b"\n" in value:
        lines = value.replace(b"\r\n", b"\n").split(b"\n")
        value = b" ".join([line.strip(b" \t") for line in lines])
    return value.replace(b"\r", b" ")


def value(field: bytes) -> bytes:
    """Return what stands after the colon of a field, unfolded."""
    return unfold(field.partition(b":")[2])


def select(header: bytes, names: Collection[bytes], negate: bool = False) -> bytes:
    """Return the fields named (in lower case), or all others with ``negate``, closed by an empty line, with CRLF.

    RFC 3501 section 6.4.5 HEADER.FIELDS and HEADER.FIELDS.NOT: order and repetition as in the header. Where that is not closed, no empty
    line is added to others, nor to a last line that was cut off, nor to nothing at all, as Dovecot or Cyrus do.
    """
    chosen = b"".join(field for name, field in split(header) if (name in names) is not negate)
    is_cut_off = bool(chosen) and not chosen.endswith(b"\n")
    is_closed = bool(_IS_CLOSED.search(header)) if negate else bool(header) and not is_cut_off
    return as_crlf(chosen) + b"\r\n" * (is_cut_off + is_closed)


def as_crlf(content: bytes) -> bytes:
    """Return ``content`` with each bare LF made CRLF; the same object when there is none."""
    if content.count(b"\n") == content.count(b"\r\n"):
        return content
    return _BARE_LF.sub(b"\r\n", content)
