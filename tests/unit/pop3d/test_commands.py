import pytest

from services.pop3d.commands import Command, Verb, parse


@pytest.mark.parametrize(
    ("line", "command"),
    [
        (b"QUIT", Command(Verb.QUIT)),
        (b"quit ", Command(Verb.QUIT)),
        (b"RETR 1", Command(Verb.RETR, "1")),
        (b"USER alice@example.test ", Command(Verb.USER, "alice@example.test")),
        (b"PASS  two  spaces ", Command(Verb.PASS, " two  spaces ")),
        ("PASS schön".encode(), Command(Verb.PASS, "schön")),
    ],
)
def test_line_is_a_verb_and_the_rest(line: bytes, command: Command) -> None:
    assert parse(line) == command


@pytest.mark.parametrize("line", [b"", b" QUIT", b"NONSENSE", b"QUIT\0", b"\xff\xfe", b"GET / HTTP/1.1"])
def test_other_lines_are_no_commands(line: bytes) -> None:
    assert parse(line) is None


@pytest.mark.parametrize(
    ("argument", "numbers"),
    [("", ()), ("1", (1,)), ("1  2", (1, 2)), ("-1", None), ("x", None), ("1 x", None), ("١", None), ("1" * 5000, None)],
)
def test_arguments_are_numbers_or_not(argument: str, numbers: tuple[int, ...] | None) -> None:
    assert Command(Verb.TOP, argument).numbers() == numbers
