"""APPEND and REPLACE as their literals come in."""

import pytest

from services.imapd.grammar.append import Content, EndOfMessage, NewMessage, Replaced, Spelling, Step, Url, begin
from services.imapd.grammar.scanner import BadSyntax
from services.imapd.grammar.sequence import STAR

PLAIN = NewMessage(frozenset(), None)
SEEN = NewMessage(frozenset({"\\Seen"}), None)


def read(*parts: bytes) -> list[Step]:
    """The steps of a command whose text comes in these parts."""
    reader = begin(parts[0], has_utf8=False)
    assert reader is not None
    steps: list[Step] = []
    coming = iter(range(2, len(parts) + 1))
    for step in reader.steps():
        steps.append(step)
        if isinstance(step, Content | Spelling):
            reader.grow(b"".join(parts[: next(coming)]))
    return steps


@pytest.mark.parametrize(
    ("parts", "steps"),
    [
        ((b"a APPEND x {9}\r\n", b""), [PLAIN, Content(False), EndOfMessage()]),
        ((b"a append x (\\Seen) {9+}\r\n", b" "), [SEEN, Content(False), EndOfMessage()]),
        ((b'a APPEND x "01-Jan-1970 00:01:00 +0001" ~{9}\r\n', b""), [NewMessage(frozenset(), 0), Content(True), EndOfMessage()]),
        ((b"a APPEND {1}\r\nx () {9}\r\n", b""), [PLAIN, Content(False), EndOfMessage()]),
        (
            (b"a APPEND x {9}\r\n", b" (\\Seen) {8}\r\n", b""),
            [PLAIN, Content(False), EndOfMessage(), SEEN, Content(False), EndOfMessage()],
        ),
        ((b"a APPEND x UTF8 (~{9}\r\n", b")"), [PLAIN, Content(True), EndOfMessage()]),
        ((b'a APPEND x CATENATE (URL "/y/;UID=1")',), [PLAIN, Url(b"/y/;UID=1"), EndOfMessage()]),
        (
            (b"a APPEND x CATENATE (TEXT {3}\r\n", b" URL {2}\r\n", b"/y text {1+}\r\n", b")"),
            [PLAIN, Content(False), Spelling(), Url(b"/y"), Content(False), EndOfMessage()],
        ),
        ((b"a UID REPLACE 7 x {9}\r\n", b""), [PLAIN, Content(False), EndOfMessage()]),
    ],
)
def test_steps_follow_the_command(parts: tuple[bytes, ...], steps: list[Step]) -> None:
    assert read(*parts) == steps


@pytest.mark.parametrize(
    "text", [b"a APPEND {1}\r\n", b"a LOGIN x {9}\r\n", b"APPEND {9}\r\n", b"a UID APPEND x {9}\r\n", b"a REPLACE x y {9}\r\n", b""]
)
def test_other_commands_are_none_of_these(text: bytes) -> None:
    assert begin(text, has_utf8=False) is None


@pytest.mark.parametrize(
    ("text", "replaced"),
    [
        (b"a APPEND x ", None),
        (b"a REPLACE 4 x ", Replaced(4, False)),
        (b"a uid replace * x ", Replaced(STAR, True)),
    ],
)
def test_replace_says_what_it_replaces(text: bytes, replaced: Replaced | None) -> None:
    reader = begin(text, has_utf8=False)
    assert reader is not None and reader.replaced == replaced and reader.mailbox == "x"


@pytest.mark.parametrize(
    "parts",
    [
        (b"a APPEND x more",),
        (b"a APPEND x (\\Seen {9}\r\n",),
        (b"a APPEND x {9}\r\n", b"more"),
        (b"a APPEND x UTF8 ({9}\r\n", b""),
        (b"a APPEND x CATENATE (URL y URL {5000}\r\n", b"x" * 5000 + b")"),
        (b"a REPLACE 1 x {9}\r\n", b" {9}\r\n"),
    ],
)
def test_command_that_cannot_be_read_is_bad(parts: tuple[bytes, ...]) -> None:
    with pytest.raises(BadSyntax):
        read(*parts)
