"""Commands as words, without a socket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.managesieve.commands import Authenticate, Bare, CheckScript, HaveSpace, Named, Noop, PutScript, Rename, Request, Verb, parse
from services.managesieve.grammar import Assembly, Atom, Malformed, Word
from services.managesieve.responses import no, ok, string


def words_of(*pieces: bytes) -> list[Word]:
    """Lines and literals in turn."""
    assembly = Assembly()
    for number, piece in enumerate(pieces):
        if number % 2:
            assembly.literal(piece)
        else:
            count = assembly.line(piece)
            assert count == (len(pieces[number + 1]) if number + 1 < len(pieces) else None)
    return assembly.words


@pytest.mark.parametrize(
    ("pieces", "request_"),
    [
        ([b"logout"], Bare(Verb.LOGOUT)),
        ([b"Noop"], Noop(None)),
        ([b'NOOP "STARTTLS-SYNC-42"'], Noop("STARTTLS-SYNC-42")),
        ([b'AUTHENTICATE "scram-sha-256"'], Authenticate("SCRAM-SHA-256", None)),
        ([b'AUTHENTICATE "PLAIN" ""'], Authenticate("PLAIN", b"")),
        ([b'HAVESPACE "a \\"b\\\\" 435'], HaveSpace('a "b\\', 435)),
        ([b'PUTSCRIPT "L\xc3\xb6we" {9+}', b"keep;\r\n\x00\xff", b""], PutScript("Löwe", b"keep;\r\n\x00\xff")),
        ([b"PUTSCRIPT {1+}", b"a", b' "keep;"'], PutScript("a", b"keep;")),
        ([b"PUTSCRIPT {1+}", b"a", b" {0+}", b"", b""], PutScript("a", b"")),
        ([b"CHECKSCRIPT {4+}", b"stop", b""], CheckScript(b"stop")),
        ([b'SETACTIVE ""'], Named(Verb.SETACTIVE, "")),
        ([b'RENAMESCRIPT "a" "b"'], Rename("a", "b")),
    ],
)
def test_command_is_understood(pieces: list[bytes], request_: Request) -> None:
    assert parse(words_of(*pieces)) == request_


@pytest.mark.parametrize(
    "line",
    [
        b"",
        b" LOGOUT",
        b"LOGOUT x",
        b"PUTSCRIPT",
        b'"LOGOUT"',
        b"FETCH 1",
        b'GETSCRIPT "a" "b"',
        b"GETSCRIPT a",
        b'GETSCRIPT "a',
        b'GETSCRIPT "a"b',
        b'GETSCRIPT"a"',
        b'GETSCRIPT "\xff"',
        b'HAVESPACE "a" 4294967296',
        b'HAVESPACE "a" -1',
        b'HAVESPACE "a" "1"',
        b"GETSCRIPT {1}",
        b'GETSCRIPT "a" "b" "c" "d"',
    ],
)
def test_command_that_is_none_is_malformed(line: bytes) -> None:
    with pytest.raises(Malformed):
        parse(words_of(line))


@given(st.lists(st.binary(max_size=40), min_size=1, max_size=4))
def test_no_input_breaks_the_grammar(lines: list[bytes]) -> None:
    assembly = Assembly()
    try:
        for line in lines:
            if assembly.line(line) is not None:
                assembly.literal(b"x")
        parse(assembly.words)
    except Malformed:
        pass
    assert all(isinstance(word, Atom | bytes) for word in assembly.words)


@pytest.mark.parametrize(
    ("reply", "expected"),
    [
        (ok("done"), b'OK "done"\r\n'),
        (no('a "word"', b"QUOTA/MAXSIZE"), b'NO (QUOTA/MAXSIZE) "a \\"word\\""\r\n'),
        (no("line 1\r\nline 2"), b"NO {14}\r\nline 1\r\nline 2\r\n"),
        (string(b"x" * 1025), b"{1025}\r\n" + b"x" * 1025),
    ],
)
def test_reply_is_written_as_a_string_can_be(reply: bytes, expected: bytes) -> None:
    assert reply == expected
