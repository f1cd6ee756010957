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
        assert client.ask("NAMESPACE")[0] == b'* NAMESPACE (("" ".")) (("user/" "/")) NIL'


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


@pytest.mark.parametrize("name", ["3:00pm", "1,2,x", "2026", "~", "BODY[x]", "[x]", "NIL"])
def test_name_that_could_be_taken_for_something_else_is_quoted(imapd: Running, name: str) -> None:
    with imapd.signed_in() as client:
        client.ask(f"CREATE {name}")
        assert listed(client, f'LIST "" {name}') == [b'(\\HasNoChildren) "%b"' % name.encode()]


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
        ("SUBSCRIBE None", b"NONEXISTENT"),
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
        assert client.ask("NOOP") == [b"OK Done"]
        assert client.line().startswith(b"* BYE")


def test_failed_select_leaves_none_selected(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        client.ask("SELECT None")
        assert client.ask("CHECK")[-1].startswith(b"BAD")


def test_folder_can_be_made_for_a_use_that_is_free(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask("CREATE MyTrash (USE (\\Trash))")[-1].startswith(b"NO [USEATTR]")
        assert client.ask("CREATE Views (USE (\\All))")[-1].startswith(b"NO [USEATTR]")
        assert listed(client, 'LIST "" (MyTrash Views)') == []
        client.ask("DELETE Trash")
        assert client.ask('CREATE "My Trash" (USE (\\TRASH \\Important))')[-1].startswith(b"OK")
        client.ask("CREATE Trash")
        assert listed(client, 'LIST "" (Trash My*)') == [rb'(\HasNoChildren \Trash \Important) "My Trash"', rb"(\HasNoChildren) Trash"]
        assert client.ask("CREATE Plain (USE ())")[-1].startswith(b"OK")


@pytest.mark.parametrize(
    "arguments", ["X (USE)", "X (USE (\\Sent)", "X (QUOTA (\\Sent))", "X USE (\\Sent)", "X (USE (" + " ".join(["\\Sent"] * 11) + "))"]
)
def test_create_with_parameters_that_are_none_is_bad(imapd: Running, arguments: str) -> None:
    with imapd.signed_in() as client:
        assert client.ask(f"CREATE {arguments}")[-1].startswith(b"BAD")


def test_use_goes_with_a_folder_that_is_renamed(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("RENAME Sent Gesendet")
        client.ask("CREATE Sent")
        assert listed(client, 'LIST (SPECIAL-USE) "" (Sent Gesendet)') == [rb"(\HasNoChildren \Sent) Gesendet"]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ("*test7", [b"T.test7.test7"]),
        ("*test8", [b"T.test8", b"T.test8.test8"]),
        ("(T.test2)", [b"T.test2"]),
        ("(T.test2 T.test2.test1)", [b"T.test2.test1"]),
    ],
)
def test_parent_stands_for_what_the_patterns_do_not_reach(imapd: Running, patterns: str, names: list[bytes]) -> None:
    with imapd.signed_in() as client:
        for name in ("T.test2.test1", "T.test7.test7", "T.test8.test8", "T.test8.test9"):
            client.ask(f"CREATE {name}")
            client.ask(f"SUBSCRIBE {name}")
        found = listed(client, f'LIST (SUBSCRIBED RECURSIVEMATCH) "" {patterns}')
        assert [line.split(b")")[1].split()[0] for line in found] == names


def test_parent_that_does_not_exist_is_listed_where_what_is_below_is_not(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("CREATE A.B")
        assert listed(client, 'LIST "" (A A.B)') == [rb"(\HasNoChildren) A.B"]
        assert listed(client, 'LIST "" (A)') == [rb"(\NonExistent \HasChildren) A"]


def test_recursive_match_tells_parents_of_what_is_chosen(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("DELETE Junk")
        client.ask("CREATE Filters.Spam (USE (\\Junk))")
        client.ask("CREATE Filters")
        assert listed(client, 'LIST (RECURSIVEMATCH SPECIAL-USE) "" F%') == [rb'(\HasChildren) Filters ("CHILDINFO" ("SPECIAL-USE"))']
        client.ask("SUBSCRIBE Filters.Spam")
        found = listed(client, 'LIST (RECURSIVEMATCH SPECIAL-USE SUBSCRIBED) "" F%')
        assert found == [rb'(\HasChildren) Filters ("CHILDINFO" ("SUBSCRIBED" "SPECIAL-USE"))']
        client.ask("UNSUBSCRIBE Filters.Spam")
        assert listed(client, 'LIST (RECURSIVEMATCH SPECIAL-USE SUBSCRIBED) "" F*') == []


def test_status_tells_the_size_of_all_messages(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.append("INBOX", HELLO)
        client.append("INBOX", HELLO)
        assert client.ask("STATUS INBOX (SIZE)")[0] == b"* STATUS INBOX (SIZE %d)" % (2 * len(HELLO))
        assert b"* STATUS INBOX (SIZE %d)" % (2 * len(HELLO)) in client.ask('LIST "" INBOX RETURN (STATUS (SIZE))')


def test_failed_delete_leaves_the_folder_selected(imapd: Running) -> None:
    with imapd.signed_in(select="INBOX") as client:
        assert client.ask("DELETE INBOX")[-1].startswith(b"NO")
        assert client.ask("CHECK")[-1].startswith(b"OK")


def test_renaming_a_parent_of_the_selected_folder_leaves_none_selected(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("CREATE A.B")
        client.ask("SELECT A.B")
        assert client.ask("RENAME A C")[-1].startswith(b"OK")
        assert client.ask("CHECK")[-1].startswith(b"BAD")


def test_names_are_utf8_for_who_enables_it(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("CREATE Entw&APw-rfe")
        assert client.ask("ENABLE UTF8=ACCEPT")[0] == b"* ENABLED UTF8=ACCEPT"
        assert client.ask('LIST "" "Entwü*"')[0] == '* LIST (\\HasNoChildren) "." "Entwürfe"'.encode()
        assert client.ask('CREATE "Grüße"')[-1].startswith(b"OK")
        assert client.ask('STATUS "Grüße" (MESSAGES)')[0] == '* STATUS "Grüße" (MESSAGES 0)'.encode()
        assert client.append('"Grüße"', HELLO).startswith(b"OK")
    with imapd.signed_in() as client:
        assert client.ask('LIST "" "Gr*"')[0] == rb'* LIST (\HasNoChildren) "." Gr&APwA3w-e'


def test_size_limit_is_told(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert b" APPENDLIMIT=50000000" in client.ask("CAPABILITY")[0]
        assert client.ask("STATUS INBOX (APPENDLIMIT)")[0] == b"* STATUS INBOX (APPENDLIMIT 50000000)"
