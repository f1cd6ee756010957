"""Making, listing and changing folders."""

import pytest

from tests.unit.imapd.mail import HELLO
from tests.unit.imapd.site import BOB, Client, Running


def listed(client: Client, command: str) -> list[bytes]:
    """The names and attributes that a LIST or LSUB tells, without the separator."""
    replies = client.ask(command)
    assert replies[-1].startswith(b"OK")
    return [reply.split(b" ", 2)[2].replace(b' "." ', b" ") for reply in replies[:-1]]


def test_new_mailbox_has_its_special_folders(imapd: Running) -> None:
    with imapd.signed_in() as client:
        found = listed(client, 'LIST "" *')
    assert found == [
        rb"(\HasNoChildren) INBOX",
        rb"(\HasNoChildren \Archive) Archive",
        rb"(\HasNoChildren \Drafts) Drafts",
        rb"(\HasNoChildren \Junk) Junk",
        rb"(\HasNoChildren \Sent) Sent",
        rb"(\HasNoChildren \Trash) Trash",
    ]


def test_special_folders_can_be_used_without_a_list(imapd: Running) -> None:
    with imapd.signed_in(BOB) as client:
        assert client.append("Sent", HELLO).startswith(b"OK [APPENDUID ")


def test_folders_of_one_user_are_not_those_of_another(imapd: Running) -> None:
    with imapd.signed_in() as alice, imapd.signed_in(BOB) as bob:
        alice.ask("CREATE Private")
        assert listed(bob, 'LIST "" Private') == []
        assert bob.ask("SELECT Private")[-1].startswith(b"NO [NONEXISTENT]")


def test_separator_is_told(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask('LIST "" ""')[0] == b'* LIST (\\Noselect) "." ""'
        assert client.ask("NAMESPACE")[0] == b'* NAMESPACE (("" ".")) NIL NIL'


@pytest.mark.parametrize(
    ("arguments", "names"),
    [
        ('"" Work', [b"Work"]),
        ('"" Work%', [b"Work"]),
        ('"" Work.%', [b"Work.2025", b"Work.2026"]),
        ('"" W*6', [b"Work.2026"]),
        ("Work. *", [b"Work.2025", b"Work.2026"]),
        ('"" work', []),
        ('"" inbox', [b"INBOX"]),
        ('"" InB%', [b"INBOX"]),
        ('"" (Work INBOX)', [b"INBOX", b"Work"]),
        ('(SPECIAL-USE) "" *', [b"Archive", b"Drafts", b"Junk", b"Sent", b"Trash"]),
    ],
)
def test_list_matches_patterns(imapd: Running, arguments: str, names: list[bytes]) -> None:
    with imapd.signed_in() as client:
        for name in ("Work.2025", "Work.2026"):
            client.ask(f"CREATE {name}")
        assert [line.split()[-1] for line in listed(client, f"LIST {arguments}")] == names


def test_parent_without_a_folder_cannot_be_selected(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("CREATE Work.2026.May.")
        assert listed(client, 'LIST "" Work') == [rb"(\Noselect \HasChildren) Work"]
        assert client.ask("SELECT Work")[-1].startswith(b"NO [NONEXISTENT]")
        assert client.ask("CREATE Work")[-1].startswith(b"OK")
        assert listed(client, 'LIST "" Work') == [rb"(\HasChildren) Work"]


def test_name_beyond_ascii_is_modified_utf_7_on_the_wire(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask("CREATE Entw&APw-rfe")[-1].startswith(b"OK")
        assert client.ask('CREATE "R&-D stuff"')[-1].startswith(b"OK")
        assert listed(client, 'LIST "" E*') == [rb"(\HasNoChildren) Entw&APw-rfe"]
        assert listed(client, 'LIST "" R*') == [rb'(\HasNoChildren) "R&-D stuff"']


@pytest.mark.parametrize("name", ["R&D", '"a/b"', '"a..b"', '"."', '""', "x" * 300, "INBOX", '"Entw\xfcrfe"'])
def test_name_that_cannot_be_is_refused(imapd: Running, name: str) -> None:
    with imapd.signed_in() as client:
        assert client.ask(f"CREATE {name}")[-1].startswith(b"NO [")


@pytest.mark.parametrize(
    ("command", "code"),
    [
        ("CREATE Sent", b"ALREADYEXISTS"),
        ("DELETE None", b"NONEXISTENT"),
        ("DELETE INBOX", b"CANNOT"),
        ("RENAME None Other", b"NONEXISTENT"),
        ("RENAME Sent Trash", b"ALREADYEXISTS"),
        ("STATUS None (MESSAGES)", b"NONEXISTENT"),
        ("SELECT None", b"NONEXISTENT"),
        ("EXAMINE None", b"NONEXISTENT"),
    ],
)
def test_refusal_says_why(imapd: Running, command: str, code: bytes) -> None:
    with imapd.signed_in() as client:
        assert client.ask(command)[-1].startswith(b"NO [%b]" % code)


def test_rename_takes_folders_below_along(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("CREATE A.B")
        client.ask("CREATE A")
        assert client.ask("RENAME A C")[-1].startswith(b"OK")
        assert [line.split()[-1] for line in listed(client, 'LIST "" (A A.* C*)')] == [b"C", b"C.B"]


def test_renaming_inbox_moves_its_messages(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.append("INBOX", HELLO)
        assert client.ask("RENAME INBOX Old")[-1].startswith(b"OK")
        assert client.ask("STATUS INBOX (MESSAGES)")[0] == b"* STATUS INBOX (MESSAGES 0)"
        assert client.ask("STATUS Old (MESSAGES)")[0] == b"* STATUS Old (MESSAGES 1)"


def test_status_counts(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.append("Work", HELLO)
        assert client.append("Work", HELLO).startswith(b"NO [TRYCREATE]")
        client.ask("CREATE Work")
        client.append("Work", HELLO, "(\\Seen) ")
        uid = client.append("Work", HELLO)
        validity = uid.split()[2]
        found = client.ask("STATUS Work (MESSAGES RECENT UIDNEXT UIDVALIDITY UNSEEN)")[0]
        assert found == b"* STATUS Work (MESSAGES 2 RECENT 2 UIDNEXT 3 UIDVALIDITY %b UNSEEN 1)" % validity


def test_subscriptions_outlive_the_folder(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("CREATE Work.2026")
        client.ask("SUBSCRIBE Work.2026")
        client.ask("DELETE Work.2026")
        assert listed(client, 'LSUB "" W*') == [b"() Work.2026"]
        assert listed(client, 'LSUB "" W%') == [rb"(\Noselect) Work"]
        assert listed(client, 'LIST (SUBSCRIBED) "" W*') == [rb"(\NonExistent \Subscribed \HasNoChildren) Work.2026"]
        assert listed(client, 'LIST (SUBSCRIBED RECURSIVEMATCH) "" W%') == [rb'(\NonExistent \HasChildren) Work ("CHILDINFO" ("SUBSCRIBED"))']
        client.ask("UNSUBSCRIBE Work.2026")
        assert listed(client, 'LSUB "" W*') == []


def test_extended_list_tells_what_it_is_asked(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("CREATE A.B")
        client.ask("SUBSCRIBE A.B")
        assert listed(client, 'LIST (SUBSCRIBED RECURSIVEMATCH) "" A') == [rb'(\NonExistent \HasChildren) A ("CHILDINFO" ("SUBSCRIBED"))']
        replies = client.ask('LIST "" Sent RETURN (SUBSCRIBED CHILDREN SPECIAL-USE STATUS (MESSAGES UNSEEN))')
        assert replies[:-1] == [rb'* LIST (\Subscribed \HasNoChildren \Sent) "." Sent', b"* STATUS Sent (MESSAGES 0 UNSEEN 0)"]
        assert client.ask('LIST (RECURSIVEMATCH) "" *')[-1].startswith(b"BAD")


def test_deleting_the_selected_folder_leaves_none_selected(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("CREATE Work")
        client.ask("SELECT Work")
        assert client.ask("DELETE Work")[-1].startswith(b"OK")
        assert client.ask("FETCH 1 FLAGS")[-1].startswith(b"BAD")


def test_session_whose_folder_another_one_deletes_ends(imapd: Running) -> None:
    with imapd.signed_in() as other, imapd.signed_in() as client:
        client.ask("CREATE Work")
        client.ask("SELECT Work")
        other.ask("DELETE Work")
        assert client.ask("NOOP")[0].startswith(b"* BYE")


def test_failed_select_leaves_none_selected(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.ask("SELECT None")
        assert client.ask("CHECK")[-1].startswith(b"BAD")
