"""Sizes as the operator types and reads them."""

import re

from services.admin.trouble import DirectoryError
from services.kernel.directory.account import UNLIMITED

_UNITS = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMGT]?)(?:i?B)?", re.IGNORECASE)


def parse_size(text: str) -> int:
    """``1G``, ``500 MB``, ``2048`` or ``0`` in bytes, by powers of 1024. Raises ``DirectoryError``."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise DirectoryError(f"{text!r} is no size; write 500M or 2G, and 0 for no limit")
    return int(float(match[1]) * _UNITS[match[2].upper()])


def parse_quota(text: str) -> int:
    """A mailbox's quota: a size, ``domain`` or 0 for that of its domain, ``none`` for no limit at all. Raises ``DirectoryError``."""
    word = text.strip().lower()
    return UNLIMITED if word == "none" else 0 if word == "domain" else parse_size(text)


def format_size(size_bytes: int) -> str:
    """``1.5G``, the way ``ls -h`` writes it."""
    if size_bytes < 1024:
        return str(size_bytes)
    for unit in "KMGT":
        size = size_bytes / _UNITS[unit]
        if size < 1024 or unit == "T":
            break
    return f"{size:.1f}{unit}" if size < 10 and size != int(size) else f"{size:.0f}{unit}"
