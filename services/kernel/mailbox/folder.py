"""One folder: its messages and what can be done to them."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TypeVar

from services.kernel.mailbox import acl, arrival, crossing, filename, flags, identity, look
from services.kernel.mailbox.acl import Rights
from services.kernel.mailbox.arrival import Arrival, Staged
from services.kernel.mailbox.catalog.shelf import Shelf
from services.kernel.mailbox.columns import Snapshot
from services.kernel.mailbox.draft import Draft
from services.kernel.mailbox.home import Home
from services.kernel.mailbox.ledger import Ledger, Row
from services.kernel.mailbox.records import Appended, Changes, Copied, FlagChange, FlagWord, Message, Origin, Status, Stored, Usage
from services.kernel.mailbox.served import Content, Reader, read_served
from services.kernel.mailbox.trouble import NoSuchFolder, NoSuchMessage, TargetGone, mapped

T = TypeVar("T")
_READ_ATTEMPTS = 5
"""A file is renamed when another process changes its flags, so its name may be old by the time it is opened."""


class Folder:
    """A handle on a folder that exists; cheap, several at once are harmless.

    All methods block, may be called from any thread, and raise ``NoSuchFolder`` once the folder is gone and
    ``MailboxTrouble`` when the store fails. UIDs that do not exist are passed over in silence.
    """

    def __init__(self, home: Home, name: str, uidvalidity: int) -> None:
        self._home = home
        self._directory = home.directory(name)
        self.name = name
        self.uidvalidity = uidvalidity

    @property
    def directory(self) -> Path:
        """Where it lies."""
        return self._directory

    def mailbox_id(self) -> str:
        """What tells this folder from all others of its user for good (RFC 8474)."""
        with mapped():
            return identity.mailbox_id(self._directory, self.uidvalidity)

    @contextmanager
    def _changing(self) -> Iterator[Ledger]:
        """The rows for a change, after a look; wakes the watchers when there was one."""
        with self._home.index.writing() as db, look.at_work(db, self._home, self.name) as ledger:
            is_ours = ledger.counters.uidvalidity == self.uidvalidity
            if is_ours:
                yield ledger
        if ledger.has_changed:
            self._home.notify()
        if not is_ours:
            # only now, so that what the look found is committed
            raise NoSuchFolder(f"{self.name} is another one now")

    @contextmanager
    def _reading(self) -> Iterator[Ledger]:
        """The rows as they are, without a look."""
        with self._home.index.reading() as db:
            yield self._check(Ledger.load(db, self.name))

    @contextmanager
    def _looking(self) -> Iterator[Ledger]:
        """The rows after a look."""
        with self._reading() as ledger:
            if look.is_current(ledger, look.times(self._directory)):
                yield ledger
                return
        with self._changing():
            pass
        with self._reading() as ledger:
            yield ledger

    def _check(self, ledger: Ledger | None) -> Ledger:
        if ledger is None or ledger.counters.uidvalidity != self.uidvalidity:
            raise NoSuchFolder(f"{self.name} is gone or another one now")
        return ledger

    def status(self) -> Status:
        """Figures of now, after a look at the directory for files that others brought or took."""
        with self._looking() as ledger:
            return ledger.status()

    def deleted(self) -> Usage:
        """What the messages with ``\\Deleted`` hold together."""
        with self._reading() as ledger:
            return ledger.usage_of(flags.DELETED)

    def uids(self) -> Sequence[int]:
        """The UIDs of all messages, ascending."""
        with self._reading() as ledger:
            return ledger.all_uids()

    def messages(self, uids: Iterable[int] | None = None) -> Sequence[Message]:
        """The messages with these UIDs, or all, by UID."""
        with self._reading() as ledger:
            return ledger.messages(uids)

    def stems(self, uids: Iterable[int]) -> dict[int, str]:
        """The names of these messages' files without flags, by UID."""
        with self._reading() as ledger:
            return {row.uid: row.stem for row in ledger.rows(uids)}

    def changes(self, since: int) -> Changes:
        """What happened after modseq ``since``, after a look at the directory; all of one moment. ``since`` 0 gives every message."""
        with self._looking() as ledger:
            return Changes(ledger.status(), ledger.changed_since(since), ledger.vanished_since(since))

    def vanished(self, since: int) -> tuple[Sequence[int] | None, int]:
        """UIDs expunged after a modseq as in ``Changes``, and the next UID."""
        with self._reading() as ledger:
            return ledger.vanished_since(since), ledger.counters.uidnext

    def snapshot(self, since: int) -> Snapshot:
        """All that opening a folder needs, after a look at the directory: what it holds, and what vanished after modseq ``since``."""
        with self._looking() as ledger:
            return Snapshot(ledger.status(), self._home.warm.columns(ledger), ledger.keywords, ledger.vanished_since(since))

    def claim_recent(self) -> int:
        """Make all present messages recent for the caller alone and return the first UID that is (RFC 3501 section 2.3.2)."""
        with self._reading() as ledger:
            counters = ledger.counters
        if counters.recent_from == counters.uidnext:
            return counters.recent_from
        with self._changing() as ledger:
            first, ledger.counters.recent_from = ledger.counters.recent_from, ledger.counters.uidnext
            return first

    def keywords(self) -> Sequence[str]:
        """Keywords in use here; there is room for 26 (one letter of the file name each)."""
        with self._reading() as ledger:
            return ledger.keywords

    def content(self, uid: int, how: Reader = read_served) -> Content:
        """A message as served, or its header alone (``read_head``). Raises ``NoSuchMessage`` when it was expunged meanwhile."""
        for _ in range(_READ_ATTEMPTS):
            with self._reading() as ledger:
                rows = ledger.rows((uid,))
            if not rows:
                break
            with mapped(), suppress(FileNotFoundError):
                return self._read(rows[0], how)
        raise NoSuchMessage(f"message {uid} of {self.name} is gone")

    def read(self, uids: Iterable[int], how: Reader = read_served) -> Iterator[tuple[int, Content]]:
        """As ``content``, for many, by UID, each read when it is its turn; those that are gone are missing."""
        with self._reading() as ledger:
            rows = ledger.rows(uids)
        with mapped():
            for row in rows:
                try:
                    content = self._read_latest(row, how)
                except NoSuchMessage:
                    continue
                yield row.uid, content

    def _read_latest(self, row: Row, how: Reader) -> Content:
        try:
            return self._read(row, how)
        except FileNotFoundError:
            return self.content(row.uid, how)

    def _read(self, row: Row, how: Reader) -> Content:
        return how(f"{self._directory}/{row.place}", row.size, is_canonical=row.size == row.served)

    def facts(self, uids: Collection[int], taken: Callable[[bytes], T]) -> dict[int, T]:
        """What ``taken`` makes of what ``remember`` kept for these UIDs: the caller's own form of ENVELOPE, BODYSTRUCTURE and offsets."""
        with self._reading() as ledger:
            return {uid: taken(kept) for uid, kept in ledger.facts(uids)}

    def remember(self, facts: Mapping[int, bytes]) -> None:
        """Keep facts about messages beside them; a cache, lost with the index."""
        with self._home.index.writing() as db:
            self._check(Ledger.load(db, self.name)).remember(facts.items())

    def shelf(self) -> Shelf:
        """What the catalogue knows of this folder."""
        with self._reading() as ledger:
            return Shelf(self._home.catalog, self._home.index.number(ledger.db), ledger.counters.id, self.uidvalidity)

    def append(self, draft: Draft, origin: Origin) -> Appended:
        """Add a message durably. Raises ``MailboxFull``, ``TooManyKeywords``."""
        staged = self.stage(draft, origin.internaldate)
        try:
            (uid,) = self.admit([Arrival(staged, origin.flags)])
        finally:
            self.discard([staged])
        return Appended(self.uidvalidity, uid)

    def stage(self, draft: Draft, internaldate: int | None) -> Staged:
        """Write a message to where ``admit`` takes it from; ``discard`` it in the end. Raises ``MailboxFull``."""
        with mapped():
            return arrival.stage(self._home, draft, b"", internaldate)

    def staged_content(self, staged: Staged) -> Content:
        """A staged message byte for byte as it was written."""
        with mapped():
            return read_served(staged.path, staged.size, is_canonical=True)

    def discard(self, staged: Iterable[Staged]) -> None:
        """Remove what was staged and not admitted."""
        for message in staged:
            arrival.discard(self._home, message.path)

    def admit(self, arrivals: Sequence[Arrival]) -> Sequence[int]:
        """Add staged messages durably, all or none, and return their UIDs. Raises ``MailboxFull``, ``TooManyKeywords``."""
        with mapped(), ExitStack() as undo:
            arrival.sync(self._home.disk, [staged for staged, _ in arrivals])
            with self._changing() as ledger:
                rows = self._take(ledger, arrivals, undo)
            undo.pop_all()
            self._sync_names(rows)
        return [row.uid for row in rows]

    def replace(self, new: Arrival, source: "Folder", old: int) -> int:
        """Add a staged message and remove another, as one change unless that is another user's (RFC 8508). Return the new UID.

        Raises ``NoSuchMessage`` when the old one is gone, and as ``admit`` does. A crash in the middle leaves the new one, the old one or both.
        """
        if not self.is_beside(source):
            return crossing.replace(self, new, source, old)
        aside = f"{self._home.maildir}/tmp/{self._home.tools.unique.make()}"
        with mapped(), ExitStack() as undo:
            arrival.sync(self._home.disk, [new.staged])
            with source._changing() as losing, source._beside(self, losing) as gaining:
                rows = losing.rows((old,))
                if not rows:
                    raise NoSuchMessage(f"message {old} of {source.name} is gone")
                taken = self._take(gaining, [new], undo)
                path = f"{source._directory}/{rows[0].place}"
                self._home.disk.rename(path, aside)
                undo.callback(arrival.put_back, self._home, aside, path)
                losing.bury(rows)
            undo.pop_all()
            self._sync_names(taken)
        arrival.discard(self._home, aside)
        return taken[0].uid

    def _take(self, ledger: Ledger, arrivals: Iterable[Arrival], undo: ExitStack) -> list[Row]:
        return [arrival.admit(ledger, self._home, [staged], self._use_flags(ledger, wanted), undo)[0] for staged, wanted in arrivals]

    def _sync_names(self, rows: Iterable[Row]) -> None:
        # only what got a name: a disk flushes its cache also for a directory in which nothing changed
        for part in {row.place.partition("/")[0] for row in rows}:
            self._home.disk.sync_directory(self._directory / part)

    def _use_flags(self, ledger: Ledger, wanted: frozenset[str]) -> int:
        return arrival.use_flags(ledger, self._home, wanted)

    def store_flags(self, uids: Iterable[int], change: FlagChange) -> Stored:
        """Change flags and keywords. Raises ``TooManyKeywords``. Messages whose flags stay the same keep their modseq."""
        wanted = list(uids)
        with self._changing() as ledger:
            rows = ledger.rows(wanted)
            limit = change.unchanged_since
            allowed = [row for row in rows if limit is None or row.modseq <= limit]
            bits = flags.to_bits(change.flags, ledger.keywords) if change.word is FlagWord.REMOVE else self._use_flags(ledger, change.flags)
            kept = flags.PASSED | flags.to_bits(_locked(ledger, change.rights), ledger.keywords)
            renamed = [(row, after) for row in allowed if (after := _combine(row.flags, change.word, bits, kept)) != row.flags]
            ledger.set_flags([(row, after) for row, after in renamed if self._rename(row, after)])
            allowed_uids = {row.uid for row in allowed}
            return Stored(ledger.messages(allowed_uids), [row.uid for row in rows if row.uid not in allowed_uids])

    def _rename(self, row: Row, bits: int) -> bool:
        """Write flags into the file's name; false when the file is gone, which the next look will find."""
        try:
            self._home.disk.rename(f"{self._directory}/{row.place}", f"{self._directory}/{filename.in_cur(row.stem, bits)}")
        except FileNotFoundError:
            return False
        return True

    def expunge(self, uids: Iterable[int] | None = None) -> Sequence[int]:
        """Remove the messages that have ``\\Deleted``, only of these UIDs if given, and return the UIDs removed."""
        return self._remove(uids, flags.DELETED)

    def remove(self, uids: Iterable[int]) -> Sequence[int]:
        """Remove these messages whatever their flags (POP3's UPDATE) and return the UIDs removed."""
        return self._remove(uids, 0)

    def _remove(self, uids: Iterable[int] | None, needed: int) -> Sequence[int]:
        wanted = None if uids is None else list(uids)
        with self._changing() as ledger:
            rows = [row for row in ledger.rows(wanted) if row.flags & needed == needed]
            for row in rows:
                # before the commit: a crash between leaves rows without files, and the next look buries them
                with suppress(FileNotFoundError):
                    self._home.disk.unlink(f"{self._directory}/{row.place}")
            ledger.bury(rows)
        return [row.uid for row in rows]

    def copy(self, uids: Iterable[int], target: "Folder", rights: Rights = acl.ALL) -> Copied:
        """Copy messages with dates, and flags as far as ``rights`` set them there, all or none.

        Raises ``TargetGone``, ``MailboxFull``, ``TooManyKeywords``.
        """
        wanted = list(uids)
        if not self.is_beside(target):
            return crossing.copy(self, wanted, target, rights)
        with ExitStack() as undo:
            with self._changing() as source, self._beside(target, source) as into:
                rows = source.rows(wanted)
                copies = target._number(rows, source.keywords, into, rights)
                for row, copy in zip(rows, copies, strict=True):
                    path = f"{target._directory}/{copy.place}"
                    self._home.disk.link(f"{self._directory}/{row.place}", path)
                    undo.callback(arrival.discard, self._home, path)
                _settle(rows, copies, source, into)
            undo.pop_all()
        return self._copied(target, rows, copies)

    def move(self, uids: Iterable[int], target: "Folder", rights: Rights = acl.ALL) -> Copied:
        """Move messages as ``copy`` does; each is in one of the two at any time (RFC 6851), on its way to another user perhaps in both.

        Raises ``MovedInPart`` where messages for another user could be removed neither here nor, again, there.
        """
        wanted = list(uids)
        if not self.is_beside(target):
            return crossing.move(self, wanted, target, rights)
        with ExitStack() as undo:
            with self._changing() as source, self._beside(target, source) as into:
                rows = source.rows(wanted)
                copies = target._number(rows, source.keywords, into, rights)
                for row, copy in zip(rows, copies, strict=True):
                    old, new = f"{self._directory}/{row.place}", f"{target._directory}/{copy.place}"
                    self._home.disk.rename(old, new)
                    undo.callback(arrival.put_back, self._home, new, old)
                _settle(rows, copies, source, into)
                source.bury(rows)
            undo.pop_all()
        return self._copied(target, rows, copies)

    @contextmanager
    def _beside(self, target: "Folder", source: Ledger) -> Iterator[Ledger]:
        """The rows of ``target`` in the transaction that ``source`` is in; they may be the same folder."""
        if target.name == self.name:
            yield source
            return
        with ExitStack() as at_work:
            try:
                ledger = target._check(at_work.enter_context(look.at_work(source.db, self._home, target.name)))
            except NoSuchFolder as gone:
                raise TargetGone(str(gone)) from None
            yield ledger

    def is_beside(self, other: "Folder") -> bool:
        """Tell whether both are of the same user."""
        return self._home.maildir == other._home.maildir

    def _number(self, rows: Sequence[Row], keywords: tuple[str, ...], into: Ledger, rights: Rights) -> list[Row]:
        """Rows for copies of ``rows`` here, with UIDs, names and letters of its own for keywords."""
        first = into.take_uids(len(rows))
        modseq = into.take_modseq() if rows else 0
        now = int(self._home.tools.clock())
        copies = []
        for uid, row in enumerate(rows, first):
            bits = self._use_flags(into, acl.settable(flags.names(row.flags, keywords), rights)) | row.flags & flags.PASSED
            stem = filename.renumber(row.stem, self._home.tools.unique.make(), uid)
            copies.append(Row(uid, modseq, bits, row.internaldate, row.size, row.served, now, stem, not bits))
        return copies

    def _copied(self, target: "Folder", rows: Sequence[Row], copies: Sequence[Row]) -> Copied:
        if rows:
            self._home.notify()
            with mapped():
                for part in ("new", "cur"):
                    self._home.disk.sync_directory(target._directory / part)
        return Copied(target.uidvalidity, [(row.uid, copy.uid) for row, copy in zip(rows, copies, strict=True)])


def _locked(ledger: Ledger, rights: Rights) -> frozenset[str]:
    """The flags that may not be cleared with these rights."""
    known = flags.SYSTEM.union(ledger.keywords)
    return known - acl.settable(known, rights)


def _combine(before: int, word: FlagWord, bits: int, kept: int) -> int:
    """``kept`` are what REPLACE leaves alone."""
    match word:
        case FlagWord.ADD:
            return before | bits
        case FlagWord.REMOVE:
            return before & ~bits
        case FlagWord.REPLACE:
            return bits | before & kept


def _settle(rows: Sequence[Row], copies: Sequence[Row], source: Ledger, into: Ledger) -> None:
    """Insert the copies, with what is remembered of the messages."""
    into.insert(copies)
    facts = dict(source.facts([row.uid for row in rows]))
    into.remember((copy.uid, facts[row.uid]) for row, copy in zip(rows, copies, strict=True) if row.uid in facts)
