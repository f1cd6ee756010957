"""From a folder of one user to another's, a part of ``folder``: each has an index of his own, so there is no transaction over both.

Messages are linked into the target's ``tmp/`` first, then admitted there together; what is gone by then is left out. A crash leaves a message that
moves in both folders, never in none.
"""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING

from services.kernel.mailbox import arrival
from services.kernel.mailbox.acl import Rights
from services.kernel.mailbox.arrival import Arrival
from services.kernel.mailbox.ledger import Ledger
from services.kernel.mailbox.records import Copied
from services.kernel.mailbox.trouble import NoSuchFolder, NoSuchMessage, TargetGone, mapped

if TYPE_CHECKING:  # folders use this module
    from services.kernel.mailbox.folder import Folder

_ATTEMPTS = 5
"""A file is renamed when another process changes its flags."""


def copy(source: "Folder", uids: Sequence[int], target: "Folder", rights: Rights) -> Copied:
    """See ``Folder.copy``."""
    with mapped(), ExitStack() as undo:
        with source._reading() as ledger:
            rows, keywords, facts = ledger.rows(uids), ledger.keywords, ledger.facts(uids)
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
        for part in ("new", "cur"):
            target._home.disk.sync_directory(target._directory / part)
    return Copied(target.uidvalidity, [(row.uid, copy.uid) for row, copy in zip(rows, copies, strict=True)])


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
    source.remove(old for old, _ in copied.uids)
    return copied


def replace(target: "Folder", new: Arrival, source: "Folder", old: int) -> int:
    """See ``Folder.replace``."""
    if not source.messages((old,)):
        raise NoSuchMessage(f"message {old} of {source.name} is gone")
    (uid,) = target.admit([new])
    source.remove((old,))
    return uid
