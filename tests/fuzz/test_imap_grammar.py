"""Whatever a stranger sends is a command, a complaint or nothing yet; never an exception."""

import contextlib

from hypothesis import given
from hypothesis import strategies as st

from services.imapd.grammar.append import Content, Spelling, begin
from services.imapd.grammar.framing import Framer, Offer
from services.imapd.grammar.parser import BadCommand, Tagged, parse
from services.imapd.grammar.responses import ok
from services.imapd.grammar.scanner import BadSyntax
from services.imapd.grammar.sequence import STAR, SequenceSet, match
from services.imapd.grammar.url import parse_url

WORDS = st.sampled_from(
    b"a|UID|FETCH|STORE|SEARCH|LOGIN|LIST|RETURN|STATUS|APPEND|ID|NIL|SELECT|INBOX|1:*|1,3|*|(|)|((|))|[|]|BODY[|BODY.PEEK[1.2.MIME]|HEADER.FIELDS|<0.5>|"
    b"ENVELOPE|FLAGS|+FLAGS|-FLAGS.SILENT|\\Seen|\\Recent|$Forwarded|NOT|OR|CHARSET|utf-8|idna|SINCE|1-Feb-2024|SENTON|HEADER|KEYWORD|UID|\"|\"x\"|\\|{3}\r\n|"
    b"{3+}\r\nabc|{0}\r\n|&AOk-|&|%|MESSAGES|4294967296|0|SUBSCRIBED|RECURSIVEMATCH|"
    b"REPLACE|CATENATE|URL|TEXT|UTF8|/x/;UID=1|GETMETADATA|SETMETADATA|DEPTH|/private/comment|"
    b"ENABLE|QRESYNC|CONDSTORE|(1 2 3 (1 1))|CHANGEDSINCE|VANISHED|UNCHANGEDSINCE|MODSEQ|PARTIAL|-1:-5|BINARY.SIZE[1]|BINARY[]<1>|PREVIEW|(LAZY)|"
    b"NOTIFY|SET|PERSONAL|SELECTED-DELAYED|(MessageNew MessageExpunge)|MAILBOXES|NONE|EMAILID|"
    b"GETACL|SETACL|DELETEACL|LISTRIGHTS|MYRIGHTS|anyone|-anyone|+lrs|user/alice@example.test/INBOX|user/|"
    b"CREATE|USE|METADATA|~{3+}\r\na\0b|\" 1-Feb-2024 00:00:00 +9999\"".split(b"|")
)  # fmt: skip
COMMANDS = st.one_of(st.binary(max_size=60), st.lists(WORDS, max_size=12).map(b" ".join), st.lists(WORDS, max_size=12).map(b"".join))


@given(COMMANDS)
def test_any_command_is_read_or_refused(text: bytes) -> None:
    assert answer(text).count(b"\r\n") == 1


def answer(text: bytes) -> bytes:
    try:
        tagged = parse(b"a " + text)
    except BadCommand as fault:
        return fault.reply.line(fault.tag)
    return ok("").line(tagged.tag)


@given(COMMANDS)
def test_any_append_is_read_or_not(text: bytes) -> None:
    reader = begin(b"a APPEND x " + text + b"{10}\r\n", has_utf8=False)
    assert reader is not None
    with contextlib.suppress(BadSyntax):
        for step in reader.steps():
            if isinstance(step, Content | Spelling):
                break


@given(st.binary(max_size=60) | st.text("/;=.%0aUIDuidSECTONPRAL:@imp", max_size=60).map(str.encode))
def test_any_url_is_read_or_not(text: bytes) -> None:
    parse_url(text)


@given(st.lists(COMMANDS, max_size=5), st.lists(st.integers(1, 40), min_size=1), st.randoms())
def test_framing_does_not_depend_on_packets(commands: list[bytes], cuts: list[int], random: object) -> None:
    data = b"\r\n".join(commands) + b"\r\n"
    assert events_of([data]) == events_of([data[at : at + size] for at, size in _pieces(len(data), cuts)])


def _pieces(length: int, cuts: list[int]) -> list[tuple[int, int]]:
    pieces, at, turn = [], 0, 0
    while at < length:
        pieces.append((at, cuts[turn % len(cuts)]))
        at += cuts[turn % len(cuts)]
        turn += 1
    return pieces


def events_of(packets: list[bytes]) -> list[object]:
    framer = Framer()
    events: list[object] = []
    for packet in packets:
        framer.feed(packet)
        while (event := framer.next_event()) is not None:
            events.append(event)
            if isinstance(event, Offer):
                (framer.accept if event.fits else framer.refuse)()
    return events


ENDS = st.integers(1, 12) | st.just(STAR)


@given(st.lists(st.tuples(ENDS, ENDS), min_size=1, max_size=6), st.integers(1, 12))
def test_spans_hold_the_same_numbers_as_the_set(ranges: list[tuple[int, int]], largest: int) -> None:
    spans = SequenceSet(tuple(ranges)).spans(largest)
    plain = {number for pair in ranges for number in numbers(*(largest if end == STAR else end for end in pair))}
    assert [n for first, last in spans for n in range(first, last + 1)] == sorted(plain)


def numbers(first: int, last: int) -> range:
    return range(min(first, last), max(first, last) + 1)


@given(st.binary(max_size=30))
def test_any_set_is_read_or_not(text: bytes) -> None:
    found = match(text, 0)
    assert found is None or 0 < found[1] <= len(text)


def test_a_command_of_many_open_parentheses_is_refused_without_a_deep_stack() -> None:
    assert refused(b"a SEARCH " + b"(" * 60_000)
    assert refused(b"a SEARCH " + b"NOT " * 15_000 + b"ALL")


def refused(text: bytes) -> bool:
    try:
        return not isinstance(parse(text), Tagged)
    except BadCommand:
        return True
