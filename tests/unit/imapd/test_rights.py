"""Which right each command needs in another user's folder (RFC 4314 section 4)."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import ALICE, BOB, Client, Running

WORK = f"user/{ALICE}/Work"
ALL = "lrwstipekxa"
LITERAL = f"{{{len(HELLO)}+}}\r\n{HELLO.decode()}"

BY_NAME = [
    (f"SELECT {WORK}", "r"),
    (f"EXAMINE {WORK}", "r"),
    (f"STATUS {WORK} (MESSAGES MAILBOXID)", "r"),
    (f"GETQUOTAROOT {WORK}", "r"),
    (f"SUBSCRIBE {WORK}", "l"),
    (f"APPEND {WORK} {LITERAL}", "i"),
    (f"CREATE {WORK}/New", "k"),
    (f"DELETE {WORK}", "x"),
    (f"RENAME {WORK}/Sub {WORK}/Other", "xk"),
    (f"GETACL {WORK}", "a"),
    (f"SETACL {WORK} anyone l", "a"),
    (f"DELETEACL {WORK} anyone", "a"),
    (f"LISTRIGHTS {WORK} anyone", "a"),
    (f'SETMETADATA {WORK} (/shared/comment "x")', "lw"),
]
"""Commands that name a folder, and all rights that they need."""

BY_SELECTION = [
    (r"STORE 1 +FLAGS (\Seen)", "s"),
    (r"STORE 1 -FLAGS (\Deleted)", "t"),
    (r"STORE 1 +FLAGS (\Flagged)", "w"),
    (r"UID STORE 1 +FLAGS.SILENT ($Work)", "w"),
    ("EXPUNGE", "e"),
    ("UID EXPUNGE 1", "e"),
    (f"COPY 1 {WORK}", "i"),
    ("UID MOVE 1 Archive", "te"),
    (f"MOVE 1 {WORK}", "tei"),
    (f"UID REPLACE 1 Archive {LITERAL}", "te"),
]
"""Commands in the selected folder, which is open for it may be read."""

ANY_OF = [(f"MYRIGHTS {WORK}", right) for right in "lrikxa"] + [(f"GETMETADATA {WORK} /shared/comment", "l" + right) for right in "rswip"]
"""Commands for which one of several rights is enough."""


class Pair:
    """Two users; one lets the other do some things in a folder of hers."""

    def __init__(self, alice: Client, bob: Client) -> None:
        self.alice = alice
        self.bob = bob

    def give(self, rights: str) -> None:
        for folder in ("Work", "Work.Sub"):
            assert self.alice.ask(f'SETACL {folder} {BOB} "{rights}"')[-1].startswith(b"OK")

    def select(self) -> None:
        self.give(ALL)
        assert self.bob.ask(f"SELECT {WORK}")[-1].startswith(b"OK [READ-WRITE]")


def told_flags(client: Client, messages: str) -> list[bytes]:
    """The flags of messages, those aside that are the owner's alone."""
    replies = client.ask(f"FETCH {messages} FLAGS")[:-1]
    return [re.sub(rb" ?\\Recent", b"", re.findall(rb"FLAGS (\(.*?\))", reply)[0]).replace(b"( ", b"(") for reply in replies if b"FETCH" in reply]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    root: Path = tmp_path_factory.mktemp("rights")
    running = Running(root)
    yield running
    running.stop()


@pytest.fixture
def pair(running: Running) -> Iterator[Pair]:
    with running.signed_in(ALICE) as alice, running.signed_in(BOB) as bob:
        for folder in ("Work", "Work.Sub"):
            assert alice.ask(f"CREATE {folder}")[-1].startswith(b"OK")
        alice.append("Work", HELLO)
        alice.ask("SETACL INBOX anyone l")  # that she shares something is known
        yield Pair(alice, bob)
        for line in alice.ask('LIST "" Work*')[:-1]:
            alice.ask(b"DELETE " + line.split()[-1])


@pytest.mark.parametrize(("command", "needs"), BY_NAME + ANY_OF, ids=str)
def test_command_on_a_folder_needs_no_other_right(pair: Pair, command: str, needs: str) -> None:
    pair.give(needs)
    assert pair.bob.ask(command)[-1].startswith(b"OK")


@pytest.mark.parametrize(("command", "right"), [(command, right) for command, needs in BY_NAME for right in needs], ids=str)
def test_command_on_a_folder_needs_each_right(pair: Pair, command: str, right: str) -> None:
    pair.give(ALL.replace(right, ""))
    assert pair.bob.ask(command)[-1].startswith(b"NO [NONEXISTENT]" if right == "l" else b"NO [NOPERM]")


@pytest.mark.parametrize("command", [command for command, _ in [*BY_NAME, ANY_OF[0], ANY_OF[-1]]], ids=str)
@pytest.mark.parametrize("folder", ["Work", "None"])
def test_folder_without_a_right_is_as_one_that_is_not_there(pair: Pair, command: str, folder: str) -> None:
    reply = pair.bob.ask(command.replace("/Work", f"/{folder}"))[-1]
    expected = b"NO [TRYCREATE] No such mailbox" if command.startswith("APPEND") else b"NO [NONEXISTENT] No such mailbox"
    assert reply == (b"NO [NOPERM] No right to do that" if command.startswith("CREATE") else expected)


@pytest.mark.parametrize(("command", "needs"), BY_SELECTION, ids=str)
def test_command_in_a_folder_needs_no_other_right(pair: Pair, command: str, needs: str) -> None:
    pair.select()
    pair.give("r" + needs)
    assert pair.bob.ask(command)[-1].startswith(b"OK")


@pytest.mark.parametrize(("command", "right"), [(command, right) for command, needs in BY_SELECTION for right in needs], ids=str)
def test_command_in_a_folder_needs_each_right(pair: Pair, command: str, right: str) -> None:
    pair.select()
    pair.give(ALL.replace(right, ""))
    assert pair.bob.ask(command)[-1].startswith(b"NO [NOPERM]")
    assert pair.alice.ask("STATUS Work (MESSAGES)")[0] == b"* STATUS Work (MESSAGES 1)"


@pytest.mark.parametrize(("rights", "mode"), [("lr", b"READ-ONLY"), *((f"r{right}", b"READ-WRITE") for right in "iestw"), ("lrpkxa", b"READ-ONLY")])
def test_folder_in_which_nothing_can_be_changed_is_read_only(pair: Pair, rights: str, mode: bytes) -> None:
    pair.give(rights)
    assert pair.bob.ask(f"SELECT {WORK}")[-1].startswith(b"OK [%b]" % mode)


@pytest.mark.parametrize(
    ("rights", "flags"),
    [
        ("rs", rb"(\Seen)"),
        ("rt", rb"(\Deleted)"),
        ("rw", rb"(\Answered \Draft \Flagged \*)"),
        ("rstw", rb"(\Answered \Deleted \Draft \Flagged \Seen \*)"),
        ("ri", b"()"),
    ],
)
def test_permanent_flags_are_those_that_the_rights_allow(pair: Pair, rights: str, flags: bytes) -> None:
    pair.give(rights)
    assert any(b"[PERMANENTFLAGS %b]" % flags in reply for reply in pair.bob.ask(f"SELECT {WORK}"))
    assert any(b"[PERMANENTFLAGS ()]" in reply for reply in pair.bob.ask(f"EXAMINE {WORK}"))


@pytest.mark.parametrize(
    ("rights", "command", "flags"),
    [
        ("rs", r"STORE 1 FLAGS ()", rb"(\Deleted \Flagged $Work)"),
        ("rt", r"STORE 1 FLAGS (\Seen)", rb"(\Flagged \Seen $Work)"),
        ("rw", r"STORE 1 FLAGS.SILENT ($Other)", rb"(\Deleted \Seen $Other)"),
        ("rs", r"STORE 1 -FLAGS (\Seen \Deleted \Flagged)", rb"(\Deleted \Flagged $Work)"),
        ("rwt", r"STORE 1 +FLAGS (\Answered)", rb"(\Answered \Deleted \Flagged \Seen $Work)"),
    ],
)
def test_store_changes_the_flags_that_the_rights_allow(pair: Pair, rights: str, command: str, flags: bytes) -> None:
    pair.alice.ask("SELECT Work")
    pair.alice.ask(r"STORE 1 FLAGS (\Seen \Deleted \Flagged $Work)")
    pair.give(rights)
    pair.bob.ask(f"SELECT {WORK}")
    assert pair.bob.ask(command)[-1].startswith(b"OK")
    assert told_flags(pair.bob, "1") == told_flags(pair.alice, "1") == [flags]
    pair.alice.ask("UNSELECT")


@pytest.mark.parametrize(("rights", "flags"), [("r", b"()"), ("rs", rb"(\Seen)")])
def test_body_is_marked_seen_by_who_may(pair: Pair, rights: str, flags: bytes) -> None:
    pair.give(rights)
    pair.bob.ask(f"SELECT {WORK}")
    assert pair.bob.ask("FETCH 1 BODY[TEXT]")[-1].startswith(b"OK")
    pair.alice.ask("SELECT Work")
    assert told_flags(pair.alice, "1") == [flags]
    pair.alice.ask("UNSELECT")


@pytest.mark.parametrize(("rights", "left"), [("rt", 1), ("rte", 0)])
def test_close_expunges_for_who_may(pair: Pair, rights: str, left: int) -> None:
    pair.give(rights)
    pair.bob.ask(f"SELECT {WORK}")
    pair.bob.ask(r"STORE 1 +FLAGS (\Deleted)")
    assert pair.bob.ask("CLOSE")[-1].startswith(b"OK")
    assert pair.alice.ask("STATUS Work (MESSAGES)")[0] == b"* STATUS Work (MESSAGES %d)" % left


@pytest.mark.parametrize(
    ("rights", "flags"),
    [("i", b""), ("is", rb"\Seen"), ("it", rb"\Deleted"), ("iw", rb"\Flagged $Work"), ("istw", rb"\Deleted \Flagged \Seen $Work")],
)
def test_flags_of_new_messages_are_those_that_the_rights_allow(pair: Pair, rights: str, flags: bytes) -> None:
    pair.bob.append("Drafts", HELLO, r"(\Seen \Deleted \Flagged $Work) ")
    pair.bob.ask("SELECT Drafts")
    pair.give(rights)
    assert pair.bob.append(WORK, HELLO, r"(\Seen \Deleted \Flagged $Work) ").startswith(b"OK Done")
    assert pair.bob.ask(f"COPY * {WORK}")[-1].startswith(b"OK Done")
    pair.alice.ask("EXAMINE Work")
    assert told_flags(pair.alice, "2:3") == [b"(%b)" % flags] * 2
    pair.alice.ask("UNSELECT")


def test_owner_is_bound_by_what_he_takes_from_himself(pair: Pair) -> None:
    pair.alice.ask(f"SETACL Work {ALICE} lr")
    pair.alice.ask("SELECT Work")
    assert pair.alice.ask("EXPUNGE")[-1].startswith(b"NO [READ-ONLY]")
    assert pair.alice.append("Work", HELLO).startswith(b"NO [NOPERM]")
    assert pair.alice.ask("CREATE Work.New")[-1].startswith(b"NO [NOPERM]")
    assert pair.alice.ask("MYRIGHTS Work")[0] == b"* MYRIGHTS Work lra"
    assert pair.alice.ask(f"DELETEACL Work {ALICE}")[-1].startswith(b"OK")
    assert pair.alice.ask("MYRIGHTS Work")[0] == b"* MYRIGHTS Work lrwstipekxacd"
    pair.alice.ask("UNSELECT")
