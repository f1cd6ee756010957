"""Two clients of one folder do as they like; each knows the folder from what it hears."""

import contextlib
import re
import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule

from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import Client, Running

WHO = st.integers(0, 1)
PICK = st.integers(0, 20)
FLAGS = st.sets(st.sampled_from(["\\Seen", "\\Deleted", "\\Flagged", "$Junk"]), max_size=3)
COMMANDS = st.sampled_from(["NOOP", "SEARCH UNSEEN", "FETCH 1:* UID", "UID FETCH 1:* FLAGS", "EXPUNGE", "UID MOVE 1:3 Trash", "CHECK"])
SIGN = st.sampled_from(["", "+", "-"])
_EVENT = re.compile(rb"\* (\d+) (EXISTS|EXPUNGE|FETCH)(.*)", re.DOTALL)
_FLAGS = re.compile(rb"FLAGS \(([^)]*)\)")
NUMBERS_STAND = ("FETCH", "STORE", "SEARCH")


class Mirror:
    """A client that keeps the flags of each message, ``None`` where it never heard them."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.messages: list[frozenset[str] | None] = []
        client.ask("SELECT INBOX")
        self.ask("FETCH 1:* FLAGS")

    def ask(self, command: str) -> list[bytes]:
        replies = self._client.ask(command)
        assert replies[-1].startswith((b"OK", b"NO [EXPUNGEISSUED]")), replies
        for reply in replies[:-1]:
            if found := _EVENT.fullmatch(reply):
                assert found[2] != b"EXPUNGE" or not command.startswith(NUMBERS_STAND)
                self._hear(int(found[1]), found[2], found[3])
        return replies

    def _hear(self, number: int, what: bytes, rest: bytes) -> None:
        if what == b"EXISTS":
            assert number >= len(self.messages)
            self.messages += [None] * (number - len(self.messages))
        elif what == b"EXPUNGE":
            del self.messages[number - 1]
        elif found := _FLAGS.search(rest):
            self.messages[number - 1] = frozenset(found[1].decode().split()) - {"\\Recent"}

    def reckon(self, number: int, sign: str, flags: set[str]) -> None:
        """Do to the mirror what a silent STORE does to the folder."""
        before = self.messages[number - 1]
        if sign == "":
            self.messages[number - 1] = frozenset(flags)
        elif before is not None:
            self.messages[number - 1] = before | flags if sign == "+" else before - flags

    def check(self) -> None:
        self.ask("NOOP")
        heard = list(self.messages)
        replies = self.ask("FETCH 1:* FLAGS")
        assert len(self.messages) == len(heard) == len(replies) - 1
        assert all(known is None or known == now for known, now in zip(heard, self.messages, strict=True))


class TwoSessions(RuleBasedStateMachine):
    """A worker, a folder and two sessions."""

    def __init__(self) -> None:
        super().__init__()
        self._exit = contextlib.ExitStack()
        root = self._exit.enter_context(tempfile.TemporaryDirectory())
        imapd = Running(Path(root))
        self._exit.callback(imapd.stop)
        self.mirrors = [Mirror(self._exit.enter_context(imapd.signed_in())) for _ in range(2)]

    def teardown(self) -> None:
        self._exit.close()

    @rule(who=WHO)
    def append(self, who: int) -> None:
        self.mirrors[who].ask(f"APPEND INBOX {{{len(HELLO)}+}}\r\n{HELLO.decode()}")

    @rule(who=WHO, pick=PICK, sign=SIGN, flags=FLAGS, is_silent=st.booleans())
    @precondition(lambda self: all(mirror.messages for mirror in self.mirrors))
    def store(self, who: int, pick: int, sign: str, flags: set[str], is_silent: bool) -> None:
        mirror = self.mirrors[who]
        number = pick % len(mirror.messages) + 1
        word = f"{sign}FLAGS.SILENT" if is_silent else f"{sign}FLAGS"
        replies = mirror.ask(f"STORE {number} {word} ({' '.join(sorted(flags))})")
        if is_silent and replies[-1].startswith(b"OK") and not any(reply.startswith(b"* %d FETCH" % number) for reply in replies):
            mirror.reckon(number, sign, flags)

    @rule(who=WHO, command=COMMANDS)
    def do(self, who: int, command: str) -> None:
        self.mirrors[who].ask(command)

    @rule(who=WHO)
    def check(self, who: int) -> None:
        self.mirrors[who].check()


TestTwoSessions = TwoSessions.TestCase
TestTwoSessions.settings = settings(max_examples=10, stateful_step_count=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
