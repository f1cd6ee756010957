"""``malleposte.uids``: what must outlive the index of a folder, UIDVALIDITY and how far UIDs and modseqs may have been given out.

Ceilings are raised in steps, durably and before the first number under them is used, so that a lost index never repeats a number.
A folder that comes from Dovecot keeps the UIDVALIDITY and the UIDs of its ``dovecot-uidlist``.
"""

import os
from dataclasses import dataclass
from pathlib import Path

from services.kernel.mailbox.disk import Disk

NAME = "malleposte.uids"
DOVECOT_NAME = "dovecot-uidlist"
UID_STEP = 1_000
"""An fsync each thousand messages; a gap in the UIDs of at most this after a restart of the machine."""
MODSEQ_STEP = 100_000
"""Modseqs have 63 bits (RFC 7162): there is no need to save them."""
LAST_UID = 2**32 - 1
_VERSION = "1"


@dataclass(frozen=True, slots=True)
class Given:
    """The numbers of a folder. All UIDs and modseqs ever given out are below the ceilings."""

    uidvalidity: int
    uid_ceiling: int
    modseq_ceiling: int


def read(folder: Path) -> Given | None:
    """What the file says; ``None`` when it is missing or unreadable, which makes the folder a new one to clients."""
    try:
        version, *numbers = (folder / NAME).read_text(encoding="ascii").split()
        given = Given(*(int(number) for number in numbers))
    except (FileNotFoundError, ValueError, TypeError):
        return None
    return given if version == _VERSION and given.uidvalidity > 0 else None


def write(folder: Path, given: Given, disk: Disk) -> None:
    """Write the file durably. Raises ``OSError``."""
    path = folder / NAME
    temporary = f"{path}.tmp"
    Path(temporary).unlink(missing_ok=True)
    file = disk.create(temporary)
    try:
        disk.write(file, [f"{_VERSION} {given.uidvalidity} {given.uid_ceiling} {given.modseq_ceiling}\n".encode()])
        disk.sync(file)
    finally:
        os.close(file)
    disk.rename(temporary, str(path))
    disk.sync_directory(folder)


def read_dovecot(folder: Path) -> tuple[Given, dict[str, int]] | None:
    """Dovecot's numbers of a folder and the UID of each file by its unique name; ``None`` when there are none.

    The form is ``3 V<uidvalidity> N<next uid> ...`` and then ``<uid> [fields] :<file name>`` a line (Dovecot, Maildir mailbox format).
    """
    try:
        head, *lines = (folder / DOVECOT_NAME).read_text(encoding="utf-8", errors="surrogateescape").splitlines()
        words = {word[0]: word[1:] for word in head.split()[1:]}
        given = Given(int(words["V"]), int(words["N"]), 1)
        pairs = (line.partition(":") for line in lines)
        uids = {unique(name): int(before.split(maxsplit=1)[0]) for before, _, name in pairs}
    except (FileNotFoundError, ValueError, KeyError, IndexError):
        return None
    return given, uids


def unique(name: str) -> str:
    """The part of a file name that never changes, with which Dovecot's list is searched."""
    return name.partition(":")[0].partition(",")[0]
