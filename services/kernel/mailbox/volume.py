"""Where the mailboxes of a volume lie: ``<root>/<domain>/<local part>/Maildir``."""

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from urllib.parse import unquote

from services.kernel.mail import address as addresses

MAILDIR = "Maildir"
_EMPTY = "%"
NOT_OURS = (PermissionError, NotADirectoryError, FileNotFoundError)
"""What one directory meets that is no mailbox or is just being removed (``lost+found`` of a file system): the others are read all the same."""


def maildir(root: Path, address: str) -> Path:
    """The Maildir of a folded address; it may not be there."""
    local, domain = addresses.split(address)
    return root / _entry(domain) / _entry(local) / MAILDIR


def present(root: Path) -> Iterator[str]:
    """The addresses that have a Maildir. Directories that cannot be read are passed over. Raises ``OSError``."""
    for domain in _directories(root):
        for local in _directories(root / domain):
            if os.path.isdir(root / domain / local / MAILDIR):
                yield f"{_name(local)}@{_name(domain)}"


def _directories(path: Path) -> list[str]:
    with suppress(*NOT_OURS), os.scandir(path) as entries:
        return [entry.name for entry in entries if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(".")]
    return []


def _entry(name: str) -> str:
    """A directory name for a part of an address, which may hold anything between quotes (RFC 5321 section 4.1.2)."""
    safe = name.replace("%", "%25").replace("/", "%2F").replace("\0", "%00")
    return "%2E" + safe[1:] if safe.startswith(".") else safe or _EMPTY


def _name(entry: str) -> str:
    """The part that a directory is named after."""
    return "" if entry == _EMPTY else unquote(entry)
