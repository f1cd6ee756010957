"""Folders of others: found, used, and left, in two sessions."""

import asyncio
import contextlib
from collections.abc import Iterator

import pytest

from services.imapd.access import TO_READ, Access
from services.imapd.commands import listing
from services.imapd.matcher import Pattern
from services.imapd.service import Settings
from services.kernel.mailbox.store import MailStore
from services.kernel.mailbox.trouble import NoSuchFolder
from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import ALICE, BOB, Client, Running

HERS = f"user/{ALICE}"
WORK = f"{HERS}/Work"


@contextlib.contextmanager
def both(imapd: Running, rights: str = "lr", *, messages: int = 1) -> Iterator[tuple[Client, Client]]:
    """Alice and Bob, to whom she gives rights in her folder Work."""
    with imapd.signed_in(ALICE) as alice, imapd.signed_in(BOB) as bob:
        alice.ask("CREATE Work")
        for _ in range(messages):
            alice.append("Work", HELLO)
        give(alice, rights)
        yield alice, bob


def give(alice: Client, rights: str, folder: str = "Work") -> None:
    assert alice.ask(f'SETACL {folder} {BOB} "{rights}"')[-1].startswith(b"OK")


def listed(client: Client, command: str) -> list[bytes]:
    """The names in a list, with their attributes and separators."""
    return [reply.removeprefix(b"* LIST ").removeprefix(b"* LSUB ") for reply in client.ask(command)[:-1]]


# Finding them.


def test_shared_folders_are_listed_below_their_owner(imapd: Running) -> None:
    with both(imapd) as (alice, bob):
        alice.ask("CREATE Work.2026.May")  # it inherits the rights
        give(alice, "l", "Sent")
        assert listed(bob, 'LIST "" "user/*"') == [
            rb'(\HasNoChildren) "/" user/alice@example.test/Sent',
            rb'(\HasChildren) "/" user/alice@example.test/Work',
            rb'(\HasNoChildren) "/" user/alice@example.test/Work/2026/May',
        ]
        assert listed(bob, 'LIST "" user/%') == [rb'(\Noselect \HasChildren) "/" user/alice@example.test']
        assert listed(bob, f'LIST "" {WORK}/%') == [rb'(\Noselect \HasChildren) "/" user/alice@example.test/Work/2026']
        assert listed(bob, f'LIST "" "{HERS}/%"') == [
            rb'(\HasNoChildren) "/" user/alice@example.test/Sent',
            rb'(\HasChildren) "/" user/alice@example.test/Work',
        ]
        assert listed(bob, 'LIST "user/" "Alice@example.TEST/Work"') == [rb'(\HasChildren) "/" user/alice@example.test/Work']
        assert listed(bob, 'LIST "" u%') == [rb'(\Noselect \HasChildren) "/" user']
        assert listed(bob, 'LIST "user/" ""') == [rb'(\Noselect) "/" "user/"']


def test_list_of_everything_has_own_folders_and_those_of_others(imapd: Running) -> None:
    with both(imapd) as (alice, bob):
        names = [line.split()[-1] for line in listed(bob, 'LIST "" *')]
        assert names[0] == b"INBOX" and b"Sent" in names and names[-1] == WORK.encode()
        assert WORK.encode() not in [line.split()[-1] for line in listed(alice, 'LIST "" *')]
        assert not any(b"user" in line for line in listed(bob, 'LIST "" (INBOX Se* Dr%)'))


def test_own_folder_named_as_the_level_above_others_stands_for_itself(imapd: Running) -> None:
    with both(imapd) as (_, bob):
        bob.ask("CREATE user.mine")
        assert listed(bob, 'LIST "" u%') == [rb'(\Noselect \HasChildren) "." user']
        assert listed(bob, 'LIST "" user%') == [rb'(\Noselect \HasChildren) "." user']
        assert len(listed(bob, f'LIST "" {HERS}/%')) == 1


@pytest.mark.parametrize("name", ["user/ghost@example.test/INBOX", f"{HERS}/INBOX", f"{HERS}/None", HERS, "user/", "user/x", f"user/{BOB}/INBOX"])
def test_what_is_not_shared_is_as_what_is_not_there(imapd: Running, name: str) -> None:
    with imapd.signed_in(BOB) as bob:  # nobody shares anything
        for command in ("SELECT {}", "STATUS {} (MESSAGES)", "SUBSCRIBE {}", "DELETE {}", "MYRIGHTS {}", "GETQUOTAROOT {}"):
            assert bob.ask(command.format(name))[-1] == b"NO [NONEXISTENT] No such mailbox"
        assert bob.append(name, HELLO) == b"NO [TRYCREATE] No such mailbox"
        bob.ask("SELECT INBOX")
        assert listed(bob, 'LIST "" user*') == []
    assert not (imapd.root / "mail/example.test/ghost").exists()


@pytest.mark.parametrize("name", [f"{HERS}/../bob@example.test/INBOX", f"{WORK}/../Sent", f"{WORK}.cur", "user/../../INBOX", f"{HERS}//Work"])
def test_name_reaches_nothing_but_folders(imapd: Running, name: str) -> None:
    with both(imapd, "lrwstipekxa") as (_, bob):
        assert bob.ask(f"SELECT {name}")[-1].startswith(b"NO [NONEXISTENT]")
        assert bob.ask(f"CREATE {name}")[-1].startswith((b"NO [CANNOT]", b"NO [NONEXISTENT]"))
        assert bob.ask(f"RENAME {WORK} {name}")[-1].startswith((b"NO [CANNOT]", b"NO [NONEXISTENT]"))


def test_owner_without_an_account_shares_nothing(imapd: Running) -> None:
    with both(imapd) as (_, bob):
        imapd.remove(ALICE)
        assert listed(bob, 'LIST "" user/*') == []
        assert bob.ask(f"SELECT {WORK}")[-1].startswith(b"NO [NONEXISTENT]")


def test_shared_with_all(imapd: Running) -> None:
    with both(imapd, "") as (alice, bob):
        alice.ask("SETACL Work anyone lr")
        assert bob.ask(f"MYRIGHTS {WORK}")[0] == b"* MYRIGHTS %b lr" % WORK.encode()
        alice.ask(f"SETACL Work -{BOB} r")
        assert bob.ask(f"SELECT {WORK}")[-1].startswith(b"NO [NOPERM]")
        assert listed(bob, f'LIST "" {WORK} RETURN (STATUS (MESSAGES) MYRIGHTS)') == [
            b'(\\HasNoChildren) "/" %b' % WORK.encode(),
            b"* MYRIGHTS %b l" % WORK.encode(),
        ]


def test_subscription_to_a_shared_folder(imapd: Running) -> None:
    with both(imapd) as (alice, bob):
        assert bob.ask("SUBSCRIBE user/Alice@example.test/Work")[-1].startswith(b"OK")
        assert listed(bob, 'LSUB "" *')[-1] == b'() "/" ' + WORK.encode()
        assert listed(bob, 'LSUB "" user/%') == [b'(\\Noselect) "/" ' + HERS.encode()]
        assert listed(bob, 'LIST (SUBSCRIBED) "" user/*') == [b'(\\Subscribed \\HasNoChildren) "/" ' + WORK.encode()]
        give(alice, "")
        assert listed(bob, 'LIST (SUBSCRIBED) "" user/*') == [b'(\\NonExistent \\Subscribed \\HasNoChildren) "/" ' + WORK.encode()]
        assert bob.ask(f"UNSUBSCRIBE {WORK}")[-1].startswith(b"OK")
        assert listed(bob, 'LSUB "" user/*') == []


def test_name_that_is_another_folders_by_now_opens_nothing(imapd: Running) -> None:
    with both(imapd) as (alice, _):
        alice.ask("CREATE Secret")
        with contextlib.closing(MailStore(Settings(imapd.configuration).mailbox)) as store:
            place = Access(store, store.user(BOB)).place(WORK, TO_READ)
            alice.ask("RENAME Work Old")
            alice.ask("RENAME Secret Work")
            with pytest.raises(NoSuchFolder):
                place.folder()


def test_other_sessions_have_their_turns_while_names_are_compared(imapd: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    turns: list[str] = []
    turns_before: list[int] = []

    class Watched(Pattern):
        def matches(self, name: str) -> bool:
            turns_before.append(len(turns))
            asyncio.get_running_loop().call_soon(turns.append, name)
            return super().matches(name)

    monkeypatch.setattr(listing, "TURN_FOLDERS", 1)
    monkeypatch.setattr(listing, "Pattern", Watched)
    with imapd.signed_in() as client:
        client.ask('LIST "" *')
    assert turns_before == list(range(len(turns_before)))


# Using them.


def test_shared_folder_is_read_and_its_flags_are_everybodys(imapd: Running) -> None:
    with both(imapd, "lrs") as (alice, bob):
        assert bob.ask(f"STATUS {WORK} (RECENT MESSAGES)")[0] == b"* STATUS %b (RECENT 0 MESSAGES 1)" % WORK.encode()
        replies = bob.ask(f"SELECT {WORK}")
        assert b"* 1 EXISTS" in replies and b"* 0 RECENT" in replies
        assert bob.ask("UID FETCH 1 BODY[TEXT]")[0].startswith(b"* 1 FETCH (UID 1 BODY[TEXT] {")
        assert bob.ask("SEARCH SEEN")[0] == b"* SEARCH 1"
        assert bob.ask("UID SORT (SUBJECT) UTF-8 ALL")[0] == b"* SORT 1"
        assert bob.ask("UID THREAD REFERENCES UTF-8 ALL")[0] == b"* THREAD (1)"
        alice.ask("EXAMINE Work")
        assert rb"\Seen" in alice.ask("FETCH 1 FLAGS")[0]


def test_id_of_a_shared_folder_is_none_of_ones_own(imapd: Running) -> None:
    with both(imapd) as (alice, bob):
        give(alice, "lr", "INBOX")
        hers = bob.ask(f"STATUS {HERS}/INBOX (MAILBOXID)")[0].partition(b"MAILBOXID")[2]
        assert hers not in (client.ask("STATUS INBOX (MAILBOXID)")[0].partition(b"MAILBOXID")[2] for client in (alice, bob))
        assert any(hers.strip(b" ()") in reply for reply in bob.ask(f"SELECT {HERS}/INBOX"))


def test_messages_are_copied_out_of_a_shared_folder_and_into_it(imapd: Running) -> None:
    with both(imapd, "lriw", messages=3) as (alice, bob):
        bob.ask(f"SELECT {WORK}")
        bob.ask("STORE 2 +FLAGS (\\Flagged $Work)")
        assert b"[COPYUID " in bob.ask("COPY 2:3 Archive")[-1] and b" 2:3 1:2]" in bob.ask("COPY 2:3 Drafts")[-1]
        bob.ask("SELECT Archive")
        assert bob.ask("FETCH 1 (FLAGS RFC822.SIZE BODY.PEEK[])")[0].endswith(HELLO + b")")
        assert b"(FLAGS (\\Flagged \\Recent $Work)" in bob.ask("FETCH 1 FLAGS")[0]
        assert bob.ask(f"COPY 1:2 {WORK}")[-1].startswith(b"OK [COPYUID ")
        assert alice.ask("STATUS Work (MESSAGES)")[0] == b"* STATUS Work (MESSAGES 5)"
        assert bob.ask("STATUS Archive (MESSAGES)")[0] == b"* STATUS Archive (MESSAGES 2)"


def test_messages_are_moved_out_of_a_shared_folder_and_into_it(imapd: Running) -> None:
    with both(imapd, "lrite", messages=2) as (alice, bob):
        bob.ask(f"SELECT {WORK}")
        replies = bob.ask("MOVE 1 INBOX")
        assert replies[0].startswith(b"* OK [COPYUID ") and replies[1:] == [b"* 1 EXPUNGE", b"OK Done"]
        bob.ask("SELECT INBOX")
        assert bob.ask("FETCH 1 BODY.PEEK[]")[0].endswith(HELLO + b")")
        assert bob.ask(f"MOVE 1 {WORK}")[-2] == b"* 1 EXPUNGE"
        assert alice.ask("STATUS Work (MESSAGES UIDNEXT)")[0] == b"* STATUS Work (MESSAGES 2 UIDNEXT 4)"


def test_move_that_cannot_remove_leaves_no_copy_and_may_be_tried_again(imapd: Running) -> None:
    with both(imapd, "lrite", messages=2) as (alice, bob):
        bob.ask(f"SELECT {WORK}")
        tmp = imapd.root / "mail/example.test/alice/Maildir/tmp"
        tmp.rmdir()
        for broken in (tmp.touch, None):
            if broken:
                broken()
            assert bob.ask("MOVE 1:2 INBOX")[-1].startswith(b"NO [UNAVAILABLE]")
            assert bob.ask("STATUS INBOX (MESSAGES)")[0] == b"* STATUS INBOX (MESSAGES 0)"
            tmp.unlink(missing_ok=True)
        tmp.mkdir()
        assert bob.ask("MOVE 1:2 INBOX")[-1] == b"OK Done"
        assert bob.ask("STATUS INBOX (MESSAGES)")[0] == b"* STATUS INBOX (MESSAGES 2)"
        assert alice.ask("STATUS Work (MESSAGES)")[0] == b"* STATUS Work (MESSAGES 0)"


def test_messages_are_replaced_across_mailboxes(imapd: Running) -> None:
    with both(imapd, "lrite") as (alice, bob):
        bob.append("Drafts", HELLO)
        bob.ask("SELECT Drafts")
        assert bob.ask(f"REPLACE 1 {WORK} {{{len(HELLO)}+}}\r\n".encode() + HELLO)[-2:] == [b"* 1 EXPUNGE", b"OK Done"]
        assert alice.ask("STATUS Work (MESSAGES)")[0] == b"* STATUS Work (MESSAGES 2)"
        bob.ask(f"SELECT {WORK}")
        assert bob.ask(f"UID REPLACE 1 {WORK} {{{len(HELLO)}+}}\r\n".encode() + HELLO)[-1].startswith(b"OK")
        assert alice.ask("STATUS Work (MESSAGES UIDNEXT)")[0] == b"* STATUS Work (MESSAGES 2 UIDNEXT 4)"


def test_part_of_a_shared_message_is_catenated(imapd: Running) -> None:
    with both(imapd) as (alice, bob):
        assert bob.ask(f'APPEND Drafts CATENATE (URL "/{WORK}/;UID=1/;SECTION=TEXT")')[-1].startswith(b"OK [APPENDUID")
        give(alice, "l")
        assert bob.ask(f'APPEND Drafts CATENATE (URL "/{WORK}/;UID=1/;SECTION=TEXT")')[-1].startswith(b"NO [BADURL")


def test_what_is_put_into_a_shared_folder_counts_for_its_owner(imapd: Running) -> None:
    with both(imapd, "lri") as (alice, bob):
        bob.append("INBOX", HELLO)
        imapd.limit(ALICE, 0, 3)
        imapd.limit(BOB, 0, 1)
        assert bob.append("INBOX", HELLO).startswith(b"NO [OVERQUOTA]")
        assert bob.append(WORK, HELLO).startswith(b"OK")
        bob.ask("SELECT INBOX")
        assert bob.ask(f"COPY 1 {WORK}")[-1].startswith(b"OK")
        assert bob.ask(f"COPY 1 {WORK}")[-1].startswith(b"NO [OVERQUOTA]")
        assert bob.ask(f"MOVE 1 {WORK}")[-1].startswith(b"NO [OVERQUOTA]")
        assert bob.append(WORK, HELLO).startswith(b"NO [OVERQUOTA]")
        root = f"user/{ALICE}".encode()
        hers = alice.ask("GETQUOTAROOT Work")[1]  # with the warning that her mailbox is full
        assert hers == b"* QUOTA user (MESSAGE 4 3)"
        assert bob.ask(f"GETQUOTAROOT {WORK}")[:2] == [b"* QUOTAROOT %b %b" % (WORK.encode(), root), hers.replace(b"user", root)]


def test_annotations_of_a_shared_folder(imapd: Running) -> None:
    with both(imapd, "lrw") as (alice, bob):
        alice.ask('SETMETADATA Work (/private/comment "hers" /shared/comment "all")')
        assert bob.ask(f'SETMETADATA {WORK} (/private/comment "his")')[-1].startswith(b"OK")
        ask = "GETMETADATA (DEPTH infinity) {} (/private /shared)"
        assert bob.ask(ask.format(WORK))[0] == b'* METADATA %b (/private/comment "his" /shared/comment "all")' % WORK.encode()
        assert alice.ask(ask.format("Work"))[0] == b'* METADATA Work (/private/comment "hers" /shared/comment "all")'
        assert bob.ask(f'SETMETADATA {WORK} (/shared/comment "new")')[-1].startswith(b"OK")
        assert alice.ask("GETMETADATA Work /shared/comment")[0] == b'* METADATA Work (/shared/comment "new")'


def test_folders_are_made_renamed_and_deleted_with_the_owners_leave(imapd: Running) -> None:
    with both(imapd, "lrkx") as (alice, bob):
        assert bob.ask(f"CREATE {WORK}/New/")[-1].startswith(b"OK [MAILBOXID")
        assert bob.ask(f"CREATE {WORK}/New")[-1].startswith(b"NO [ALREADYEXISTS]")
        assert bob.ask(f"CREATE {WORK}/X (USE (\\Archive))")[-1].startswith(b"NO [USEATTR]")
        assert bob.ask(f"RENAME {WORK}/New {WORK}/Old")[-1].startswith(b"OK")
        assert bob.ask(f"RENAME {WORK}/Old Old")[-1].startswith(b"NO [CANNOT]")
        assert bob.ask(f"RENAME Archive {WORK}/Archive")[-1].startswith(b"NO [CANNOT]")
        assert bob.ask(f"CREATE {HERS}/Top")[-1].startswith(b"NO [NOPERM]")
        assert [line.split()[-1] for line in listed(alice, 'LIST "" Work*')] == [b"Work", b"Work.Old"]
        bob.ask(f"SELECT {WORK}/Old")
        assert bob.ask(f"DELETE {WORK}/Old")[-1].startswith(b"OK")
        assert bob.ask("FETCH 1 FLAGS")[-1].startswith(b"BAD")  # nothing is selected any more
        assert bob.ask("CREATE user/ghost@example.test/X")[-1].startswith(b"NO [NONEXISTENT]")


@pytest.mark.parametrize("above", [HERS, WORK, f"{WORK}/Open"])
def test_hidden_folder_is_as_none_to_who_makes_one_below(imapd: Running, above: str) -> None:
    with both(imapd, "l") as (alice, bob):
        alice.ask("CREATE Work.Open")
        alice.ask("CREATE Work.Mine")
        give(alice, "lrkx", "Work.Mine")
        for hidden in ("Secret", "Work.Secret", "Work.Open.Secret"):
            alice.ask(f"CREATE {hidden}")
            give(alice, "", hidden)
        for name in ("Secret", "None"):
            assert bob.ask(f"CREATE {above}/{name}/New")[-1] == b"NO [NOPERM] No right to do that"
            assert bob.ask(f"RENAME {WORK}/Mine {above}/{name}/New")[-1] == b"NO [NOPERM] No right to do that"


def test_nothing_is_made_below_a_hidden_folder(imapd: Running) -> None:
    with both(imapd, "lk") as (alice, bob):
        alice.ask("CREATE Work.Secret")
        give(alice, "", "Work.Secret")
        assert bob.ask(f"CREATE {WORK}/Secret/New")[-1].startswith(b"NO [NOPERM]")
        assert bob.ask(f"CREATE {WORK}/None/New")[-1].startswith(b"OK")


def test_folder_is_not_renamed_with_one_below_that_may_not_be(imapd: Running) -> None:
    with both(imapd, "lrkx") as (alice, bob):
        alice.ask("CREATE Work.A.B")
        give(alice, "lr", "Work.A.B")
        bob.ask(f"CREATE {WORK}/A")
        assert bob.ask(f"RENAME {WORK}/A {WORK}/C")[-1].startswith(b"NO [NOPERM]")
        give(alice, "lrkx", "INBOX")
        assert bob.ask(f"RENAME {HERS}/INBOX {WORK}/All")[-1].startswith(b"NO [NOPERM]")


def test_rev2_client_is_told_the_one_form_of_a_name(imapd: Running) -> None:
    with both(imapd, "lrkx") as (_, bob):
        bob.ask("ENABLE IMAP4rev2")
        old = b'("OLDNAME" (user/Alice@Example.Test/Work))'
        assert b'* LIST () "/" %b %b' % (WORK.encode(), old) in bob.ask("SELECT user/Alice@Example.Test/Work")
        bob.ask(f"CREATE {WORK}/A")
        assert bob.ask(f"RENAME {WORK}/A {WORK}/B")[0] == b'* LIST () "/" %b/B ("OLDNAME" (%b/A))' % (WORK.encode(), WORK.encode())


@pytest.mark.parametrize("rights", ["", "l"])
def test_part_of_the_selected_message_is_not_catenated_without_the_right_to_read(imapd: Running, rights: str) -> None:
    with both(imapd) as (alice, bob):
        bob.ask(f"SELECT {WORK}")
        give(alice, rights)
        assert bob.ask('APPEND Drafts CATENATE (URL "/;UID=1")')[-1] == b""
    with imapd.signed_in(BOB) as bob:
        assert bob.ask("STATUS Drafts (MESSAGES)")[0] == b"* STATUS Drafts (MESSAGES 0)"


@pytest.mark.parametrize(("rights", "reply"), [("", b"NO [TRYCREATE]"), ("lr", b"NO [NOPERM]")])
def test_message_that_is_on_its_way_needs_the_right_at_its_end(imapd: Running, rights: str, reply: bytes) -> None:
    with both(imapd, "lri") as (alice, bob):
        begin_literal(bob, f"APPEND {WORK}")
        give(alice, rights)
        assert end_literal(bob).startswith(reply)
        assert alice.ask("STATUS Work (MESSAGES)")[0] == b"* STATUS Work (MESSAGES 1)"


def test_flags_of_a_message_on_its_way_are_those_that_may_be_set_at_its_end(imapd: Running) -> None:
    with both(imapd, "lriws") as (alice, bob):
        begin_literal(bob, f"APPEND {WORK} (\\Seen \\Flagged)")
        give(alice, "lris")
        assert end_literal(bob).startswith(b"OK")
        alice.ask("EXAMINE Work")
        assert alice.ask("FETCH 2 FLAGS")[0] == b"* 2 FETCH (FLAGS (\\Recent \\Seen))"


def test_message_is_not_replaced_when_the_right_to_remove_is_taken_away_meanwhile(imapd: Running) -> None:
    with both(imapd, "lrite") as (alice, bob):
        bob.ask(f"SELECT {WORK}")
        begin_literal(bob, "REPLACE 1 Drafts")
        give(alice, "lri")
        assert end_literal(bob).startswith(b"NO [NOPERM]")
        assert alice.ask("STATUS Work (MESSAGES)")[0] == b"* STATUS Work (MESSAGES 1)"
        assert bob.ask("STATUS Drafts (MESSAGES)")[0] == b"* STATUS Drafts (MESSAGES 0)"


def begin_literal(client: Client, command: str) -> None:
    client.send(f"slow {command} {{{len(HELLO)}}}\r\n".encode())
    assert client.line() == b"+ OK"


def end_literal(client: Client) -> bytes:
    client.send(HELLO + b"\r\n")
    return client.replies(b"slow")[-1]


# Hearing of them.


def test_what_the_owner_does_is_heard_in_idle_and_the_other_way_round(imapd: Running) -> None:
    with both(imapd, "lrs") as (alice, bob):
        bob.ask(f"SELECT {WORK}")
        alice.ask("SELECT Work")
        for client in (alice, bob):
            client.send(b"i IDLE\r\n")
            assert client.line() == b"+ idling"
        with imapd.signed_in(ALICE, select="Work") as third:
            third.ask("STORE 1 +FLAGS (\\Flagged)")
        assert b"\\Flagged" in bob.line() and b"\\Flagged" in alice.line()
        with imapd.signed_in(BOB, select=WORK) as third:
            third.ask("STORE 1 +FLAGS (\\Seen)")
        assert b"\\Seen" in alice.line() and b"\\Seen" in bob.line()
        for client in (alice, bob):
            client.send(b"DONE\r\n")
            client.replies(b"i")


@pytest.mark.parametrize("rights", ["", "l", "lis"])
def test_session_ends_when_the_right_to_read_is_taken_away(imapd: Running, rights: str) -> None:
    with both(imapd, "lrs") as (alice, bob):
        bob.ask(f"SELECT {WORK}")
        give(alice, rights)
        assert bob.ask("FETCH 1 BODY[]")[-1].startswith(b"* BYE") or bob.line() == b""


def test_idle_ends_when_the_right_to_read_is_taken_away(imapd: Running) -> None:
    with both(imapd, "lrs") as (alice, bob):
        bob.ask(f"SELECT {WORK}")
        bob.send(b"i IDLE\r\n")
        bob.line()
        give(alice, "")
        assert bob.line().startswith(b"* BYE")


def test_session_is_told_which_flags_it_may_change_now(imapd: Running) -> None:
    with both(imapd, "lrs") as (alice, bob):
        bob.ask(f"SELECT {WORK}")
        give(alice, "lrt")
        assert bob.ask("NOOP")[1:-1] == [rb"* OK [PERMANENTFLAGS (\Deleted)] Flags permitted"]
        assert bob.ask("NOOP")[:-1] == []


def test_right_taken_away_counts_from_the_next_command(imapd: Running) -> None:
    with both(imapd, "lrste") as (alice, bob):
        bob.ask(f"SELECT {WORK}")
        assert bob.ask("STORE 1 +FLAGS (\\Deleted)")[-1].startswith(b"OK")
        give(alice, "lrs")
        assert bob.ask("STORE 1 -FLAGS (\\Deleted)")[-1].startswith(b"NO [NOPERM]")
        assert bob.ask("EXPUNGE")[-1].startswith(b"NO [NOPERM]")
        assert bob.ask("CLOSE")[-1].startswith(b"OK")
        assert alice.ask("STATUS Work (MESSAGES)")[0] == b"* STATUS Work (MESSAGES 1)"


def test_notify_tells_of_folders_of_others(imapd: Running) -> None:
    with both(imapd) as (alice, bob):
        bob.ask("SELECT INBOX")
        wish = f"(MAILBOXES ({WORK}) (MessageNew MessageExpunge FlagChange))"
        assert bob.ask(f"NOTIFY SET STATUS (SELECTED NONE) {wish} (SUBTREE user (MailboxName))")[0].startswith(b"* STATUS " + WORK.encode())
        alice.append("Work", HELLO)
        assert bob.line() == b"* STATUS %b (MESSAGES 2 UIDNEXT 3 UIDVALIDITY %b UNSEEN 2)" % (WORK.encode(), uidvalidity(alice))
        give(alice, "lr", "Sent")
        assert bob.line() == b'* LIST () "/" %b/Sent' % HERS.encode()
        alice.ask("RENAME Work Play")
        assert bob.line() == b'* LIST () "/" %b/Play ("OLDNAME" (%b))' % (HERS.encode(), WORK.encode())
        give(alice, "", "Play")
        assert bob.line() == b'* LIST (\\NonExistent) "/" %b/Play' % HERS.encode()


def uidvalidity(alice: Client) -> bytes:
    return alice.ask("STATUS Work (UIDVALIDITY)")[0].split()[-1].strip(b"()")


def test_notify_hears_of_somebody_who_begins_to_share(imapd: Running) -> None:
    with imapd.signed_in(ALICE) as alice, imapd.signed_in(BOB) as bob:
        bob.ask("NOTIFY SET (SUBTREE user (MailboxName MessageNew MessageExpunge))")
        give(alice, "lr", "INBOX")
        assert bob.line() == b'* LIST () "/" %b/INBOX' % HERS.encode()
        imapd.deliver(ALICE, HELLO)
        assert bob.line().startswith(b"* STATUS %b/INBOX (MESSAGES 1" % HERS.encode())


def test_notify_tells_no_figures_to_who_may_only_know_the_name(imapd: Running) -> None:
    with both(imapd, "l") as (alice, bob):
        bob.ask("NOTIFY SET (SUBTREE user/ (MailboxName MessageNew MessageExpunge))")
        alice.append("Work", HELLO)
        give(alice, "l", "Sent")
        assert bob.line() == b'* LIST () "/" %b/Sent' % HERS.encode()


def test_notify_tells_the_state_of_no_folder_that_may_not_be_read(imapd: Running) -> None:
    with both(imapd, "l") as (alice, bob):
        assert bob.ask("NOTIFY SET STATUS (SUBTREE user/ (MailboxName MessageNew MessageExpunge))") == [b"OK Done"]
        give(alice, "lr")
        assert bob.line().startswith(b"* STATUS %b (MESSAGES 1 UIDNEXT 2 " % WORK.encode())
        give(alice, "l")
        give(alice, "l", "Sent")
        assert bob.line() == b'* LIST () "/" %b/Sent' % HERS.encode()


def test_owner_hears_nothing_of_what_readers_annotate_for_themselves(imapd: Running) -> None:
    with both(imapd, "lrw") as (alice, bob):
        alice.ask("NOTIFY SET (MAILBOXES Work (MailboxMetadataChange))")
        bob.ask(f'SETMETADATA {WORK} (/private/comment "his")')
        bob.ask(f'SETMETADATA {WORK} (/shared/comment "all")')
        assert alice.line() == b"* METADATA Work /shared/comment"


def test_notify_of_the_selected_shared_folder_goes_on_in_idle(imapd: Running) -> None:
    with both(imapd) as (alice, bob):
        bob.ask("NOTIFY SET (SELECTED (MessageNew MessageExpunge))")
        bob.ask(f"SELECT {WORK}")
        alice.append("Work", HELLO)
        assert bob.line() == b"* 2 EXISTS"
        assert bob.line() == b"* 0 RECENT"
        bob.send(b"i IDLE\r\n")
        assert bob.line() == b"+ idling"
        alice.append("Work", HELLO)
        assert bob.line() == b"* 3 EXISTS"
