"""Annotations of folders and of the mailbox: METADATA and LIST-METADATA."""

import pytest

from services.kernel.mailbox.attributes import ENTRIES, VALUE_BYTES
from tests.unit.imapd.site import BOB, Running


def test_annotation_is_told_as_it_was_set(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask(b'SETMETADATA inbox (/Private/Comment "my \\"inbox\\"" /shared/comment {2+}\r\n\xc3\xa9)')[-1].startswith(b"OK")
    with imapd.signed_in() as client:
        assert client.ask("GETMETADATA INBOX /private/comment")[0] == b'* METADATA INBOX (/private/comment "my \\"inbox\\"")'
        found = client.ask("GETMETADATA INBOX (/shared/comment /private/none)")[0]
        assert found == b"* METADATA INBOX (/shared/comment {2}\r\n\xc3\xa9 /private/none NIL)"
        assert client.ask("GETMETADATA Sent /private/comment")[0] == b"* METADATA Sent (/private/comment NIL)"


def test_annotation_may_hold_any_byte(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask(b"SETMETADATA INBOX (/private/icon ~{3+}\r\na\0b)")[-1].startswith(b"OK")
        client.send(b"a GETMETADATA INBOX /private/icon\r\n")
        assert client.line() == b"* METADATA INBOX (/private/icon ~{3}\r\na\0b)"
        client.line()
        assert client.ask(b"SETMETADATA INBOX (/private/icon {3+}\r\na\0b)")[-1].startswith(b"BAD")


def test_nil_takes_an_annotation_away(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask('SETMETADATA INBOX (/private/comment "x" /private/other "")')
        client.ask("SETMETADATA INBOX (/private/comment NIL)")
        assert client.ask("GETMETADATA INBOX (/private/comment /private/other)")[0] == b'* METADATA INBOX (/private/comment NIL /private/other "")'


def test_server_has_annotations_of_the_user_and_none_that_he_may_share(imapd: Running) -> None:
    with imapd.signed_in() as client, imapd.signed_in(BOB) as bob:
        assert client.ask('SETMETADATA "" (/private/vendor/x/theme "dark")')[-1].startswith(b"OK")
        assert client.ask('GETMETADATA "" /private/vendor/x/theme')[0] == b'* METADATA "" (/private/vendor/x/theme "dark")'
        assert bob.ask('GETMETADATA "" /private/vendor/x/theme')[0] == b'* METADATA "" (/private/vendor/x/theme NIL)'
        assert client.ask('SETMETADATA "" (/shared/comment "x")')[-1].startswith(b"NO [NOPERM]")


def test_server_says_whom_to_write_to(imapd: Running) -> None:
    with imapd.signed_in() as client:
        told = b'* METADATA "" (/shared/admin "mailto:postmaster@example.test")'
        assert client.ask('GETMETADATA "" (/shared/admin)')[0] == client.ask('GETMETADATA "" (DEPTH infinity) /shared')[0] == told
        assert client.ask('SETMETADATA "" (/shared/admin "mailto:me@example.test")')[-1].startswith(b"NO [NOPERM]")
        assert client.ask("GETMETADATA INBOX /shared/admin")[0] == b"* METADATA INBOX (/shared/admin NIL)"


@pytest.mark.parametrize(
    ("depth", "entries"),
    [("0", b"/private/a"), ("1", b"/private/a /private/a/b"), ("infinity", b"/private/a /private/a/b /private/a/b/c")],
)
def test_depth_tells_how_far_below_is_looked(imapd: Running, depth: str, entries: bytes) -> None:
    with imapd.signed_in() as client:
        client.ask('SETMETADATA INBOX (/private/a "x" /private/a/b "x" /private/a/b/c "x" /private/ab "x")')
        expected = b"* METADATA INBOX (%b)" % b" ".join(entry + b' "x"' for entry in entries.split())
        assert client.ask(f"GETMETADATA (DEPTH {depth}) INBOX (/private/a)")[0] == expected
        assert client.ask(f"GETMETADATA INBOX (DEPTH {depth}) (/private/a)")[0] == expected


def test_what_is_larger_than_asked_for_is_only_measured(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask(f'SETMETADATA INBOX (/private/small "1234" /private/large "{"x" * 30}")')
        replies = client.ask("GETMETADATA (MAXSIZE 10 DEPTH infinity) INBOX /private")
        assert replies[0] == b'* METADATA INBOX (/private/small "1234")'
        assert replies[-1].startswith(b"OK [METADATA LONGENTRIES 30]")


def test_value_and_number_of_annotations_are_bounded(imapd: Running) -> None:
    with imapd.signed_in() as client:
        reply = client.ask(b"SETMETADATA INBOX (/private/x {%d+}\r\n%b)" % (VALUE_BYTES + 1, bytes(1).hex().encode() * (VALUE_BYTES // 2) + b"x"))[-1]
        assert reply.startswith(b"NO [METADATA MAXSIZE %d]" % VALUE_BYTES)
        for part in range(2):
            entries = " ".join(f'/private/{part}-{number} "x"' for number in range(ENTRIES // 2))
            assert client.ask(f"SETMETADATA INBOX ({entries})")[-1].startswith(b"OK")
        assert client.ask('SETMETADATA INBOX (/private/0-0 "y" /private/more "x")')[-1].startswith(b"NO [METADATA TOOMANY]")
        assert client.ask("GETMETADATA INBOX /private/0-0")[0] == b'* METADATA INBOX (/private/0-0 "x")'


@pytest.mark.parametrize(
    "command",
    [
        "GETMETADATA INBOX /comment",
        "GETMETADATA INBOX /private//x",
        "GETMETADATA INBOX /private/",
        'GETMETADATA INBOX "/private/*"',
        "GETMETADATA INBOX ()",
        "GETMETADATA (DEPTH 2) INBOX /private/x",
        "GETMETADATA (SIZE 2) INBOX /private/x",
        "GETMETADATA INBOX",
        "SETMETADATA INBOX ()",
        'SETMETADATA INBOX (/private "x")',
        "SETMETADATA INBOX (/private/x)",
        "SETMETADATA INBOX (/private/x atom)",
        'SETMETADATA INBOX (/private/x "y"',
    ],
)
def test_command_that_cannot_be_read_is_bad(imapd: Running, command: str) -> None:
    with imapd.signed_in() as client:
        assert client.ask(command)[-1].startswith(b"BAD")


def test_folder_that_is_not_there_has_none(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask("GETMETADATA None /private/comment")[-1].startswith(b"NO [NONEXISTENT]")
        assert client.ask('SETMETADATA None (/private/comment "x")')[-1].startswith(b"NO [NONEXISTENT]")


def test_annotations_go_with_the_folder(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask("CREATE Work")
        client.ask('SETMETADATA Work (/private/comment "x")')
        client.ask("RENAME Work Play")
        client.ask("CREATE Work")
        assert client.ask("GETMETADATA Work /private/comment")[0] == b"* METADATA Work (/private/comment NIL)"
        assert client.ask("GETMETADATA Play /private/comment")[0] == b'* METADATA Play (/private/comment "x")'


def test_special_use_is_an_annotation(imapd: Running) -> None:
    with imapd.signed_in() as client:
        assert client.ask("GETMETADATA Sent /private/specialuse")[0] == b'* METADATA Sent (/private/specialuse "\\\\Sent")'
        assert client.ask('SETMETADATA Archive (/private/specialuse "\\\\Sent")')[-1].startswith(b"NO [USEATTR]")
        assert client.ask('SETMETADATA Sent (/private/specialuse "")')[-1].startswith(b"OK")
        assert client.ask('SETMETADATA Archive (/private/specialuse "\\\\Archive \\\\Sent")')[-1].startswith(b"OK")
        assert client.ask('LIST "" (Archive Sent)')[:2] == [
            rb'* LIST (\HasNoChildren \Archive \Sent) "." Archive',
            rb'* LIST (\HasNoChildren) "." Sent',
        ]


def test_list_tells_annotations_of_each_folder(imapd: Running) -> None:
    with imapd.signed_in() as client:
        client.ask('SETMETADATA Sent (/shared/comment "x")')
        client.ask("CREATE A.B")
        replies = client.ask('LIST "" (Sent Trash A) RETURN (METADATA (/shared/comment) STATUS (MESSAGES))')
        assert replies[:-1] == [
            rb'* LIST (\NonExistent \HasChildren) "." A',
            rb'* LIST (\HasNoChildren \Sent) "." Sent',
            b"* STATUS Sent (MESSAGES 0)",
            b'* METADATA Sent (/shared/comment "x")',
            rb'* LIST (\HasNoChildren \Trash) "." Trash',
            b"* STATUS Trash (MESSAGES 0)",
            b"* METADATA Trash (/shared/comment NIL)",
        ]
        assert client.ask('LIST "" Sent RETURN (METADATA /shared/comment)')[1] == b'* METADATA Sent (/shared/comment "x")'


def test_damaged_annotations_are_told_and_lists_go_on(imapd: Running) -> None:
    with imapd.signed_in() as client:
        (imapd.root / "mail/example.test/alice/Maildir/.Sent/malleposte.attributes").write_text("{")
        assert client.ask("GETMETADATA Sent /shared/comment")[-1].startswith(b"NO [UNAVAILABLE]")
        assert client.ask('LIST "" Sent')[-1].startswith(b"OK")
    assert "malleposte.attributes" in imapd.events("trouble")[0]["reason"]
