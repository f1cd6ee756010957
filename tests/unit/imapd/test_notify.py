"""What a client that says NOTIFY hears (RFC 5465)."""

import contextlib
import os
from pathlib import Path

import pytest

from services.imapd.grammar.wishes import Group, Notify, Occasion, Which
from services.imapd.interest import Changed, Interest, Moved, News, Removed, Subscribed, Survey
from services.kernel.mailbox import acl
from services.kernel.mailbox.config import MailboxSettings
from services.kernel.mailbox.records import Figures
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import MailboxTrouble
from services.kernel.mailbox.user import UserMail
from services.kernel.mailbox.watch import Watcher
from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import ALICE, BOB, Running

ALL = "(MessageNew MessageExpunge FlagChange)"


def test_state_of_now_is_told_first_if_wanted(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.append("Trash", HELLO)
        first = client.ask("NOTIFY SET STATUS (mailboxes Trash (MessageNew MessageExpunge))")
        assert first[0].startswith(b"* STATUS Trash (MESSAGES 1 UIDNEXT 2 UIDVALIDITY ") and len(first) == 2 and b"HIGHESTMODSEQ" not in first[0]
        assert b" HIGHESTMODSEQ " in client.ask(f"NOTIFY SET STATUS (mailboxes (Trash Sent) {ALL})")[0]
        assert client.ask(f"NOTIFY SET (mailboxes Trash {ALL})") == [b"OK Done"]


def test_other_folders_are_told_as_it_happens(imapd: Running) -> None:
    with imapd.signed_in(select="Sent") as other, imapd.signed_in(select="INBOX") as client:
        client.ask(f"NOTIFY SET (subtree Sent {ALL}) (personal NONE)")
        other.append("Sent", HELLO)
        assert client.line().startswith(b"* STATUS Sent (MESSAGES 1 UIDNEXT 2 UIDVALIDITY ")
        other.ask("STORE 1 +FLAGS (\\Seen)")
        assert b" UNSEEN 0 HIGHESTMODSEQ " in client.line()
        other.append("Trash", HELLO)
        other.ask("MOVE 1 Trash")
        assert client.line().startswith(b"* STATUS Sent (MESSAGES 0 UIDNEXT 2 ")
        assert client.ask("NOOP") == [b"OK Done"]


def test_selected_folder_is_told_without_idle_and_new_messages_are_fetched(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client, imapd.signed_in() as other:
        client.append("INBOX", HELLO)
        client.ask("STORE 1 FLAGS.SILENT (\\Deleted)")
        client.ask("NOTIFY SET (SELECTED (MessageNew (UID BODY.PEEK[HEADER.FIELDS (SUBJECT)]) MessageExpunge FlagChange))")
        imapd.deliver(ALICE, HELLO)
        assert [client.line(), client.line()] == [b"* 2 EXISTS", b"* 2 RECENT"]
        assert client.line() == b"* 2 FETCH (UID 2 BODY[HEADER.FIELDS (SUBJECT)] {18}\r\nSubject: hello\r\n\r\n)"
        other.ask("SELECT INBOX")
        other.ask("STORE 2 FLAGS (\\Flagged)")
        assert client.line() == b"* 2 FETCH (FLAGS (\\Flagged \\Recent))"
        other.ask("EXPUNGE")
        assert client.line() == b"* 1 EXPUNGE"


def test_expunge_that_is_to_be_delayed_waits_for_a_command(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client, imapd.signed_in() as other:
        client.append("INBOX", HELLO)
        client.append("INBOX", HELLO)
        other.ask("SELECT INBOX")
        client.ask("NOTIFY SET (selected-delayed (MessageNew MessageExpunge))")
        other.ask("STORE 2 FLAGS (\\Flagged)")
        other.ask("MOVE 1 Trash")
        imapd.deliver(ALICE, HELLO)
        assert client.line() == b"* 3 EXISTS"
        assert client.line() == b"* 3 RECENT"
        assert client.ask("FETCH 3 UID")[:-1] == [b"* 3 FETCH (UID 3)"]
        assert client.ask("NOOP")[:-1] == [b"* 1 EXPUNGE"]


def test_who_wants_nothing_hears_nothing(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        for wish in ("NOTIFY NONE", f"NOTIFY SET (mailboxes Sent {ALL})"):
            client.ask(wish)
            imapd.deliver(ALICE, HELLO)
            assert client.ask("NOOP") == [b"OK Done"]
            client.send(b"i IDLE\r\n")
            imapd.deliver(ALICE, HELLO)
            client.send(b"DONE\r\n")
            assert client.replies(b"i") == [b"+ idling", b"OK Done"]
        assert b"* 4 EXISTS" in client.ask("SELECT INBOX")


def test_flags_that_are_not_told_leave_the_highest_modseq_as_it_was(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        client.append("INBOX", HELLO)
        client.ask("ENABLE QRESYNC")
        opened = client.ask("SELECT INBOX")
        client.ask("NOTIFY SET (SELECTED (MessageNew MessageExpunge))")
        other.ask("SELECT INBOX")
        other.ask("STORE 1 +FLAGS (\\Flagged)")
        assert client.ask("NOOP") == [b"OK Done"]
        client.append("INBOX", HELLO)
        client.ask("STORE 2 +FLAGS (\\Deleted)")
        before = next(line for line in opened if b"HIGHESTMODSEQ" in line).split(b"HIGHESTMODSEQ ")[1].split(b"]")[0]
        assert b"[HIGHESTMODSEQ %b]" % before in b"".join(client.ask("EXPUNGE"))


def test_names_and_subscriptions_are_told(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        client.ask("NOTIFY SET (personal (MailboxName SubscriptionChange))")
        other.ask("CREATE New")
        assert client.line() == b'* LIST () "." New'
        other.ask("RENAME New Newer")
        assert client.line() == b'* LIST () "." Newer ("OLDNAME" (New))'
        other.ask("SUBSCRIBE Newer")
        other.append("Newer", HELLO)
        assert client.line() == b'* LIST (\\Subscribed) "." Newer'
        other.ask("DELETE Newer")
        assert client.line() == b'* LIST (\\NonExistent) "." Newer'


def test_trouble_of_the_store_ends_no_session(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with imapd.signed_in() as client:
        client.ask(f"NOTIFY SET (personal {ALL})")
        with monkeypatch.context() as patch:
            patch.setattr(UserMail, "survey", fail)
            imapd.deliver(ALICE, HELLO)
            assert "disk on fire" in imapd.wait_for_event("trouble")["reason"]
        imapd.deliver(ALICE, HELLO)
        assert client.line().startswith(b"* STATUS INBOX (MESSAGES 2 ")


def open_indexes(root: Path) -> set[str]:
    """The indexes below ``root`` that this process has open."""
    found = set[str]()
    for entry in Path("/proc/self/fd").iterdir():
        with contextlib.suppress(FileNotFoundError):
            found.add(os.readlink(entry))
    return {path for path in found if path.startswith(str(root)) and path.endswith("/malleposte.index")}


def test_many_who_share_are_told_of_and_few_mailboxes_are_open(tmp_path: Path) -> None:
    imapd = Running(tmp_path, open_mailboxes=4)
    try:
        owners = [f"owner{number}@example.test" for number in range(12)]
        imapd.add_accounts(owners)
        others = MailStore(MailboxSettings(root=tmp_path / "mail"))
        for owner in owners:
            others.user(owner).change_acl("INBOX", f"user={BOB}", lambda _: acl.parse("lr"))
        others.close()
        with imapd.signed_in(BOB) as bob:
            told = bob.ask("NOTIFY SET STATUS (SUBTREE user/ (MailboxName MessageNew MessageExpunge))")
            assert len(told) == 13 and all(b"(MESSAGES 0 " in line for line in told[:-1])
            assert len(open_indexes(tmp_path)) <= 5, "those that the store counts, and that of the user, which his session has"
            for owner in owners:
                imapd.deliver(owner, HELLO)
                assert bob.line().startswith(f"* STATUS user/{owner}/INBOX (MESSAGES 1 ".encode())
            assert len(open_indexes(tmp_path)) <= 5
    finally:
        imapd.stop()


def fail(*_: object) -> None:
    raise MailboxTrouble("disk on fire")


def test_annotations_are_told(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        client.ask("NOTIFY SET (mailboxes INBOX (MailboxMetadataChange ServerMetadataChange))")
        other.ask('SETMETADATA Sent (/private/comment "not for you")')
        other.ask('SETMETADATA INBOX (/private/comment "a")')
        assert client.line() == b"* METADATA INBOX /private/comment"
        other.ask('SETMETADATA "" (/private/comment "b")')
        assert client.line() == b'* METADATA "" /private/comment'
        other.ask('SETMETADATA INBOX ("/private/my comment" "c")')
        assert client.line() == b'* METADATA INBOX "/private/my comment"'


def test_select_that_cannot_be_listened_to_selects_nothing(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    with imapd.signed_in(ALICE) as alice, imapd.signed_in(BOB) as bob:
        alice.ask(f"SETACL INBOX {BOB} lr")
        bob.ask(f"NOTIFY SET (SELECTED {ALL})")
        with monkeypatch.context() as patch:
            patch.setattr(Watcher, "subscribe", fail)
            assert bob.ask(f"SELECT user/{ALICE}/INBOX")[-1].startswith(b"NO [UNAVAILABLE]")
        assert bob.ask("CLOSE")[-1].startswith(b"BAD")


@pytest.mark.parametrize(
    "command",
    [
        "NOTIFY",
        "NOTIFY SET",
        "NOTIFY SET STATUS",
        "NOTIFY SET (nowhere (MessageNew MessageExpunge))",
        "NOTIFY SET (personal (MessageNew))",
        "NOTIFY SET (personal (FlagChange))",
        "NOTIFY SET (selected (MailboxName))",
        "NOTIFY SET (selected NONE) (selected-delayed NONE)",
        "NOTIFY SET (mailboxes () NONE)",
        "NOTIFY SET (personal (MessageNew (FLAGS MessageExpunge))",
    ],
)
def test_wish_that_makes_no_sense_is_bad(imapd: Running, command: str) -> None:
    with imapd.signed_in() as client:
        assert client.ask(command)[-1].startswith(b"BAD")


def test_event_that_is_not_known_is_refused_with_those_that_are(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask("NOTIFY SET (personal (AnnotationChange))")[-1].startswith(b"NO [BADEVENT (MessageNew MessageExpunge FlagChange ")


def figures(uidvalidity: int, uidnext: int = 1, modseq: int = 1, messages: int = 0) -> Figures:
    return Figures(uidvalidity, uidnext, modseq, messages, 0)


BEFORE = Survey({"INBOX": figures(1), "A": figures(2), "B": figures(3)}, frozenset({"A"}))


@pytest.mark.parametrize(
    ("folders", "subscribed", "expected"),
    [
        ({"INBOX": figures(1), "A": figures(2), "B": figures(3)}, {"A"}, []),
        ({"INBOX": figures(1), "C": figures(2)}, {"B"}, [Moved("C", "A"), Removed("B"), Subscribed("A", False), Subscribed("B", True)]),
        ({"INBOX": figures(1), "A": figures(9), "B": figures(3, 2, 2, 1)}, {"A"}, [Changed("B", figures(3, 2, 2, 1), Occasion.MESSAGE_NEW)]),
        ({"INBOX": figures(1, modseq=2), "A": figures(2), "B": figures(3)}, {"A"}, []),  # selected
    ],
)
def test_news(folders: dict[str, Figures], subscribed: set[str], expected: list[News]) -> None:
    everything = Interest(Notify((Group(Which.PERSONAL, (), frozenset(Occasion)),)))
    assert list(everything.news(BEFORE, Survey(folders, frozenset(subscribed)), "INBOX")) == expected


def test_first_group_that_fits_decides() -> None:
    groups = Group(Which.SUBTREE, ("A",), frozenset()), Group(Which.SUBSCRIBED, (), frozenset({Occasion.MESSAGE_NEW, Occasion.MESSAGE_EXPUNGE}))
    interest = Interest(Notify(groups))
    assert not interest.wants(Occasion.MESSAGE_NEW, "A", BEFORE)
    assert not interest.wants(Occasion.MESSAGE_NEW, "B", BEFORE)
    assert interest.wants(Occasion.MESSAGE_NEW, "B", Survey(BEFORE.folders, frozenset({"B"})))
