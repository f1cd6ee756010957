"""Clients of one folder, each with modes of its own, do as they like; what each knows from its replies is the folder, after every reply.

The model is the folder as the commands must leave it. A client's picture has what it heard alone: numbers, UIDs, flags, modseqs.
"""

import contextlib
import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import Client, Running

MODES = ("", "CONDSTORE", "QRESYNC", "IMAP4rev2", "QRESYNC UIDONLY")
WITH_MODSEQS = (1, 2, 4)
WHO = st.integers(0, len(MODES) - 1)
PICK = st.integers(0, 20)
FLAGS = st.frozensets(st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged", "$Junk"]), max_size=3)
SIGN = st.sampled_from(["", "+", "-"])
QUIET = st.sampled_from(
    ["NOOP", "CHECK", "SEARCH UNSEEN", "FETCH 1:* UID", "UID FETCH 1:* FLAGS", "FETCH 1:* (FLAGS MODSEQ)", "STATUS Trash (MESSAGES)"]
)
_FETCH = re.compile(rb"\* (\d+) (?:UID)?FETCH (.*)", re.DOTALL)
_COUNT = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE)")
_IN_USE = re.compile(rb"\* FLAGS \((.*)\)")
_ITEM = re.compile(rb"(UID|MODSEQ) \(?(\d+)|FLAGS \(([^)]*)\)")
NUMBERS_STAND = ("FETCH", "STORE", "SEARCH")


def numbers(text: bytes) -> list[int]:
    """The numbers of a set."""
    pairs = [[int(end) for end in item.split(b":")] for item in text.split(b",")]
    return [number for pair in pairs for number in range(pair[0], pair[-1] + 1)]


class Known:
    """What a client knows of one message; ``None`` is what it never heard."""

    def __init__(self) -> None:
        self.uid: int | None = None
        self.flags: frozenset[str] | None = None
        self.modseq = 0

    def hear(self, text: bytes) -> None:
        """Take in the items of a FETCH reply."""
        for name, number, flags in _ITEM.findall(text):
            if name == b"UID":
                assert self.uid in (None, int(number))
                self.uid = int(number)
            elif name == b"MODSEQ":
                self.modseq = int(number)
            else:
                self.flags = frozenset(flags.decode().split()) - {"\\Recent"}


class Mirror:
    """A client and its picture of the folder."""

    def __init__(self, client: Client, mode: str) -> None:
        self.client = client
        self.has_modseqs = "CONDSTORE" in mode or "QRESYNC" in mode
        self.resyncs = "QRESYNC" in mode
        self.has_numbers = "UIDONLY" not in mode
        self.messages: list[Known] = []
        self.told_flags: frozenset[str] = frozenset()
        self.modseq = 0
        if mode:
            client.ask(f"ENABLE {mode}")
        self.ask("SELECT INBOX")

    def ask(self, command: str) -> list[bytes]:
        """Say a command and believe the replies; then learn the UIDs that are not known yet."""
        replies = self.client.ask(command)
        assert replies[-1].startswith((b"OK", b"NO [EXPUNGEISSUED]")), replies
        if found := re.search(rb"\[HIGHESTMODSEQ (\d+)\]", b"\r\n".join(replies)):
            self.modseq = int(found[1])
        for reply in replies[:-1]:
            self._hear(reply, may_expunge=not command.startswith(NUMBERS_STAND))
        fresh = [str(number) for number, message in enumerate(self.messages, 1) if message.uid is None or message.flags is None]
        if fresh:
            which = f"FETCH {','.join(fresh)} (UID" if self.has_numbers else f"UID FETCH {max(self.uids, default=0) + 1}:* ("
            self.ask(f"{which} FLAGS{' MODSEQ' if self.has_modseqs else ''})".replace("( ", "("))
        return replies

    @property
    def uids(self) -> list[int]:
        """The UIDs that are known."""
        return [message.uid for message in self.messages if message.uid is not None]

    def named(self, number: int) -> Known:
        """The message that a reply is about: by UID to a client without numbers, where new ones come in order."""
        if self.has_numbers:
            return self.messages[number - 1]
        message = next(message for message in self.messages if message.uid in (number, None))
        message.uid = number
        return message

    def _hear(self, reply: bytes, *, may_expunge: bool) -> None:
        if found := _FETCH.fullmatch(reply):
            assert b"UIDFETCH" not in reply[:20] or not self.has_numbers
            message = self.named(int(found[1]))
            message.hear(found[2])
            assert (message.flags or frozenset()) <= self.told_flags, "a flag is used before it is told"
        elif found := _IN_USE.fullmatch(reply):
            self.told_flags = frozenset(found[1].decode().split())
        elif found := _COUNT.fullmatch(reply):
            if found[2] == b"EXISTS":
                assert int(found[1]) >= len(self.messages)
                self.messages += [Known() for _ in range(int(found[1]) - len(self.messages))]
            else:
                assert may_expunge and not self.resyncs
                del self.messages[int(found[1]) - 1]
        elif reply.startswith(b"* VANISHED"):
            assert may_expunge and self.resyncs and b"EARLIER" not in reply
            gone = numbers(reply.split()[-1])
            assert set(gone) <= {message.uid for message in self.messages}
            self.messages = [message for message in self.messages if message.uid not in gone]

    def return_from_away(self, uidvalidity: int, how: str) -> None:
        """SELECT with what was known when the folder was left (RFC 7162 section 3.2.5)."""
        cache = {message.uid: message for message in self.messages}
        replies = self.client.ask(f"SELECT INBOX (QRESYNC ({uidvalidity} {self.modseq}{how}))")
        assert replies[-1].startswith(b"OK"), replies
        count = next(int(found[1]) for reply in replies if (found := re.fullmatch(rb"\* (\d+) EXISTS", reply)))
        fetched: dict[int, bytes] = {}
        for reply in replies[:-1]:
            if reply.startswith(b"* VANISHED (EARLIER)"):
                for uid in numbers(reply.split()[-1]):
                    cache.pop(uid, None)
            elif found := _FETCH.fullmatch(reply):
                fetched[int(found[1])] = found[2]
            elif found := _IN_USE.fullmatch(reply):
                self.told_flags = frozenset(found[1].decode().split())
            elif found := re.search(rb"\[HIGHESTMODSEQ (\d+)\]", reply):
                self.modseq = int(found[1])
        kept = [message for _, message in sorted(cache.items(), key=lambda pair: pair[0] or 0)]
        self.messages = kept + [Known() for _ in range(count - len(kept))]
        assert len(self.messages) == count
        for number, text in fetched.items():
            self.messages[number - 1].hear(text)
        self.ask("NOOP")


class Sessions(RuleBasedStateMachine):
    """A worker, a folder and sessions of all kinds, and what the folder must be."""

    def __init__(self) -> None:
        super().__init__()
        self._exit = contextlib.ExitStack()
        self.root = Path(self._exit.enter_context(tempfile.TemporaryDirectory()))
        imapd = Running(self.root)
        self._exit.callback(imapd.stop)
        self.mirrors = [Mirror(self._exit.enter_context(imapd.signed_in()), mode) for mode in MODES]
        self.folder: dict[int, frozenset[str]] = {}
        self.uidnext = 1
        self.versions: dict[tuple[int | None, int], frozenset[str] | None] = {}
        self.uidvalidity = int(self.mirrors[0].ask("STATUS INBOX (UIDVALIDITY)")[0].split()[-1].rstrip(b")"))

    def teardown(self) -> None:
        self._exit.close()

    def ask(self, who: int, command: str) -> list[bytes]:
        """Say a command, then compare."""
        replies = self.mirrors[who].ask(command)
        self.compare(self.mirrors[who], is_whole=not command.startswith(NUMBERS_STAND))
        return replies

    def compare(self, mirror: Mirror, *, is_whole: bool) -> None:
        """The picture is the folder; after a command that may not tell of it, with the messages that are gone."""
        assert not is_whole or [message.uid for message in mirror.messages] == sorted(self.folder)
        assert sorted(self.folder) == [message.uid for message in mirror.messages if message.uid in self.folder]
        for message in mirror.messages:
            if message.uid in self.folder:
                assert message.flags == self.folder[message.uid or 0]
                assert not mirror.has_modseqs or self.versions.setdefault((message.uid, message.modseq), message.flags) == message.flags

    @rule(who=WHO)
    def lose_the_index(self, who: int) -> None:
        """It is rebuilt from the files under the feet of all sessions, and nothing is lost but a few numbers that were not given out."""
        (path,) = self.root.rglob("malleposte.index")
        path.unlink()
        self.uidnext = int(self.mirrors[who].ask("STATUS INBOX (UIDNEXT)")[0].split()[-1].rstrip(b")"))
        self.compare(self.mirrors[who], is_whole=True)

    @rule(who=WHO, flags=FLAGS)
    def append(self, who: int, flags: frozenset[str]) -> None:
        self.folder[self.uidnext] = flags
        self.uidnext += 1
        self.ask(who, f"APPEND INBOX ({' '.join(sorted(flags))}) {{{len(HELLO)}+}}\r\n{HELLO.decode()}")

    @rule(who=WHO, command=QUIET)
    def look(self, who: int, command: str) -> None:
        mirror = self.mirrors[who]
        by_uid = "" if mirror.has_numbers or not command.startswith(NUMBERS_STAND) else "UID "
        self.ask(who, by_uid + (command if mirror.has_modseqs else command.replace(" MODSEQ", "")))

    @rule(who=WHO, pick=PICK, sign=SIGN, flags=FLAGS, is_silent=st.booleans(), by_uid=st.booleans())
    def store(self, who: int, pick: int, sign: str, flags: frozenset[str], is_silent: bool, by_uid: bool) -> None:
        mirror = self.mirrors[who]
        if not mirror.messages:
            return
        number = pick % len(mirror.messages)
        message = mirror.messages[number]
        before = message.flags or frozenset()
        self.change(message, sign, flags)
        if is_silent:
            message.flags = combined(before, sign, flags)
        word = f"{sign}FLAGS{'.SILENT' if is_silent else ''} ({' '.join(sorted(flags))})"
        self.ask(who, f"UID STORE {message.uid} {word}" if by_uid or not mirror.has_numbers else f"STORE {number + 1} {word}")

    def change(self, message: Known, sign: str, flags: frozenset[str]) -> None:
        if message.uid in self.folder:
            self.folder[message.uid or 0] = combined(self.folder[message.uid or 0], sign, flags)

    @rule(who=st.sampled_from(WITH_MODSEQS), pick=PICK, flags=FLAGS)
    def store_if_unchanged(self, who: int, pick: int, flags: frozenset[str]) -> None:
        """No change of another that this client has not heard of is ever written over."""
        mirror = self.mirrors[who]
        if not mirror.messages:
            return
        message = mirror.messages[pick % len(mirror.messages)]
        was_known = message.uid in self.folder and self.folder[message.uid or 0] == message.flags
        replies = mirror.ask(f"UID STORE {message.uid} (UNCHANGEDSINCE {message.modseq}) FLAGS ({' '.join(sorted(flags))})")
        if b"MODIFIED" not in replies[-1] and message.uid in self.folder:
            assert was_known
            self.change(message, "", flags)
        self.compare(mirror, is_whole=True)

    @rule(who=WHO, command=st.sampled_from(["EXPUNGE", "UID EXPUNGE 1:3", "UID EXPUNGE 2:*"]))
    def expunge(self, who: int, command: str) -> None:
        known = {message.uid for message in self.mirrors[who].messages}
        last = max((uid for uid in known if uid), default=0)
        first, last = {"EXPUNGE": (1, self.uidnext), "UID EXPUNGE 1:3": (1, 3), "UID EXPUNGE 2:*": (min(2, last), max(2, last))}[command]
        chosen = range(first, last + 1)
        gone = [uid for uid in self.folder if "\\Deleted" in self.folder[uid] and uid in chosen and (command == "EXPUNGE" or uid in known)]
        for uid in gone:
            del self.folder[uid]
        self.ask(who, command)

    @rule(who=WHO, pick=PICK, moves=st.booleans(), place=st.sampled_from(["INBOX", "Trash"]))
    def file(self, who: int, pick: int, moves: bool, place: str) -> None:
        mirror = self.mirrors[who]
        if not mirror.messages:
            return
        uid = mirror.messages[pick % len(mirror.messages)].uid or 0
        if uid in self.folder:
            flags = self.folder.pop(uid) if moves else self.folder[uid]
            if place == "INBOX":
                self.folder[self.uidnext] = flags
                self.uidnext += 1
        self.ask(who, f"UID {'MOVE' if moves else 'COPY'} {uid} {place}")

    @rule(count=st.integers(0, 3), flags=FLAGS, with_known=st.booleans(), with_pairs=st.booleans())
    @precondition(lambda self: self.mirrors[2].modseq)
    def leave_and_return(self, count: int, flags: frozenset[str], with_known: bool, with_pairs: bool) -> None:
        """The third client is away while others change and remove messages, and knows the folder again at once."""
        mirror = self.mirrors[2]
        mirror.client.ask("UNSELECT")
        for number in range(count):
            self.store(0, number * 7, "+", flags | {"\\Deleted"} if number else flags, True, True)
            self.expunge(number % 2, "EXPUNGE")
        uids = [str(message.uid) for message in mirror.messages]
        pairs = f" ({','.join(str(n + 1) for n in range(len(uids)))} {','.join(uids)})" if with_pairs and uids else ""
        mirror.return_from_away(self.uidvalidity, (f" {','.join(uids)}" if with_known and uids else "") + pairs)
        self.compare(mirror, is_whole=True)


def combined(before: frozenset[str], sign: str, flags: frozenset[str]) -> frozenset[str]:
    return {"": flags, "+": before | flags, "-": before - flags}[sign]


TestSessions = Sessions.TestCase
TestSessions.settings = settings(max_examples=8, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
