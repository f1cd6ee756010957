"""Commands are read as RFC 3501 writes them, and complaints say why."""

from datetime import date

import pytest

from services.imapd.grammar import keys
from services.imapd.grammar import requests as ask
from services.imapd.grammar.parser import BadCommand, parse
from services.imapd.grammar.requests import Request, Verb
from services.imapd.grammar.sequence import STAR, SequenceSet, compact

ONE = SequenceSet(((1, 1),))
HEADER = ask.BodyItem(b"BODY[HEADER.FIELDS (From)]", ask.Section(word=ask.SectionWord.HEADER_FIELDS, fields=frozenset({b"from"})), is_peek=True)


@pytest.mark.parametrize(
    ("text", "request_"),
    [
        (b"a noop", ask.Bare(Verb.NOOP)),
        (b"a NOOP ", ask.Bare(Verb.NOOP)),
        (b"a LOGIN alice s3cret", ask.Login(b"alice", b"s3cret")),
        (b'a LOGIN "al\\"ice" {3}\r\n a ', ask.Login(b'al"ice', b" a ")),
        (b'a LOGIN alice ""', ask.Login(b"alice", b"")),
        (b"a AUTHENTICATE PLAIN =", ask.Authenticate("PLAIN", b"=")),
        (b'a ID ("name" "x" "os" NIL)', ask.Identify(((b"name", b"x"), (b"os", b"")))),
        (b"a ID nil", ask.Identify(())),
        (b"a SELECT inbox", ask.Select("inbox", is_writable=True)),
        (b"a EXAMINE &AMk-t&AOk-", ask.Select("Été", is_writable=False)),
        (b"a CREATE a]b", ask.ChangeFolder(ask.FolderVerb.CREATE, "a]b")),
        (b"a CREATE \\a", ask.ChangeFolder(ask.FolderVerb.CREATE, "\\a")),
        (b"a RENAME a {1}\r\nb", ask.Rename("a", "b")),
        (b"a STATUS x (MESSAGES unseen)", ask.Status("x", (ask.StatusItem.MESSAGES, ask.StatusItem.UNSEEN))),
        (b'a LIST "" %', ask.List("", ("%",))),
        (b"a LSUB a *", ask.Lsub("a", "*")),
        (b"a FETCH 1 FLAGS", ask.Fetch(ONE, (ask.Fact.FLAGS,), by_uid=False)),
        (b"a UID FETCH 1 (UID BODY.PEEK[HEADER.FIELDS (From)])", ask.Fetch(ONE, (ask.Fact.UID, HEADER), by_uid=True)),
        (b"a STORE 1 -FLAGS.SILENT (\\seen X)", ask.Store(ONE, ask.StoreWord.REMOVE, frozenset({"\\Seen", "X"}), is_silent=True, by_uid=False)),
        (
            b"a STORE 1 FLAGS () (UNCHANGEDSINCE 7)",
            ask.Store(ONE, ask.StoreWord.REPLACE, frozenset(), is_silent=False, by_uid=False, unchanged_since=7),
        ),
        (b"a UID MOVE 1 x", ask.Copy(ONE, "x", by_uid=True, is_move=True)),
        (b"a UID EXPUNGE 1", ask.ExpungeUids(ONE)),
        (b"a SEARCH SENTSINCE 1-feb-2024", keys.Search(keys.Dated(keys.When.SINCE, date(2024, 2, 1), keys.Day.SENT), by_uid=False)),
        (b"a SEARCH BODY \\ ALL", keys.Search(keys.Both((keys.TextHas("\\", in_header=False), keys.All())), by_uid=False)),
        (b"a SEARCH NOT (SEEN TEXT x)", keys.Search(keys.Not(keys.Both((keys.HasFlag("\\Seen"), keys.TextHas("x", in_header=True)))), by_uid=False)),
    ],
)
def test_command_is_read(text: bytes, request_: Request) -> None:
    assert parse(text).request == request_


@pytest.mark.parametrize(
    ("text", "reply"),
    [
        (b"", b"* BAD Tag expected\r\n"),
        (b"a", b"a BAD Space or argument expected\r\n"),
        (b"a NOOP x", b"a BAD Unexpected argument\r\n"),
        (b"+ NOOP", b"* BAD Tag expected\r\n"),
        (b"a FLY", b"a BAD Unknown command\r\n"),
        (b"a UID NOOP", b"a BAD Unknown command\r\n"),
        (b"a LOGIN alice", b"a BAD Space or argument expected\r\n"),
        (b'a LOGIN alice "x', b"a BAD Quoted string expected\r\n"),
        (b"a LOGIN alice {3}\r\nx\0y", b"a BAD Invalid literal\r\n"),
        (b"a SELECT &&", b"a NO [CANNOT] Mailbox name is not modified UTF-7\r\n"),
        (b"a SELECT {2}\r\n\xc3\xa9", b"a NO [CANNOT] Mailbox name is not modified UTF-7\r\n"),
        (b"a FETCH 0 FLAGS", b"a BAD Invalid message set\r\n"),
        (b"a FETCH 4294967296 FLAGS", b"a BAD Invalid message set\r\n"),
        (b"a FETCH 1 (FLAGS)x", b"a BAD Unexpected argument\r\n"),
        (b"a FETCH 1 BODY[MIME]", b"a BAD Invalid section\r\n"),
        (b"a FETCH 1 (" + b"UID " * 200 + b"UID)", b"a BAD Too many items\r\n"),
        (b"a STORE 1 FLAGS (" + b"x" * 51 + b")", b"a BAD Keyword is too long\r\n"),
        (b"a SEARCH " + b"(" * 60 + b"ALL" + b")" * 60, b"a BAD Search is too complex\r\n"),
        (b"a SEARCH " + b"1 " * 2000 + b"ALL", b"a BAD Search is too complex\r\n"),
        (b'a LIST "" ' + b"*" * 2000, b"a BAD Pattern is too long\r\n"),
    ],
)
def test_complaint_says_why(text: bytes, reply: bytes) -> None:
    with pytest.raises(BadCommand) as complaint:
        parse(text)
    assert complaint.value.reply.line(complaint.value.tag) == reply


def test_numbers_are_written_as_runs() -> None:
    assert compact([1, 2, 3, 7, 9, 10, 8]) == b"1:3,7,9:10,8"
    assert compact([]) == b""


@pytest.mark.parametrize(
    ("ranges", "largest", "spans"),
    [
        (((1, STAR),), 5, [(1, 5)]),
        (((7, STAR),), 5, [(5, 7)]),
        (((3, 1), (2, 4), (5, 5)), 9, [(1, 5)]),
        (((STAR, STAR),), 5, [(5, 5)]),
        (((1, STAR),), 0, []),
    ],
)
def test_spans_are_ascending_and_apart(ranges: tuple[tuple[int, int], ...], largest: int, spans: list[tuple[int, int]]) -> None:
    assert SequenceSet(ranges).spans(largest) == spans
