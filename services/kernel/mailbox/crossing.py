"""From a folder of one user to another's, a part of ``folder``: each has an index of his own, so there is no transaction over both.

Messages are linked into the target's ``tmp/`` first, then admitted there together; what is gone by then is left out. A crash leaves a message that
moves in both folders, never in none. Where they cannot be removed behind that, the copies go again (RFC 6851 section 3.3: moved or unaffected); a
copy whose original is not seen to be there stays.
"""

import os
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from services.kernel.mailbox import arrival
from services.kernel.mailbox.acl import Rights
from services.kernel.mailbox.arrival import Arrival
from services.kernel.mailbox.ledger import Ledger
from services.kernel.mailbox.records import Copied
from services.kernel.mailbox.trouble import MailboxTrouble, MovedInPart, NoSuchFolder, NoSuchMessage, TargetGone, mapped

if TYPE_CHECKING:  # folders use this module
    from services.kernel.mailbox.folder import Folder

_ATTEMPTS = 5
"""A file is renamed when another process changes its flags."""


def copy(source: "Folder", uids: Sequence[int], target: "Folder", rights: Rights) -> Copied:
    """See ``Folder.copy``."""
    with mapped(), ExitStack() as undo:
        with source._reading() as ledger:
            rows, keywords, facts = ledger.rows(uids), ledger.keywords, dict(ledger.facts(uids))
        linked = {row.uid: f"{target._home.maildir}/tmp/{target._home.tools.unique.make()}" for row in rows}
        for path in linked.values():
            undo.callback(arrival.discard, target._home, path)
        rows = [row for row in rows if _link(source, row.uid, linked[row.uid])]
        with _beside(target) as into:
            copies = target._number(rows, keywords, into, rights)
            for row, copy in zip(rows, copies, strict=True):
                place = f"{target._directory}/{copy.place}"
                target._home.disk.rename(linked[row.uid], place)
                undo.callback(arrival.discard, target._home, place)
            into.insert(copies)
            into.remember((copy.uid, facts[row.uid]) for row, copy in zip(rows, copies, strict=True) if row.uid in facts)
        undo.pop_all()
    copied = Copied(target.uidvalidity, [(row.uid, copy.uid) for row, copy in zip(rows, copies, strict=True)])
    try:
        with mapped():
            for part in ("new", "cur"):
                target._home.disk.sync_directory(target._directory / part)
    except MailboxTrouble as fault:  # who is told NO tries again
        _take_back(source, target, copied, fault)
        raise
    return copied


@contextmanager
def _beside(target: "Folder") -> Iterator[Ledger]:
    try:
        with target._changing() as into:
            yield into
    except NoSuchFolder as gone:
        raise TargetGone(str(gone)) from None


def _link(source: "Folder", uid: int, path: str) -> bool:
    """Give a message's file a second name; false when it is gone."""
    for _ in range(_ATTEMPTS):
        with source._reading() as ledger:
            rows = ledger.rows((uid,))
        if not rows:
            break
        with suppress(FileNotFoundError):
            source._home.disk.link(f"{source._directory}/{rows[0].place}", path)
            return True
    return False


def move(source: "Folder", uids: Sequence[int], target: "Folder", rights: Rights) -> Copied:
    """See ``Folder.move``."""
    copied = copy(source, uids, target, rights)
    gone = _follow(source, target, copied)
    late = [new for old, new in copied.uids if old not in gone]
    if late:  # another session was faster: it has removed them, or moved them elsewhere
        with suppress(MailboxTrouble, NoSuchFolder):  # the others have moved: that is to be told
            target.remove(late)
    return Copied(copied.uidvalidity, [(old, new) for old, new in copied.uids if old in gone])


def _follow(source: "Folder", target: "Folder", copied: Copied) -> frozenset[int]:
    """Remove what was copied; where that fails remove the copies. Return what was still there."""
    try:
        return _withdraw(source, [old for old, _ in copied.uids])
    except Exception as fault:
        _take_back(source, target, copied, fault)
        raise


def _withdraw(source: "Folder", uids: Sequence[int]) -> frozenset[int]:
    """Remove messages, all or none, and return those that were still there."""
    home = source._home
    asides: dict[int, str] = {}
    with mapped(), ExitStack() as undo:
        with source._changing() as ledger:
            rows = ledger.rows(uids)
            for row in rows:
                path, aside = f"{source._directory}/{row.place}", f"{home.maildir}/tmp/{home.tools.unique.make()}"
                try:
                    home.disk.rename(path, aside)
                except FileNotFoundError:
                    if os.path.exists(path):
                        raise
                    continue  # the next look finds what became of it
                undo.callback(arrival.put_back, home, aside, path)
                asides[row.uid] = aside
            ledger.bury([row for row in rows if row.uid in asides])
        undo.pop_all()
    for aside in asides.values():
        arrival.discard(home, aside)
    return frozenset(asides)


def _take_back(source: "Folder", target: "Folder", copied: Copied, fault: Exception) -> None:
    """Remove the copies of messages that are still in the source. Raises ``MovedInPart`` where some stay."""
    kept = {new for old, new in copied.uids if not _is_there(source, old)}
    try:
        with suppress(NoSuchFolder):
            target.remove(new for _, new in copied.uids if new not in kept)
    except MailboxTrouble as other:
        raise MovedInPart(f"{fault}; and the copies in {target.name} stay: {other}") from fault
    if kept:
        raise MovedInPart(f"{fault}; {len(kept)} of {len(copied.uids)} copies in {target.name} stay") from fault


def _is_there(source: "Folder", uid: int) -> bool:
    """Tell whether a message's file is seen in its folder; whatever hinders that is a no."""
    try:
        with mapped(), source._reading() as ledger:
            return any(os.path.exists(f"{source._directory}/{row.place}") for row in ledger.rows((uid,)))
    except (MailboxTrouble, NoSuchFolder):
        return False


def replace(target: "Folder", new: Arrival, source: "Folder", old: int) -> int:
    """See ``Folder.replace``."""
    if not source.messages((old,)):
        raise NoSuchMessage(f"message {old} of {source.name} is gone")
    (uid,) = target.admit([new])
    _follow(source, target, Copied(target.uidvalidity, [(old, uid)]))
    return uid
