"""The MAILBOXID of a folder (RFC 8474 section 4): what tells it from all others of its user, also after it is renamed.

It follows from UIDVALIDITY, which is each folder's own here. Only one that comes with another's, from a different account of Dovecot or as a copy of
files, is given an id at random, kept in ``malleposte.mailboxid`` beside its messages.
"""

import re
import secrets
import sqlite3
from pathlib import Path

from services.kernel.mailbox.home import Home

NAME = "malleposte.mailboxid"
_FORM = re.compile(r"[A-Za-z0-9_-]{1,255}")


def mailbox_id(directory: Path, uidvalidity: int) -> str:
    """Return the id of the folder in ``directory``. Raises ``OSError``."""
    try:
        kept = (directory / NAME).read_text(encoding="ascii", errors="replace").strip()
    except FileNotFoundError:
        kept = ""
    return kept if _FORM.fullmatch(kept) else f"F{uidvalidity}"


def tell_apart(db: sqlite3.Connection, home: Home, name: str, uidvalidity: int) -> None:
    """Give a folder that is new to the index an id of its own if that of another is the same. Raises ``OSError``."""
    twins = db.execute("SELECT name FROM folder WHERE uidvalidity = ? AND name != ?", (uidvalidity, name)).fetchall()
    if mailbox_id(home.directory(name), uidvalidity) in {mailbox_id(home.directory(twin), uidvalidity) for (twin,) in twins}:
        home.replace(home.directory(name) / NAME, f"M{secrets.token_hex(16)}\n")
        home.disk.sync_directory(home.directory(name))
