"""A new message on its way into a folder: staged in ``tmp/``, then admitted under the index's lock."""

import os
from collections.abc import Iterable, Sequence
from contextlib import ExitStack, suppress
from typing import NamedTuple

import msgspec

from services.kernel.mailbox import filename, flags
from services.kernel.mailbox.disk import Disk
from services.kernel.mailbox.draft import Draft, count_bare_lf
from services.kernel.mailbox.home import Home
from services.kernel.mailbox.ledger import Ledger, Row
from services.kernel.mailbox.records import Quota, Usage

SYNC_ALL_FROM = 4
"""New files from which one syncfs costs less than an fsync each (measured on ext4: 2,400 against 1,500 messages a second in tens)."""


class Staged(msgspec.Struct, frozen=True, gc=False):
    """A message that lies in ``tmp/`` (state S1). ``internaldate`` is also the mtime of the file."""

    path: str
    unique: str
    size: int
    served: int
    internaldate: int


class Arrival(NamedTuple):
    """A staged message and the flags that it is to have."""

    staged: Staged
    flags: frozenset[str]


def stage(home: Home, draft: Draft, prefix: bytes, internaldate: int | None) -> Staged:
    """Write ``prefix``, which ends with CRLF, and a draft to a file in INBOX's ``tmp/``; not yet synced. Raises ``OSError``."""
    unique = home.tools.unique.make()
    path = f"{home.maildir}/tmp/{unique}"
    file = home.disk.create(path)
    try:
        draft.write_to(file, home.disk, prefix)
        if internaldate is not None:
            os.utime(file, (internaldate, internaldate))
    except BaseException:
        discard(home, path)
        raise
    finally:
        os.close(file)
    size = len(prefix) + draft.size
    served = size + draft.bare_lf + count_bare_lf(prefix)
    return Staged(path, unique, size, served, int(home.tools.clock()) if internaldate is None else internaldate)


def sync(disk: Disk, staged: Sequence[Staged]) -> None:
    """Bring staged files to stable storage: a few one by one, many with their whole file system. Raises ``OSError``."""
    if not staged:
        return
    several = len(staged) >= SYNC_ALL_FROM
    for message in staged[:1] if several else staged:
        file = os.open(message.path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            (disk.sync_all if several else disk.sync)(file)
        finally:
            os.close(file)


def discard(home: Home, path: str) -> None:
    """Remove a file that will not be needed; what stays is litter, not harm."""
    with suppress(OSError):
        home.disk.unlink(path)


def put_back(home: Home, new: str, old: str) -> None:
    """Undo a rename; when that fails the next look takes the file in where it is."""
    with suppress(OSError):
        home.disk.rename(new, old)


def admit(ledger: Ledger, home: Home, staged: Sequence[Staged], bits: int, undo: ExitStack) -> list[Row]:
    """Give staged messages UIDs, names and rows in a folder, S1 to S3 with the commit; ``undo`` takes the names back. Raises ``OSError``."""
    directory = home.directory(ledger.counters.name)
    first = ledger.take_uids(len(staged))
    modseq = ledger.take_modseq()
    now = int(home.tools.clock())
    rows = []
    for uid, message in enumerate(staged, first):
        stem = filename.stem(message.unique, message.size, message.served, uid)
        row = Row(uid, modseq, bits, message.internaldate, message.size, message.served, now, stem, not bits)
        path = f"{directory}/{row.place}"
        home.disk.rename(message.path, path)
        undo.callback(discard, home, path)
        rows.append(row)
    ledger.insert(rows)
    return rows


def use_flags(ledger: Ledger, home: Home, wanted: frozenset[str]) -> int:
    """The bits of flags, among which keywords may be new to the folder. Raises ``TooManyKeywords`` and ``OSError``."""
    keywords = flags.add_keywords(wanted, ledger.keywords)
    if keywords != ledger.keywords:
        ledger.counters.keywords = " ".join(keywords)
        home.write_keywords(home.directory(ledger.counters.name), keywords)
    return flags.to_bits(wanted, keywords)


def within(quota: Quota, usage: Usage, staged: Iterable[Staged]) -> list[bool]:
    """Tell for each message in turn whether it fits beside ``usage`` and those before it that fit."""
    fits = []
    for message in staged:
        after = Usage(usage.size_bytes + message.served, usage.messages + 1)
        fits.append(quota.allows(after))
        usage = after if fits[-1] else usage
    return fits
