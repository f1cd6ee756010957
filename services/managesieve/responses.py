"""Replies (RFC 5804 sections 1.2, 1.3 and 4)."""

from collections.abc import Iterable

QUOTED_BYTES = 1024
"""A longer string goes as a literal."""
TEXT_BYTES = 16_384
"""Of the words in a reply."""


def string(data: bytes) -> bytes:
    """A string, quoted where that can be."""
    if len(data) > QUOTED_BYTES or any(octet in data for octet in (b"\r", b"\n", b"\0")):
        return literal(data)
    return b'"%b"' % data.replace(b"\\", b"\\\\").replace(b'"', b'\\"')


def literal(data: bytes) -> bytes:
    """A string as a literal."""
    return b"{%d}\r\n%b" % (len(data), data)


def ok(words: str, code: bytes = b"") -> bytes:
    """It was done."""
    return _reply(b"OK", words, code)


def no(words: str, code: bytes = b"") -> bytes:
    """It was not done."""
    return _reply(b"NO", words, code)


def bye(words: str, code: bytes = b"") -> bytes:
    """The connection ends."""
    return _reply(b"BYE", words, code)


def capabilities(lines: Iterable[tuple[str, str | None]]) -> bytes:
    """The answer to CAPABILITY, without the OK at its end."""
    return b"".join(string(name.encode()) + (b"" if value is None else b" " + string(value.encode())) + b"\r\n" for name, value in lines)


def _reply(word: bytes, words: str, code: bytes) -> bytes:
    text = words.encode("utf-8", "replace")[:TEXT_BYTES].decode("utf-8", "ignore").encode()
    return word + (b" (%b)" % code if code else b"") + b" " + string(text) + b"\r\n"
