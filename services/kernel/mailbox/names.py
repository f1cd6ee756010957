"""Folder names: Unicode with ``.`` between levels, and modified UTF-7 (RFC 3501 section 5.1.3) on disk and on IMAP4rev1's wire."""

import base64
import binascii
import re

from services.kernel.mailbox.trouble import BadFolderName

INBOX = "INBOX"
SEPARATOR = "."
NAME_BYTES = 240
"""A directory name has at most 255 bytes (ext4, XFS), and the dot in front and a suffix must fit."""
_SHIFTED = re.compile(r"&([^-]*)-")
_BEYOND_ASCII = re.compile(r"[^\x20-\x7e]+|&")
_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f-\x9f/\ud800-\udfff]")


def encode(name: str) -> str:
    """Return ``name`` in modified UTF-7."""
    return _BEYOND_ASCII.sub(lambda run: "&-" if run[0] == "&" else _shift(run[0]), name)


def _shift(text: str) -> str:
    packed = base64.b64encode(text.encode("utf-16-be")).decode()
    return "&" + packed.rstrip("=").replace("/", ",") + "-"


def decode(text: str) -> str:
    """Return what ``encode`` was given. Raises ``ValueError`` for text that ``encode`` never makes."""
    name = _SHIFTED.sub(lambda run: _unshift(run[1]) if run[1] else "&", text)
    if encode(name) != text:
        raise ValueError(f"not modified UTF-7: {text!r}")
    return name


def _unshift(packed: str) -> str:
    padding = "=" * (-len(packed) % 4)
    try:
        return base64.b64decode(packed.replace(",", "/") + padding, validate=True).decode("utf-16-be")
    except binascii.Error as error:
        raise ValueError(str(error)) from None


def normalize(name: str) -> str:
    """Return the one form of a name: INBOX in any case is INBOX, also as the first level (RFC 9051 section 5.1)."""
    first, dot, rest = name.partition(SEPARATOR)
    return f"{INBOX}{dot}{rest}" if first.upper() == INBOX else name


def check(name: str) -> str:
    """Return the normal form of a name that may be made. Raises ``BadFolderName``."""
    if not all(name.split(SEPARATOR)):
        raise BadFolderName("a level of the name is empty")
    if _FORBIDDEN.search(name):
        raise BadFolderName("the name has a character that no folder name may have")
    if len(encode(name)) > NAME_BYTES:
        raise BadFolderName("the name is too long")
    return normalize(name)


def directory(name: str) -> str:
    """The directory of a folder relative to the Maildir: ``.`` for INBOX, ``.Sent`` for others."""
    return "." if name == INBOX else SEPARATOR + encode(name)


def from_directory(entry: str) -> str | None:
    """The folder whose directory is ``entry``; ``None`` for what is no folder's (its encoding is not ours)."""
    if not entry.startswith(SEPARATOR):
        return None
    try:
        name = decode(entry[1:])
        return name if check(name) == name and name != INBOX else None
    except (ValueError, BadFolderName):
        return None


def parents(name: str) -> list[str]:
    """``A`` and ``A.B`` for ``A.B.C``."""
    levels = name.split(SEPARATOR)
    return [SEPARATOR.join(levels[:count]) for count in range(1, len(levels))]
