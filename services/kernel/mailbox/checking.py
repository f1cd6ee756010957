"""A check of one mailbox: its index is made anew from the files, and what the old one had otherwise is told. With whom it is shared is read again."""

from collections.abc import Mapping
from dataclasses import dataclass

from services.kernel.mailbox import uids
from services.kernel.mailbox.ledger import Ledger, Row
from services.kernel.mailbox.trouble import MailboxTrouble
from services.kernel.mailbox.user import UserMail


@dataclass(frozen=True, slots=True)
class Checked:
    """One folder: ``found`` messages had a file and no row, ``lost`` ones a row and no file, ``changed`` other flags in the name than in the row.

    ``renumbered`` messages have another UID than before, which happens only when the file lost it from its name.
    """

    folder: str
    uidvalidity: int
    messages: int
    found: int = 0
    lost: int = 0
    changed: int = 0
    renumbered: int = 0

    @property
    def is_sound(self) -> bool:
        """Whether index and files agreed."""
        return not (self.found or self.lost or self.changed or self.renumbered)


@dataclass(frozen=True, slots=True)
class Report:
    """All folders, and what kept the old index from being read, if anything did."""

    folders: tuple[Checked, ...]
    trouble: str = ""


def check(user: UserMail) -> Report:
    """Make the index anew and compare. Blocks; sessions go on, and see what changed as any change. Raises ``MailboxTrouble``."""
    trouble = ""
    before: Mapping[str, Mapping[int, Row]] = {}
    try:
        before = _rows(user)
    except MailboxTrouble as error:
        trouble = str(error)
    user.home.index.renew()
    user.note_sharing()
    after = _rows(user)
    return Report(tuple(_compare(user, name, before.get(name, {}), rows) for name, rows in sorted(after.items())), trouble)


def _rows(user: UserMail) -> dict[str, dict[int, Row]]:
    """What the index has, without a look at the directories."""
    with user.home.index.reading() as db:
        known = [name for (name,) in db.execute("SELECT name FROM folder").fetchall()]
        ledgers = {name: ledger for name in known if (ledger := Ledger.load(db, name))}
        return {name: {row.uid: row for row in ledger.rows()} for name, ledger in ledgers.items()}


def _compare(user: UserMail, name: str, before: Mapping[int, Row], after: Mapping[int, Row]) -> Checked:
    was = {uids.unique(row.stem): row for row in before.values()}
    now = {uids.unique(row.stem): row for row in after.values()}
    both = was.keys() & now.keys()
    return Checked(
        name,
        user.folder(name).uidvalidity,
        len(after),
        found=len(now) - len(both),
        lost=len(was) - len(both),
        changed=sum(was[key].flags != now[key].flags for key in both),
        renumbered=sum(was[key].uid != now[key].uid for key in both),
    )
