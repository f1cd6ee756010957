"""Charsets by their names in mail."""

import codecs
from functools import lru_cache

_NOT_FOR_MAIL = frozenset({"idna", "punycode", "raw-unicode-escape", "raw_unicode_escape", "undefined", "unicode-escape", "unicode_escape"})
"""Codecs of Python that no mail is written in; some take quadratic time."""


@lru_cache(maxsize=256)
def find(name: bytes) -> str | None:
    """Return Python's name of a charset that holds ASCII as it is, or is at least a text encoding; ``None`` when it is not known."""
    try:
        codec = codecs.lookup(name.decode("ascii"))
        bytes(4).decode(codec.name)  # refuses codecs from bytes to bytes, such as zlib
    except (LookupError, ValueError):
        return None
    return None if codec.name in _NOT_FOR_MAIL else codec.name
