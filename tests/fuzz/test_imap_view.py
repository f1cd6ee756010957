"""A client that believes every announcement knows the folder; one that is told nothing of expunges can still count."""

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from services.imapd.grammar.sequence import STAR, SequenceSet
from services.imapd.view import Announcement, Exists, Expunged, Flags, Keywords, View
from services.kernel.mailbox.records import Changes, FlagChange, FlagWord, Message, Status

FLAGS = st.frozensets(st.sampled_from(["\\Seen", "\\Deleted", "$Junk", "other"]))
PICK = st.integers(0, 30)
EVERYTHING = SequenceSet(((1, STAR),))


class Sessions(RuleBasedStateMachine):
    """A folder with its feed, one view of it, and the client behind that view."""

    def __init__(self) -> None:
        super().__init__()
        self.modseq = 1
        self.uidnext = 1
        self.folder: dict[int, Message] = {}
        self.vanished: dict[int, int] = {}
        self.view = View(0, ())
        self.client: list[tuple[int, frozenset[str]]] = []
        self.flags_heard: frozenset[str] = self.view.flags

    # The store, changed by anyone.

    @rule(flags=FLAGS)
    def deliver(self, flags: frozenset[str]) -> None:
        self.modseq += 1
        self.folder[self.uidnext] = Message(self.uidnext, self.modseq, flags, 0, 0, 0)
        self.uidnext += 1

    @rule(pick=PICK, flags=FLAGS)
    @precondition(lambda self: self.folder)
    def change_flags(self, pick: int, flags: frozenset[str]) -> None:
        self.put(sorted(self.folder)[pick % len(self.folder)], flags)

    @rule(pick=PICK)
    @precondition(lambda self: self.folder)
    def expunge(self, pick: int) -> None:
        self.modseq += 1
        uid = sorted(self.folder)[pick % len(self.folder)]
        del self.folder[uid]
        self.vanished[uid] = self.modseq

    def put(self, uid: int, flags: frozenset[str]) -> Message:
        self.modseq += 1
        self.folder[uid] = Message(uid, self.modseq, flags, 0, 0, 0)
        return self.folder[uid]

    # The session.

    @rule(has_tombstones=st.booleans(), recent=PICK)
    def absorb(self, has_tombstones: bool, recent: int) -> None:
        since = self.view.modseq
        changed = [message for uid, message in sorted(self.folder.items()) if message.modseq > since]
        vanished = [uid for uid, modseq in self.vanished.items() if modseq > since]
        status = Status(1, self.uidnext, self.modseq, len(self.folder), 0, 0, self.uidnext)
        self.view.absorb(Changes(status, changed, vanished if has_tombstones else None), sorted(self.folder))
        self.view.mark_recent(recent)

    @rule(pick=PICK, flags=FLAGS, word=st.sampled_from(FlagWord))
    @precondition(lambda self: self.client)
    def store_silently(self, pick: int, flags: frozenset[str], word: FlagWord) -> None:
        """The client changes flags and reckons the result itself."""
        number = pick % len(self.client)
        uid, known = self.client[number]
        change = FlagChange(word, flags)
        if uid in self.folder:
            stored = self.put(uid, combine(self.folder[uid].flags, change))
            self.client[number] = (uid, combine(known, change))
            self.view.note_silent_store([stored], change)

    @rule(may_expunge=st.booleans())
    def announce(self, may_expunge: bool) -> None:
        for announcement in self.view.announce(may_expunge=may_expunge):
            assert may_expunge or not isinstance(announcement, Expunged)
            self.hear(announcement)

    @rule()
    def announce_new(self) -> None:
        for announcement in self.view.announce_new():
            self.hear(announcement)

    @rule()
    def hear_everything(self) -> None:
        self.absorb(True, 0)
        self.announce(True)
        assert self.client == [(uid, message.flags) for uid, message in sorted(self.folder.items())]
        assert self.view.announce(may_expunge=True) == []

    def hear(self, announcement: Announcement) -> None:
        match announcement:
            case Exists(count):
                fresh = self.view.uids[len(self.client) :]
                assert count == len(self.client) + len(fresh) and fresh
                self.client += [(uid, self.view.message(uid).flags) for uid in fresh]
            case Expunged(numbers, uids):
                assert [self.client.pop(number - 1)[0] for number in numbers] == sorted(uids, reverse=True)
            case Flags(number, message):
                assert self.client[number - 1][0] == message.uid
                assert message.flags <= self.flags_heard
                self.client[number - 1] = (message.uid, message.flags)
            case Keywords(flags):
                self.flags_heard = flags

    @invariant()
    def numbers_are_those_of_the_client(self) -> None:
        assert [uid for uid, _ in self.client] == list(self.view.uids) == self.view.resolve(EVERYTHING, by_uid=False)
        assert [self.view.number(uid) for uid, _ in self.client] == list(range(1, len(self.client) + 1))
        assert list(self.view.uids) == self.view.resolve(EVERYTHING, by_uid=True) == sorted(self.view.uids)
        assert self.view.recent == sum(self.view.is_recent(uid) for uid in self.view.uids)


def combine(flags: frozenset[str], change: FlagChange) -> frozenset[str]:
    return {FlagWord.ADD: flags | change.flags, FlagWord.REMOVE: flags - change.flags, FlagWord.REPLACE: change.flags}[change.word]


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)
